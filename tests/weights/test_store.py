"""Finding, opening and verifying weights, offline."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import torch

from batchcolor.errors import ModelError
from batchcolor.generators import GENERATORS, build
from batchcolor.generators.checkpoint import Checkpoint, save
from batchcolor.runtime.cache_dir import cache_root
from batchcolor.weights import CATALOGUE, Mirror, find_weights, list_weights, open_checkpoint, store, verify
from batchcolor.weights.fetch import fetch_weights
from batchcolor.weights.store import record_path

from .conftest import Page

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*arguments, **keywords):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def fetched(server, weights_bytes, catalogue) -> Path:
    return fetch_weights(catalogue(server.publish("/w", Page(weights_bytes))))


def test_every_entry_of_the_catalogue_names_a_generator_and_its_terms():
    for name, known in CATALOGUE.items():
        assert known.name == name
        assert known.architecture in GENERATORS
        assert known.licence
        assert known.origin
        assert all(mirror.url.startswith("https://") for mirror in known.mirrors)
        assert all(len(mirror.sha256) in {0, 8, 64} for mirror in known.mirrors)


def test_the_published_name_of_siggraph17_agrees_with_its_digest():
    """torch.hub's convention: the first eight digits of the SHA-256 stand in the name."""
    first = CATALOGUE["siggraph17"].mirrors[0]
    assert first.url.endswith(f"-{first.sha256[:8]}.pth")


def test_missing_weights_name_the_command_to_fetch_them(no_network):
    for call in (find_weights, open_checkpoint):
        with pytest.raises(ModelError, match=r"type: batchcolor models fetch siggraph17$"):
            call("siggraph17")


def test_missing_built_in_weights_are_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(store, "_PACKAGE", tmp_path)
    with pytest.raises(ModelError, match="missing from this installation"):
        find_weights("lite")
    save(Checkpoint("lite", {}, build("lite").state_dict()), tmp_path / "lite.safetensors", torch.float16)
    assert open_checkpoint("lite").architecture == "lite"


def test_an_unknown_name_lists_the_known_ones_and_the_nearest():
    with pytest.raises(ModelError, match=r"did you mean siggraph17\?\); known: lite, siggraph17"):
        find_weights("sigraph17")
    with pytest.raises(ModelError, match="no weights are called 'xyz'; known: lite"):
        find_weights("xyz")


@pytest.mark.parametrize("text", ["my.safetensors", "folder/my", "./my", "~/my.pth"])
def test_a_separator_or_a_suffix_makes_it_a_path(text):
    with pytest.raises(ModelError, match="no such weights file"):
        find_weights(text)


def test_a_folder_is_not_a_weights_file(tmp_path):
    with pytest.raises(ModelError, match="a folder"):
        find_weights(str(tmp_path))


def test_a_known_name_wins_over_a_file_of_that_name(fetched, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small").write_bytes(b"something else")
    assert find_weights("small") == fetched


def test_any_path_can_be_opened(weights_bytes, tmp_path, no_network):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(weights_bytes)
    assert find_weights(str(path)) == path
    assert open_checkpoint(str(path)).architecture == "small"


def test_the_cache_follows_the_user_and_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("BATCHCOLOR_CACHE", str(tmp_path / "elsewhere"))
    assert cache_root() == tmp_path / "elsewhere"
    monkeypatch.delenv("BATCHCOLOR_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root().name == "batchcolor"


def test_the_list_tells_which_weights_are_present(fetched, weights_bytes, no_network):
    by_name = {holding.known.name: holding for holding in list_weights()}
    here, absent = by_name["small"], by_name["siggraph17"]
    assert (here.path, here.size) == (fetched, len(weights_bytes))
    assert here.sha256 == store.sha256_of(fetched)
    assert (absent.path, absent.size, absent.sha256) == (None, None, None)


def test_verify_compares_with_the_fetched_or_published_digest(server, weights_bytes, catalogue, tmp_path):
    fetch_weights(catalogue(server.publish("/w", Page(weights_bytes))))
    assert verify("small").comparison == "as fetched"
    digest = store.sha256_of(find_weights("small"))
    catalogue(Mirror(server.url("/w"), sha256=digest[:8]))
    assert verify("small").comparison == "as published"
    path = tmp_path / "copy.safetensors"
    path.write_bytes(weights_bytes)
    alone = verify(str(path))
    assert (alone.comparison, alone.problem, alone.architecture, alone.tensors) == ("nothing to compare with", None, "small", 6)


def test_verify_sees_a_changed_byte(fetched, no_network):
    body = bytearray(fetched.read_bytes())
    body[-1] ^= 1  # in the last tensor: it still loads
    fetched.write_bytes(body)
    found = verify("small")
    assert found.comparison == "changed"
    assert "batchcolor models fetch small --again" in found.problem


def test_verify_loads_weights_without_a_known_digest(fetched):
    record_path(fetched).unlink()
    fetched.write_bytes(fetched.read_bytes()[:-5])
    found = verify("small")
    assert found.comparison == "damaged"
    assert str(fetched) in found.problem


def test_a_damaged_record_counts_as_none(fetched):
    for text in ("{", "[]", '{"url": 1}', "\ufeff"):
        record_path(fetched).write_text(text, encoding="utf-8")
        assert verify("small").comparison == "nothing to compare with"


def test_verify_reports_missing_weights():
    assert verify("siggraph17").comparison == "missing"
    assert "models fetch siggraph17" in verify("siggraph17").problem


def test_known_weights_of_another_network_are_not_opened(fetched):
    save(Checkpoint("lite", {}, build("lite").state_dict()), fetched, torch.float16)
    with pytest.raises(ModelError, match="holds lite, not small"):
        open_checkpoint("small")
