"""Fetching from a real server on loopback that disconnects, lies, redirects and sends web pages."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import zipfile
from pathlib import Path

import httpx
import pytest
import torch
from filelock import FileLock

from batchcolor.errors import ModelError, OutputError
from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint, save
from batchcolor.weights import CATALOGUE, KnownWeights, Mirror, open_checkpoint, verify
from batchcolor.weights.fetch import fetch_weights
from batchcolor.weights.store import read_record

from .conftest import Page

pytestmark = pytest.mark.usefixtures("empty_cache")


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def left_over(cache: Path) -> set[str]:
    """What lies in the cache's folder of weights, apart from the lock."""
    folder = cache / "weights"
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"} if folder.is_dir() else set()


def test_a_fetched_file_is_complete_recorded_and_leaves_no_other_file(server, weights_bytes, catalogue, empty_cache):
    seen = []
    mirror = server.publish("/w", Page(weights_bytes), size=len(weights_bytes), sha256=digest(weights_bytes))
    path = fetch_weights(catalogue(mirror), progress=lambda here, total: seen.append((here, total)))
    assert path.read_bytes() == weights_bytes
    record = read_record(path)
    assert (record.url, record.size, record.sha256) == (mirror.url, len(weights_bytes), digest(weights_bytes))
    assert left_over(empty_cache) == {"small.safetensors", "small.json"}
    assert seen[-1] == (len(weights_bytes), len(weights_bytes))
    assert [here for here, _ in seen] == sorted(here for here, _ in seen)
    assert all(agent.startswith("batchcolor/") for agent in server.agents)


def test_verified_files_are_fetched_again_only_on_request(server, weights_bytes, catalogue):
    known = catalogue(server.publish("/w", Page(weights_bytes)))
    fetch_weights(known)
    fetch_weights(known)
    assert len(server.asked) == 1
    fetch_weights(known, again=True)
    assert len(server.asked) == 2


def test_a_file_that_has_changed_since_is_fetched_again(server, weights_bytes, catalogue):
    known = catalogue(server.publish("/w", Page(weights_bytes)))
    path = fetch_weights(known)
    path.write_bytes(weights_bytes[:-1] + b"?")
    assert fetch_weights(known).read_bytes() == weights_bytes


@pytest.mark.parametrize("length", [None, -1], ids=["length told", "length untold"])
def test_a_connection_that_breaks_is_taken_up_where_it_stopped(server, weights_bytes, catalogue, length):
    page = Page(weights_bytes, sent=[50_000, 40_000], length=length)
    known = catalogue(server.publish("/w", page, size=len(weights_bytes), sha256=digest(weights_bytes)))
    assert fetch_weights(known).read_bytes() == weights_bytes
    assert [asked for _, asked in server.asked] == ["", "bytes=50000-", "bytes=90000-"]


def test_a_later_call_resumes_the_download(server, weights_bytes, catalogue, empty_cache):
    page = Page(weights_bytes, sent=[50_000, 0])
    known = catalogue(server.publish("/w", page))
    with pytest.raises(ModelError, match="50000 bytes stay for the next attempt"):
        fetch_weights(known)
    assert left_over(empty_cache) == {"small.safetensors.part", "small.safetensors.part.json"}
    server.asked.clear()
    assert fetch_weights(known).read_bytes() == weights_bytes
    assert server.asked == [("/w", "bytes=50000-")]


def test_a_server_that_ignores_ranges_begins_again(server, weights_bytes, catalogue):
    page = Page(weights_bytes, sent=[50_000], ranges=False)
    assert fetch_weights(catalogue(server.publish("/w", page))).read_bytes() == weights_bytes
    assert [asked for _, asked in server.asked] == ["", "bytes=50000-"]


def test_a_file_that_changed_between_two_calls_is_not_stitched_together(server, weights_bytes, catalogue):
    page = Page(bytes(len(weights_bytes)), sent=[50_000, 0])
    known = catalogue(server.publish("/w", page))
    with pytest.raises(ModelError):
        fetch_weights(known)
    server.pages["/w"] = Page(weights_bytes, etag='"second"')
    assert fetch_weights(known).read_bytes() == weights_bytes


