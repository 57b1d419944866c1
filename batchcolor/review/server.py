"""The web application: routes, and who may ask.

It listens on 127.0.0.1 alone. A random token in the address that is printed opens a session (a cookie that scripts cannot read); without
it, nothing is answered. The Host header must name this server, and requests that change something must come from its own pages, so that
no other site can reach it through the browser (DNS rebinding, cross-site requests).
"""

from __future__ import annotations

import functools
import hmac
import json
import mimetypes
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ..archive.walk import Kind
from ..colours.values import Names
from ..errors import BatchcolorError
from . import pictures
from .edits import ConflictError, Edits, as_json, point_of
from .library import FILTERS, MARKS, Library, ReviewItem
from .live import Live
from .redo import Redo
from .shots import Shots

_COOKIE = "batchcolor-review"
_THUMBNAIL = 256  # pixels
_MOST_ITEMS = 500  # in one answer
_MOST_BODY = 1 << 20  # bytes of a request
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STATIC = ("index.html", "review.css", "review.js")


@dataclass(frozen=True)
class Review:
    """What the routes need: the items, the chosen colours, live previews, runs."""

    library: Library
    edits: Edits
    live: Live
    redo: Redo
    shots: Shots
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))


class _Gate:
    """Lets in only who has the session's cookie, or brings its token."""

    def __init__(self, app: ASGIApp, token: str, hosts: frozenset[str]) -> None:
        self._app, self._token, self._hosts = app, token, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = self._refusal(request)
        response: Response
        if refusal is not None:
            response = PlainTextResponse(refusal, 403)
        elif self._same(request.query_params.get("token", "")):
            response = RedirectResponse(request.url.path, 303)
            response.set_cookie(_COOKIE, self._token, httponly=True, samesite="strict", path="/")
        elif not self._same(request.cookies.get(_COOKIE, "")):
            response = PlainTextResponse(
                "Open the address that `batchcolor review` printed; it holds the key to this page.", 403
            )
        else:
            await self._app(scope, receive, send)
            return
        await response(scope, receive, send)

    def _refusal(self, request: Request) -> str | None:
        if request.headers.get("host", "") not in self._hosts:
            return "This server answers under its own address alone."
        origin = request.headers.get("origin")
        if origin is not None and origin.removeprefix("http://") not in self._hosts:
            return "Requests of other sites are not answered."
        if request.method not in ("GET", "HEAD") and request.headers.get("x-batchcolor") != "review":
            return "Only the review page may change something."
        return None

    def _same(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode())


def application(review: Review, port: int) -> Starlette:
    """The ASGI application. port: that it is served at, which the Host header must name."""
    hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
    routes = [
        Route("/", functools.partial(_static, name="index.html")),
        *(Route(f"/{name}", functools.partial(_static, name=name)) for name in _STATIC[1:]),
        *(
            Route(path, functools.partial(_answered, review=review, handler=handler), methods=[method])
            for method, path, handler in _ROUTES
        ),
    ]
    return Starlette(routes=routes, middleware=[Middleware(_Gate, token=review.token, hosts=hosts)])


async def _static(_request: Request, name: str) -> Response:
    content = resources.files(__package__).joinpath("static", name).read_bytes()
    kind = mimetypes.guess_type(name)[0] or "text/plain"
    return Response(content, media_type=kind, headers={"Content-Security-Policy": _POLICY, **_HEADERS})


_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}

Handler = Callable[[Review, Request, dict[str, Any]], Response]


async def _answered(request: Request, review: Review, handler: Handler) -> Response:
    """Run a handler in a thread; its errors become JSON with the sentence for the user."""
    try:
        body = await _body(request)
        response = await run_in_threadpool(handler, review, request, body)
    except ConflictError as exc:
        response = JSONResponse({"error": str(exc)}, 409)
    except BatchcolorError as exc:
        response = JSONResponse({"error": str(exc)}, 422)
    response.headers.update({"X-Content-Type-Options": "nosniff"})
    if "cache-control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


async def _body(request: Request) -> dict[str, Any]:
    if request.method in ("GET", "HEAD"):
        return {}
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _MOST_BODY:
            raise HTTPException(413, "the request is too large")
    try:
        body = json.loads(content or b"{}")
    except ValueError as exc:
        raise HTTPException(400, "the request is not JSON") from exc
    if not isinstance(body, dict):
        raise HTTPException(400, "the request is not a JSON object")
    return body


def _item(review: Review, request: Request) -> ReviewItem:
    item = review.library.item(request.path_params["id"])
    if item is None:
        raise HTTPException(404, "there is no such item")
    return item


def _items(review: Review, request: Request, _body: dict[str, Any]) -> Response:
    query = request.query_params
    only = query.get("filter", "all")
    if only not in FILTERS:
        raise HTTPException(400, "there is no such filter")
    start, count = _number(query.get("start", "0")), min(_MOST_ITEMS, _number(query.get("count", "200")))
    if only == "chosen":
        review.library.set_chosen([item.target for item in review.library.page(count=10**9)[1] if review.edits.read(item)])
    total, found = review.library.page(
        start=start, count=count, only=only, search=query.get("search", ""), kind=query.get("kind", "")
    )
    return JSONResponse({"total": total, "start": start, "items": [item.as_dict() for item in found]})


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise HTTPException(400, "a number is wanted")
    return int(text)


