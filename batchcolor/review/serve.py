"""Serving the review page until Ctrl-C."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

from ..app import redo_archive
from ..archive.output_tree import read_tree
from ..engines.opening import ColorizerFactory
from ..errors import BatchcolorError, OutputError, UsageError
from ..report import REVIEW_PORT
from ..settings import Settings


def serve(output: Path, announce: Callable[[str], None], *, port: int | None = None, open_browser: bool = True) -> None:
    """Serve the review page of the tree `output` on 127.0.0.1. port: 0 takes a free one; None: 8737, which
    reports link to, or a free one where that is taken.

    announce: called with the address, which holds the key to the page, once it can be opened. Raises `UsageError` where the
    extra is missing, `OutputError` where there is nothing to review or the port is taken.
    """
    if importlib.util.find_spec("starlette") is None or importlib.util.find_spec("uvicorn") is None:
        raise UsageError('the review page needs two more packages; type: pip install "batchcolor[review]"')
    import uvicorn

    from .api import Review
    from .clips import Clips
    from .edits import Edits
    from .layers import Layers
    from .library import Library
    from .live import Live
    from .propagation import Propagation
    from .redo import Redo
    from .server import application
    from .shots import Shots

    library = Library(output)
    with read_tree(output, "lite") as tree:
        last = tree.last_run()
    settings = Settings() if last is None else last.settings.default
    colorizer = ColorizerFactory(settings.model)
    live = Live(colorizer, settings.color)

    def finished(target: Path) -> None:
        item = library.of_target(target)
        if item is not None:
            library.set_mark(item, "redo", False)
            live.forget(item.id)

    redo = Redo(
        lambda targets, events, should_stop: redo_archive(output, targets, events=events, should_stop=should_stop),
        lambda outcome: finished(outcome.target),
    )
    # Errors of loading it are answered to whoever clicks first.
    threading.Thread(target=_ignoring_errors(live.open_network), name="network", daemon=True).start()
    shots, clips = Shots(), Clips()
    propagation = Propagation(colorizer)
    edits, layers = Edits(output, settings.color.colours), Layers(shots, propagation)
    review = Review(library, edits, live, redo, shots, propagation, layers, clips)
    with _listening(port) as listener:
        port = listener.getsockname()[1]
        address = f"http://127.0.0.1:{port}/?token={review.token}"
        announce(address)
        if open_browser:
            webbrowser.open(address)
        server = uvicorn.Server(
            uvicorn.Config(application(review, port), log_level="warning", access_log=False, timeout_graceful_shutdown=2)
        )
        try:
            server.run(sockets=[listener])
        finally:
            shots.stop()
            live.close()
            redo.stop(wait_s=8)
            clips.close()
            library.close()


def _ignoring_errors(work: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        with contextlib.suppress(BatchcolorError):
            work()

    return run


def _listening(port: int | None) -> socket.socket:
    if port is None:
        with contextlib.suppress(OutputError):
            return _listening(REVIEW_PORT)
        port = 0
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # there, it allows no two servers, but the same port again after a restart
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)  # before the address is printed: who comes early waits
    except OSError as exc:
        listener.close()
        raise OutputError(f"port {port} cannot be used ({exc.strerror or exc}); choose another --port") from exc
    return listener