def test_a_part_of_the_wrong_bytes_is_dropped_and_the_download_begun_again(server, weights_bytes, catalogue):
    """The server keeps its ETag although the file is another: only the digest can tell."""
    page = Page(bytes(len(weights_bytes)), sent=[50_000, 0])
    known = catalogue(server.publish("/w", page, sha256=digest(weights_bytes)))
    with pytest.raises(ModelError):
        fetch_weights(known)
    server.pages["/w"] = Page(weights_bytes)
    assert fetch_weights(known).read_bytes() == weights_bytes
    assert [asked for _, asked in server.asked[-2:]] == ["bytes=50000-", ""]


@pytest.mark.parametrize("change", ["shorter", "other range", "same length"])
def test_a_partial_file_that_does_not_match_the_server_is_discarded(server, weights_bytes, catalogue, change):
    body = weights_bytes + bytes(10_000)
    page = Page(body, sent=[len(weights_bytes) + (0 if change == "same length" else 5000), 0])
    known = catalogue(server.publish("/w", page))
    with pytest.raises(ModelError):
        fetch_weights(known)
    server.asked.clear()
    server.pages["/w"] = Page(body, wrong_range=True) if change == "other range" else Page(weights_bytes)
    if change == "other range":
        with pytest.raises(ModelError, match="does not load"):  # begun again, whole, but with trailing bytes
            fetch_weights(known)
        assert [asked for _, asked in server.asked] == [f"bytes={len(weights_bytes) + 5000}-", ""]
    else:
        assert fetch_weights(known).read_bytes() == weights_bytes


def test_all_bytes_here_but_never_renamed_needs_no_second_download(server, weights_bytes, catalogue, empty_cache):
    mirror = server.publish("/w", Page(weights_bytes, sent=[50_000, 0]), size=len(weights_bytes))
    known = catalogue(mirror)
    with pytest.raises(ModelError):
        fetch_weights(known)
    part = empty_cache / "weights" / "small.safetensors.part"
    part.write_bytes(weights_bytes)
    server.asked.clear()
    assert fetch_weights(known).read_bytes() == weights_bytes
    assert server.asked == []


def test_the_next_mirror_has_its_turn_and_its_own_beginning(server, weights_bytes, catalogue):
    broken = server.publish("/broken", Page(weights_bytes, sent=[50_000, 0]))
    good = server.publish("/good", Page(weights_bytes), sha256=digest(weights_bytes)[:8])
    path = fetch_weights(catalogue(broken, good))
    assert path.read_bytes() == weights_bytes
    assert server.asked[-1] == ("/good", "")
    assert read_record(path).url == good.url


def test_the_mirror_of_a_broken_off_download_is_asked_first(server, weights_bytes, catalogue):
    first = server.publish("/first", Page(b"", status=500))
    second = server.publish("/second", Page(weights_bytes, sent=[50_000, 0]))
    with pytest.raises(ModelError):
        fetch_weights(catalogue(first, second))
    server.asked.clear()
    fetch_weights(catalogue(first, second))
    assert server.asked == [("/second", "bytes=50000-")]


@pytest.mark.parametrize(
    ("page", "knowledge", "reason"),
    [
        (Page(b"gone", status=404), {}, "answers 404 Not Found"),
        (Page(b"oops", status=500), {}, "answers 500"),
        (Page(b"", status=204), {}, "answers 204"),
        (Page(b"<!doctype html>", kind="text/html; charset=utf-8"), {}, "web page"),
        (Page(b"\r\n <html>not found</html>"), {}, "web page"),
        (Page(b"x" * 100), {"size": 200}, "offers 100 bytes, but 200 were published"),
        (Page(b"x" * 300, length=-1), {"size": 200}, "sent 300 bytes, but 200 were published"),
        (Page(b"x" * 100), {"sha256": "df00044c"}, "not df00044c"),
        (Page(b"x" * 100), {}, "does not load"),
        (Page(b"", location="/page"), {}, "redirects"),
    ],
)
def test_a_refused_answer_leaves_no_file_and_says_why(server, small, catalogue, empty_cache, page, knowledge, reason):
    with pytest.raises(ModelError, match=reason) as refused:
        fetch_weights(catalogue(server.publish("/page", page, **knowledge)))
    assert server.url("/page") in str(refused.value)
    assert "\n" not in str(refused.value)
    assert left_over(empty_cache) == set()


