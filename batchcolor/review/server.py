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
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import report
from ..errors import BatchcolorError
from .api import ROUTES, Handler, Review
from .edits import ConflictError
from .library import ListingGone

_COOKIE = "batchcolor-review"
_MOST_BODY = 1 << 20  # bytes of a request
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STATIC = {  # name -> package that holds it
    "review.css": __package__,
    "divider.js": report.__name__,
    **{f"{name}.js": __package__ for name in ("film", "grid", "item", "page", "picker", "picture", "points", "review", "view")},
}
_AGAIN = "<!doctype html><meta http-equiv=refresh content=0><title>batchcolor: review</title>"


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
            response = RedirectResponse(str(request.url.replace(scheme="", netloc="").remove_query_params("token")), 303)
            response.set_cookie(_COOKIE, self._token, httponly=True, samesite="strict", path="/")
        elif not self._same(request.cookies.get(_COOKIE, "")) and _comes_by_a_link(request):
            response = HTMLResponse(_AGAIN, headers=_HEADERS)
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

    def _same(self, key: str) -> bool:
        return hmac.compare_digest(key.encode("utf-8", "replace"), self._token.encode())


def _comes_by_a_link(request: Request) -> bool:
    """Whether another page, such as a report, links here: browsers then leave out the cookie, and bring it when the page loads again."""
    navigates = request.headers.get("sec-fetch-mode") == "navigate" and request.method == "GET"
    return navigates and request.url.path == "/" and request.headers.get("sec-fetch-site") == "cross-site"


def application(review: Review, port: int) -> Starlette:
    """The ASGI application. port: that it is served at, which the Host header must name."""
    hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
    routes = [
        Route("/", functools.partial(_static, package=__package__, name="index.html")),
        *(Route(f"/{name}", functools.partial(_static, package=package, name=name)) for name, package in _STATIC.items()),
        *(
            Route(path, functools.partial(_respond, review=review, handler=handler), methods=[method])
            for method, path, handler in ROUTES
        ),
    ]
    return Starlette(routes=routes, middleware=[Middleware(_Gate, token=review.token, hosts=hosts)])


async def _static(_request: Request, package: str, name: str) -> Response:
    folder = resources.files(package)
    content = (folder / "static" / name if package == __package__ else folder / name).read_bytes()
    kind = mimetypes.guess_type(name)[0] or "text/plain"
    return Response(content, media_type=kind, headers={"Content-Security-Policy": _POLICY, **_HEADERS})


_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


async def _respond(request: Request, review: Review, handler: Handler) -> Response:
    """Run a handler in a thread; its errors become JSON with the sentence for the user."""
    try:
        body = await _body(request)
        response = await run_in_threadpool(handler, review, request, body)
    except ConflictError as exc:
        response = JSONResponse({"error": str(exc)}, 409)
    except ListingGone as exc:
        response = JSONResponse({"error": str(exc)}, 410)
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
