"""What the review page may ask of the server, and the answers."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from ..archive.outcome import Status
from ..archive.walk import Kind
from ..colours.model import Point
from ..colours.values import Names
from ..errors import BatchcolorError
from ..photos.read import probe
from . import layers, pictures
from .clips import Clips
from .edits import Edits, as_json, point_of
from .layers import Layers
from .library import FILTERS, MARKS, Library, ReviewItem
from .live import Live
from .propagation import Propagation
from .redo import Redo
from .shots import Shots

_THUMBNAIL = 256  # pixels
_MOST_ITEMS = 500  # in one answer


@dataclass(frozen=True)
class Review:
    """What the routes need: the items, the chosen colours, live previews, runs, and what is known of films."""

    library: Library
    edits: Edits
    live: Live
    redo: Redo
    shots: Shots
    propagation: Propagation
    layers: Layers
    clips: Clips
    pictures: pictures.PictureCache = field(default_factory=pictures.PictureCache)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))


Handler = Callable[[Review, Request, dict[str, Any]], Response]


def _item(review: Review, request: Request) -> ReviewItem:
    item = review.library.item(request.path_params["id"])
    if item is None:
        raise HTTPException(404, "there is no such item")
    return item


def _items(review: Review, request: Request, _body: dict[str, Any]) -> Response:
    """A page of a listing; without the number of one, of a new listing of what the filter finds now."""
    query = request.query_params
    start, count = _number(query.get("start", "0")), min(_MOST_ITEMS, _number(query.get("count", "200")))
    if "listing" in query:
        listing = _number(query["listing"])
    else:
        only = query.get("filter", "all")
        if only not in FILTERS:
            raise HTTPException(400, "there is no such filter")
        chosen = review.edits.chosen() if only == "chosen" else ()
        listing = review.library.listing(
            only=only, search=query.get("search", ""), kind=query.get("kind", ""), chosen=chosen
        ).number
    total, found = review.library.page(listing, start, count)
    items = [None if item is None else item.as_dict() for item in found]
    return JSONResponse({"listing": listing, "total": total, "start": start, "items": items})


def _position(review: Review, request: Request, _body: dict[str, Any]) -> Response:
    """Where an item stands in a listing."""
    listing = _number(request.query_params.get("listing", ""))
    return JSONResponse({"index": review.library.position(_item(review, request), listing)})


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise HTTPException(400, "expected a number")
    return int(text)


def _details(review: Review, request: Request, _body: dict[str, Any]) -> Response:
    item = _item(review, request)
    review.library.set_mark(item, "seen", True)
    chosen = review.edits.read(item)
    return JSONResponse(
        {
            **item.as_dict(),
            "points": [as_json(point) for point in chosen.points],
            "layers": layers.as_json(chosen),
            "pages": _pages(item),
            "palette": review.edits.palette(),
            "source": str(item.source).encode("utf-8", "backslashreplace").decode(),
        }
    )


def _pages(item: ReviewItem) -> int:
    """Of a photo that can be read; 1 for other items."""
    with contextlib.suppress(BatchcolorError):
        return probe(item.source).pages if item.kind is Kind.PHOTO and item.status != Status.FAILED else 1
    return 1


def _prepare(review: Review, request: Request, body: dict[str, Any]) -> Response:
    """Run the network on a picture in the background, so that its first point is answered quickly; the latest request alone."""
    item, place = _item(review, request), _place(body.get("place"))
    review.live.prepare((item.id, place), functools.partial(review.pictures.of, item.source, item.kind, place))
    return Response(status_code=204)


def _thumbnail(review: Review, request: Request, _body: dict[str, Any]) -> Response:
    item = _item(review, request)
    path = item.source if request.query_params.get("of") == "source" else item.target
    if not path.is_file():
        path = item.source
    pixels = pictures.pixels_of(path, item.kind, _place(request.query_params.get("at")), _THUMBNAIL)
    return Response(
        pictures.encoded(pixels, thumbnail=True), media_type="image/webp", headers={"Cache-Control": "private, max-age=60"}
    )


def _picture(review: Review, request: Request, _body: dict[str, Any]) -> Response:
    item = _item(review, request)
    path = item.source if request.query_params.get("of") == "source" else item.target
    pixels = review.pictures.of(path, item.kind, _place(request.query_params.get("at")))
    return Response(pictures.encoded(pixels), media_type="image/jpeg")


def _place(value: Any) -> float:
    """The page of a photo, from 1, or the second of a film."""
    try:
        place = float(value or 0)
    except (TypeError, ValueError) as exc:
        raise HTTPException(400, "expected a number") from exc
    if not 0 <= place < 1e7:
        raise HTTPException(400, "expected a number from 0 on")
    return place


def _preview(review: Review, request: Request, body: dict[str, Any]) -> Response:
    """The picture at a place with the item's points, wherever they were chosen: those that do not come there change nothing."""
    item, place, side = _item(review, request), _place(body.get("place")), body.get("side")
    points = _points(review, body)
    here = [
        dataclasses.replace(point, at=at) for point, at in zip(points, _places(review, item, points, place), strict=True) if at
    ]
    chosen, rules = review.edits.read(item), review.edits.rules(item)
    pixels = review.live.preview(
        (item.id, place),
        functools.partial(review.pictures.of, item.source, item.kind, place),
        here,
        lambda L: review.layers.on_picture(item, chosen, rules, place, L),
        saturation=review.layers.saturation(item, chosen, place),
        side=None if side is None else min(pictures.SCREEN, max(16, int(_place(side)))),
    )
    return Response(pictures.encoded(pixels), media_type="image/jpeg")