def test_a_length_that_is_too_short_cannot_pass(server, weights_bytes, catalogue, empty_cache):
    page = Page(weights_bytes, length=len(weights_bytes) - 1000)
    with pytest.raises(ModelError, match="does not load"):
        fetch_weights(catalogue(server.publish("/w", page)))
    assert left_over(empty_cache) == set()


def test_a_too_long_content_length_ends_the_download(server, weights_bytes, catalogue):
    """The connection seems to break off; asked to go on, the server says that there is nothing more."""
    page = Page(weights_bytes, length=len(weights_bytes) + 1000)
    assert fetch_weights(catalogue(server.publish("/w", page))).read_bytes() == weights_bytes
    assert len(server.asked) == 2


def test_redirects_are_followed(server, weights_bytes, catalogue):
    server.pages["/w"] = Page(weights_bytes)
    mirror = server.publish("/latest", Page(b"", location="/w"))
    assert fetch_weights(catalogue(mirror)).read_bytes() == weights_bytes


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/w", "//", "http://[::1", "javascript:0", "data:,x"]
)
def test_a_redirect_to_anything_but_a_web_server_is_refused(server, small, catalogue, empty_cache, location):
    with pytest.raises(ModelError, match="could not be fetched") as refused:
        fetch_weights(catalogue(server.publish("/w", Page(b"", location=location))))
    assert "\n" not in str(refused.value)
    assert left_over(empty_cache) == set()


def test_a_server_that_never_ends_does_not_fill_the_disk(server, small, catalogue, empty_cache, monkeypatch):
    monkeypatch.setattr("batchcolor.weights.fetch._MOST_BYTES", 1000)
    with pytest.raises(ModelError, match="sends more than 1000 bytes"):
        fetch_weights(catalogue(server.publish("/w", Page(b"x" * 100_000, length=-1))))
    assert left_over(empty_cache) == set()


def test_a_server_that_sends_next_to_nothing_is_given_up(server, weights_bytes, catalogue, empty_cache, monkeypatch):
    monkeypatch.setattr("batchcolor.weights.fetch._PATIENCE_S", 0.1)
    with pytest.raises(ModelError, match=r"sent \d+ bytes in \d+ seconds, \d+ bytes stay for the next attempt"):
        fetch_weights(catalogue(server.publish("/w", Page(weights_bytes, pause_s=0.02))))
    assert left_over(empty_cache) == {"small.safetensors.part", "small.safetensors.part.json"}


def test_a_part_that_is_a_link_changes_nothing_elsewhere(server, weights_bytes, catalogue, empty_cache, tmp_path):
    (tmp_path / "letter.txt").write_text("dear all")
    folder = empty_cache / "weights"
    folder.mkdir(parents=True)
    (folder / "small.safetensors.part").symlink_to(tmp_path / "letter.txt")
    assert fetch_weights(catalogue(server.publish("/w", Page(weights_bytes)))).read_bytes() == weights_bytes
    assert (tmp_path / "letter.txt").read_text() == "dear all"


def test_weights_of_another_network_are_refused(server, catalogue, small, tmp_path, empty_cache):
    save(Checkpoint("lite", {}, build("lite").state_dict()), tmp_path / "lite", torch.float16)
    mirror = server.publish("/w", Page((tmp_path / "lite").read_bytes()))
    with pytest.raises(ModelError, match="weights of lite, not of small"):
        fetch_weights(catalogue(mirror))
    assert left_over(empty_cache) == set()