def _details(review: Review, request: Request, _body: dict[str, Any]) -> Response:
    item = _item(review, request)
    review.library.set_mark(item, "seen", True)
    chosen = review.edits.read(item)
    return JSONResponse(
        {
            **item.as_dict(),
            "points": [as_json(point) for point in chosen.points],
            "others": len(chosen.references) + len(chosen.masks) + len(chosen.shots),
            "palette": review.edits.palette(),
            "source": str(item.source).encode("utf-8", "backslashreplace").decode(),
        }
    )


def _thumbnail(review: Review, request: Request, _body: dict[str, Any]) -> Response:
    item = _item(review, request)
    path = item.source if request.query_params.get("of") == "source" else item.target
    if not path.is_file():
        path = item.source
    pixels = _pixels(path, item.kind, _place(request), _THUMBNAIL)
    return Response(
        pictures.encoded(pixels, thumbnail=True), media_type="image/webp", headers={"Cache-Control": "private, max-age=60"}
    )


def _picture(review: Review, request: Request, _body: dict[str, Any]) -> Response:
    item = _item(review, request)
    path = item.source if request.query_params.get("of") == "source" else item.target
    return Response(pictures.encoded(_pixels(path, item.kind, _place(request), pictures.SCREEN)), media_type="image/jpeg")


def _place(request: Request) -> float:
    """The page of a photo, from 1, or the second of a film."""
    try:
        place = float(request.query_params.get("at", "0"))
    except ValueError as exc:
        raise HTTPException(400, "a number is wanted") from exc
    if not 0 <= place < 1e7:
        raise HTTPException(400, "a number from 0 on is wanted")
    return place


def _pixels(path: Path, kind: Kind, place: float, side: int) -> Any:
    if kind is Kind.PHOTO:
        return pictures.photo_pixels(path, side, max(1, int(place)))
    return pictures.film_pixels(path, place, side)


def _preview(review: Review, request: Request, body: dict[str, Any]) -> Response:
    item = _item(review, request)
    place = float(body.get("place") or 0)
    names = Names(review.edits.folder, review.edits.names())
    points = [point_of(each, names) for each in body.get("points", [])]
    rules = review.edits.rules(item)

    def load() -> Any:
        return _pixels(item.source, item.kind, place, pictures.SCREEN)

    return Response(pictures.encoded(review.live.preview((item.id, place), load, points, rules)), media_type="image/jpeg")


def _suggestions(review: Review, request: Request, body: dict[str, Any]) -> Response:
    item = _item(review, request)
    place, at = float(body.get("place") or 0), body.get("at")
    if not (isinstance(at, list) and len(at) == 2 and all(isinstance(v, int | float) and 0 <= v <= 1 for v in at)):
        raise HTTPException(400, "a place is wanted")

    def load() -> Any:
        return _pixels(item.source, item.kind, place, pictures.SCREEN)

    L, colours = review.live.suggestions((item.id, place), load, (float(at[0]), float(at[1])))
    return JSONResponse({"L": L, "colours": colours})


def _change_points(review: Review, request: Request, body: dict[str, Any]) -> Response:
    item = _item(review, request)
    old, new = body.get("old"), body.get("new")
    if old is not None and new is not None:
        chosen = review.edits.replace(item, old, new)
    elif new is not None:
        chosen = review.edits.add(item, new)
    elif old is not None:
        chosen = review.edits.remove(item, old)
    else:
        raise HTTPException(400, "a point is wanted")
    review.library.set_mark(item, "redo", True)
    return JSONResponse({"points": [as_json(point) for point in chosen.points]})


def _mark(review: Review, request: Request, body: dict[str, Any]) -> Response:
    item = _item(review, request)
    for mark in MARKS:
        if isinstance(body.get(mark), bool):
            review.library.set_mark(item, mark, body[mark])
    changed = review.library.item(item.id)
    return JSONResponse((changed or item).as_dict())


def _shots(review: Review, request: Request, _body: dict[str, Any]) -> Response:
    item = _item(review, request)
    if item.kind is not Kind.FILM:
        raise HTTPException(404, "a photo has no shots")
    return JSONResponse(review.shots.of(item))


def _film(review: Review, request: Request, _body: dict[str, Any]) -> Response:
    item = _item(review, request)
    if item.kind is not Kind.FILM or not item.target.is_file():
        raise HTTPException(404, "there is no result")
    return FileResponse(item.target)


def _start_redo(review: Review, _request: Request, _body: dict[str, Any]) -> Response:
    items = review.library.marked("redo")
    if not items:
        return JSONResponse({"error": "Nothing is marked to be redone."}, 422)
    if not review.redo.start([item.target for item in items]):
        return JSONResponse({"error": "A run is at work already."}, 409)
    return JSONResponse(review.redo.state, 202)


def _redo_state(review: Review, _request: Request, _body: dict[str, Any]) -> Response:
    return JSONResponse({**review.redo.state, "marked": len(review.library.marked("redo"))})


_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/api/items", _items),
    ("GET", "/api/items/{id}", _details),
    ("GET", "/api/items/{id}/thumbnail", _thumbnail),
    ("GET", "/api/items/{id}/picture", _picture),
    ("POST", "/api/items/{id}/preview", _preview),
    ("POST", "/api/items/{id}/suggestions", _suggestions),
    ("POST", "/api/items/{id}/points", _change_points),
    ("POST", "/api/items/{id}/mark", _mark),
    ("GET", "/api/items/{id}/shots", _shots),
    ("GET", "/api/items/{id}/film", _film),
    ("POST", "/api/redo", _start_redo),
    ("GET", "/api/redo", _redo_state),
)