def _carried(review: Review, request: Request, body: dict[str, Any]) -> Response:
    """Where each point is at a place of the item; null where it does not come."""
    item, place = _item(review, request), _place(body.get("place"))
    return JSONResponse({"places": _places(review, item, _points(review, body), place)})


def _points(review: Review, body: dict[str, Any]) -> list[Point]:
    names = Names(review.edits.folder, review.edits.names())
    found = body.get("points", [])
    if not (isinstance(found, list) and all(isinstance(each, dict) for each in found)):
        raise HTTPException(400, "expected a list of points")
    return [point_of(each, names) for each in found]


def _places(review: Review, item: ReviewItem, points: list[Point], place: float) -> list[tuple[float, float] | None]:
    if item.kind is Kind.PHOTO:
        return [point.at if point.page == max(1, int(place)) else None for point in points]
    return review.propagation.points_on_frame(item.source, review.shots.at(item, place), points, place) if points else []


def _suggestions(review: Review, request: Request, body: dict[str, Any]) -> Response:
    item = _item(review, request)
    place, at = _place(body.get("place")), body.get("at")
    if not (isinstance(at, list) and len(at) == 2 and all(isinstance(v, int | float) and 0 <= v <= 1 for v in at)):
        raise HTTPException(400, "expected a position")
    load = functools.partial(review.pictures.of, item.source, item.kind, place)
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
        raise HTTPException(400, "expected a point")
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


def _clip(review: Review, request: Request, _body: dict[str, Any]) -> Response:
    """A part of a film's result, or of its source, as WebM."""
    item, query = _item(review, request), request.query_params
    path = item.source if query.get("of") == "source" else item.target
    if item.kind is not Kind.FILM or not path.is_file():
        raise HTTPException(404, "there is no result")
    start, end = _place(query.get("start")), _place(query.get("end"))
    return FileResponse(review.clips.of(path, start, end), media_type="video/webm")


def _start_redo(review: Review, _request: Request, _body: dict[str, Any]) -> Response:
    items = review.library.marked("redo")
    if not items:
        return JSONResponse({"error": "Nothing is marked to be redone."}, 422)
    if not review.redo.start([item.target for item in items]):
        return JSONResponse({"error": "A run is at work already."}, 409)
    return JSONResponse(review.redo.state, 202)


def _redo_state(review: Review, _request: Request, _body: dict[str, Any]) -> Response:
    return JSONResponse({**review.redo.state, "marked": len(review.library.marked("redo"))})


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/api/items", _items),
    ("GET", "/api/items/{id}", _details),
    ("GET", "/api/items/{id}/thumbnail", _thumbnail),
    ("GET", "/api/items/{id}/picture", _picture),
    ("POST", "/api/items/{id}/preview", _preview),
    ("POST", "/api/items/{id}/suggestions", _suggestions),
    ("POST", "/api/items/{id}/points", _change_points),
    ("POST", "/api/items/{id}/mark", _mark),
    ("GET", "/api/items/{id}/shots", _shots),
    ("GET", "/api/items/{id}/clip", _clip),
    ("GET", "/api/items/{id}/position", _position),
    ("POST", "/api/items/{id}/prepare", _prepare),
    ("POST", "/api/items/{id}/carried", _carried),
    ("POST", "/api/redo", _start_redo),
    ("GET", "/api/redo", _redo_state),
)