def test_an_unreachable_server_is_one_sentence(server, catalogue, small):
    url = server.url("/w")
    server.server_close()
    with pytest.raises(ModelError, match="could not be fetched"):
        fetch_weights(catalogue(Mirror(url)))


def test_an_unwritable_cache_is_an_output_error(server, weights_bytes, catalogue, empty_cache):
    empty_cache.write_text("a file where the folder should be")
    with pytest.raises(OutputError, match="BATCHCOLOR_CACHE"):
        fetch_weights(catalogue(server.publish("/w", Page(weights_bytes))))


def test_a_full_disk_is_an_output_error(server, weights_bytes, catalogue, empty_cache):
    folder = empty_cache / "weights"
    folder.mkdir(parents=True)
    (folder / "small.safetensors.part").symlink_to("/dev/full")  # Linux: every write to it says ENOSPC
    with pytest.raises(OutputError, match="No space left"):
        fetch_weights(catalogue(server.publish("/w", Page(weights_bytes))))
    assert not (folder / "small.safetensors").exists()


def test_two_fetches_at_once_do_not_share_a_part(server, weights_bytes, catalogue, empty_cache):
    folder = empty_cache / "weights"
    folder.mkdir(parents=True)
    known = catalogue(server.publish("/w", Page(weights_bytes)))
    with FileLock(folder / "small.safetensors.lock"), pytest.raises(ModelError, match="another batchcolor"):
        fetch_weights(known)
    assert fetch_weights(known).read_bytes() == weights_bytes


def test_embedded_weights_are_never_fetched(monkeypatch):
    monkeypatch.setattr(httpx, "Client", None)  # would fail if it were touched
    missing = KnownWeights("gone", "lite", "", "", "", "gone.safetensors")
    monkeypatch.setitem(CATALOGUE, "gone", missing)
    with pytest.raises(ModelError, match="come with batchcolor"):
        fetch_weights(missing)


def test_siggraph17_arrives_in_its_published_form(server, monkeypatch):
    """A pickled state dict in zip form, random weights, checked by the first eight digits of its digest."""
    torch.manual_seed(2)
    buffer = io.BytesIO()
    torch.save(build("siggraph17").state_dict(), buffer)
    body = buffer.getvalue()
    known = KnownWeights(
        "siggraph17",
        "siggraph17",
        "",
        "",
        "",
        "siggraph17.pth",
        (server.publish("/siggraph17.pth", Page(body, sent=[100_000_000]), sha256=digest(body)[:8]),),
    )
    monkeypatch.setitem(CATALOGUE, "siggraph17", known)
    fetch_weights(known)
    assert verify("siggraph17").comparison == "as published"
    assert open_checkpoint("siggraph17").architecture == "siggraph17"


def test_a_flipped_bit_in_a_zip_is_seen_where_no_digest_is_known(server, empty_cache):
    buffer = io.BytesIO()
    torch.save({"weight": torch.zeros(1000)}, buffer)
    body = bytearray(buffer.getvalue())
    with zipfile.ZipFile(buffer) as archive:
        member = next(info for info in archive.infolist() if info.filename.endswith("data/0"))
    body[member.header_offset + 1500] ^= 1
    known = KnownWeights("one", "siggraph17", "", "", "", "one.pth", (server.publish("/one", Page(bytes(body))),))
    with pytest.raises(ModelError, match="wrong checksum"):
        fetch_weights(known)
    assert left_over(empty_cache) == set()


def test_a_pickle_with_code_is_refused_and_does_not_run(server, tmp_path, empty_cache):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'ran'}",)

    mirror = server.publish("/evil", Page(pickle.dumps({"model1.0.weight": Evil()}, protocol=2)))
    known = KnownWeights("evil", "siggraph17", "", "", "", "evil.pth", (mirror,))
    with pytest.raises(ModelError, match="does not load"):
        fetch_weights(known)
    assert not (tmp_path / "ran").exists()
    assert left_over(empty_cache) == set()
