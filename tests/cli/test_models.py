"""`batchcolor models` as users and cron see it: stdout, stderr and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import click
import pytest

from batchcolor.cli import cli, main
from batchcolor.errors import ExitCode
from batchcolor.weights import CATALOGUE, KnownWeights, Mirror
from tests.support import commands_of

from ..weights.conftest import Page, catalogue, server, small, weights_bytes  # noqa: F401 - fixtures

pytestmark = pytest.mark.usefixtures("empty_cache")

HEAVY = ("torch", "av", "httpx", "cv2", "pyvips", "openvino", "skimage", "numpy", "rich")


def run(capsys, *arguments):
    """Exit code, stdout, stderr."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    out, err = capsys.readouterr()
    return stopped.value.code, out, err


def test_the_list_names_place_size_licence_and_digest(capsys, server, weights_bytes, catalogue):  # noqa: F811
    catalogue(server.publish("/w", Page(weights_bytes)))
    code, path, _ = run(capsys, "models", "fetch", "small")
    assert code == ExitCode.OK
    code, out, err = run(capsys, "models")
    assert (code, err) == (ExitCode.OK, "")
    assert path.strip() in out
    assert "CC0-1.0" in out
    assert "type: batchcolor models fetch siggraph17" in out
    code, out, _ = run(capsys, "models", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert rows["small"]["path"] == path.strip()
    assert rows["small"]["size"] == len(weights_bytes)
    assert len(rows["small"]["sha256"]) == 64
    assert rows["siggraph17"]["path"] is None
    assert rows["siggraph17"]["licence"] == "BSD-2-Clause"


def test_a_terminal_gets_a_table(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    code, out, _ = run(capsys, "models")
    assert code == ExitCode.OK
    assert "SHA-256" in out.splitlines()[0]
    assert any(line.startswith("siggraph17") for line in out.splitlines())


def test_fetch_prints_the_path_alone_on_stdout(capsys, server, weights_bytes, catalogue, empty_cache):  # noqa: F811
    catalogue(server.publish("/w", Page(weights_bytes)))
    code, out, _ = run(capsys, "models", "fetch", "small")
    assert code == ExitCode.OK
    assert out == f"{empty_cache / 'weights' / 'small.safetensors'}\n"


def test_a_mistyped_name_is_a_model_error_with_a_suggestion(capsys):
    code, out, err = run(capsys, "models", "fetch", "sigraph17")
    assert (code, out) == (ExitCode.MODEL, "")
    assert "did you mean siggraph17?" in err


def test_a_failed_fetch_is_one_line_and_exit_code_4(capsys, server, small, catalogue):  # noqa: F811
    catalogue(server.publish("/w", Page(b"", status=404)))
    code, out, err = run(capsys, "models", "fetch", "small")
    assert (code, out) == (ExitCode.MODEL, "")
    assert "404" in err
    assert "Traceback" not in err


def test_an_unwritable_cache_is_exit_code_5(capsys, server, weights_bytes, catalogue, empty_cache):  # noqa: F811
    empty_cache.write_text("")
    catalogue(server.publish("/w", Page(weights_bytes)))
    code, _, err = run(capsys, "models", "fetch", "small")
    assert code == ExitCode.OUTPUT
    assert str(empty_cache) in err


def test_verify_exits_with_4_for_damaged_weights(capsys, server, weights_bytes, catalogue):  # noqa: F811
    catalogue(server.publish("/w", Page(weights_bytes)))
    _, path, _ = run(capsys, "models", "fetch", "small")
    code, out, err = run(capsys, "models", "verify", "small")
    assert (code, err) == (ExitCode.OK, "")
    assert out.startswith("small: whole, as fetched (small, 6 tensors, SHA-256 ")
    with open(path.strip(), "r+b") as file:  # noqa: PTH123 - the path is text here
        file.seek(-1, 2)
        file.write(b"?")
    code, out, err = run(capsys, "models", "verify", "small", "siggraph17")
    assert code == ExitCode.MODEL
    assert out.startswith("small: changed: ")
    assert "siggraph17: missing: " in out
    assert "2 of 2" in err
    code, out, _ = run(capsys, "models", "verify", "--json", "small")
    assert code == ExitCode.MODEL
    assert json.loads(out)[0]["comparison"] == "changed"


def test_verify_without_names_takes_all_that_is_here(capsys, server, weights_bytes, catalogue, monkeypatch):  # noqa: F811
    monkeypatch.delitem(CATALOGUE, "lite")
    catalogue(server.publish("/w", Page(weights_bytes)))
    run(capsys, "models", "fetch", "small")
    code, out, _ = run(capsys, "models", "verify")
    assert code == ExitCode.OK
    assert [line.split(":")[0] for line in out.splitlines()] == ["small"]


def test_verify_reports_missing_built_in_weights(capsys, monkeypatch):
    gone = KnownWeights("gone", "lite", "", "Apache-2.0", "", "gone.safetensors")
    monkeypatch.setitem(CATALOGUE, "gone", gone)
    code, out, _ = run(capsys, "models", "verify", "gone")
    assert code == ExitCode.MODEL
    assert "missing from this installation" in out


def test_an_unreachable_mirror_fails_quickly_with_one_sentence(capsys, server, small, catalogue):  # noqa: F811
    url = server.url("/w")
    server.server_close()
    catalogue(Mirror(url))
    code, _, err = run(capsys, "models", "fetch", "small")
    assert code == ExitCode.MODEL
    assert url in err


def _commands(group: click.Group, path: tuple[str, ...] = ()):
    for name, command in commands_of(group):
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


@pytest.mark.parametrize("path", [path for path, _ in _commands(cli)], ids=" ".join)
def test_every_command_shows_an_example(capsys, path):
    code, out, _ = run(capsys, *path, "--help")
    assert code == ExitCode.OK
    assert f"batchcolor {' '.join(path)}" in out.split("Example", 1)[1]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["models", "--help"], ["models"]], ids=" ".join)
def test_help_and_version_import_nothing_heavy(arguments):
    """In an interpreter of its own, since this one has imported everything already. The time is printed, not judged."""
    code = (
        "import sys\n"
        "from batchcolor.cli import main\n"
        "try:\n"
        f"    main({arguments!r})\n"
        "except SystemExit as stopped:\n"
        f"    heavy = sorted(set({HEAVY!r}) & set(sys.modules))\n"
        "    print('exit', stopped.code, *heavy, file=sys.stderr)\n"
    )
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    print(f"batchcolor {' '.join(arguments)}: {time.perf_counter() - begun:.2f} s with the interpreter's start")
    assert done.stderr.splitlines()[-1] == "exit 0"
    assert done.stdout
