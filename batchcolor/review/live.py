"""Live answers: the network runs once for a picture; then every change of its points is a preview in a fraction of a second."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..color.conversion import lab_to_rgb
from ..color.pixel_codes import lab_to_codes, rgb_to_lightness
from ..color.upsampling import UPSCALERS, refined
from ..colours.model import Point
from ..colours.spread import Disc
from ..colours.still import Hint, PictureColours, Still
from ..colours.values import Colour
from ..engines.colorizer import Colorizer
from ..errors import BatchcolorError
from ..settings import ColorSettings

_MOST = 12  # pictures that stay ready
_ALIKE = 6.0  # ab units between two suggestions, or one and gray, under which the second is left out
_TURNED_CHROMA = 30.0  # at least, of suggestions with another hue: a gray turned is gray


@dataclass(frozen=True)
class _Ready:
    """A picture at screen size: L float32 `(h, w)`, and what the network made of it."""

    L: np.ndarray
    small: np.ndarray
    still: Still


Key = tuple[str, float]  # an item's id, and the page of a photo or the second of a film
_NOTHING: Key = ("", 0.0)


class Live:
    """Previews of one output tree. Safe to be used from several threads; one picture at a time is computed."""

    def __init__(self, colorizer: Callable[[], Colorizer], color: ColorSettings = ColorSettings()) -> None:
        self._colorizer, self._color = colorizer, color
        self._ready: OrderedDict[Key, _Ready] = OrderedDict()
        self._lock = threading.Lock()
        self._wanted: Key | None = None
        self._background = ThreadPoolExecutor(1, "prepare")

    def preview(
        self,
        key: Key,
        load: Callable[[], np.ndarray],
        points: Sequence[Point],
        others: Callable[[np.ndarray], PictureColours] = lambda _L: PictureColours(),
        *,
        saturation: float = 1.0,
        side: int | None = None,
    ) -> np.ndarray:
        """The picture with these points, uint8 sRGB `(h, w, 3)`.

        load: its pixels at screen size, uint8 sRGB, read once. others: what else was chosen for it, given its lightness as the network
        sees it, float32 `(h, w)`, 0..100. saturation: of its shot. side: of the box that the answer fits into; None: at screen size.
        """
        with self._lock:
            ready = self._get(key, load)
        scale = 1 / self._color.saturation if self._color.saturation > 0 else 1.0
        hints = tuple(Hint(Disc(*point.at, point.size), (point.colour.a * scale, point.colour.b * scale)) for point in points)
        chosen = replace(others(ready.small).with_layers_scaled(scale), points=hints)
        with self._lock:
            ab = ready.still.ab(chosen) * np.float32(self._color.saturation * saturation)
        coarse = UPSCALERS[self._color.upscaling](ready.small, ab)
        L = ready.L if side is None else _within_box(ready.L, side)
        return lab_to_codes(L, refined(coarse, *L.shape).ab(L, 0), 8)

    def open_network(self) -> None:
        """Do all that only the first picture needs, before anybody waits for it: load the network, and what spreads colours."""
        ramp = np.tile(np.linspace(0, 255, 1024).astype(np.uint8)[:, None], (768, 1, 3))
        self.preview(_NOTHING, lambda: ramp, [Point((0.5, 0.5), Colour(20.0, 20.0, ""))])
        with self._lock:
            self._ready.pop(_NOTHING, None)

    def prepare(self, key: Key, load: Callable[[], np.ndarray]) -> None:
        """Begin to run the network on a picture that somebody is about to change, in the background: the latest one alone."""
        self._wanted = key
        self._background.submit(self._prepare, key, load)

    def _prepare(self, key: Key, load: Callable[[], np.ndarray]) -> None:
        with contextlib.suppress(BatchcolorError):  # whoever clicks is told
            if key == self._wanted:
                load()  # the slowest part; somebody else may be answered meanwhile
            if key == self._wanted:
                with self._lock:
                    _ = self._get(key, load).still.spreader

    def close(self) -> None:
        """Begin nothing more in the background."""
        self._wanted = None
        self._background.shutdown(wait=False, cancel_futures=True)

    def suggestions(self, key: Key, load: Callable[[], np.ndarray], at: tuple[float, float]) -> tuple[float, list[str]]:
        """L at a place, 0..100, and colours "#rrggbb" to begin with there: the network's own, paler, stronger and
        turned, without what looks alike."""
        with self._lock:
            ready = self._get(key, load)
            height, width = ready.small.shape
            y, x = min(height - 1, int(at[1] * height)), min(width - 1, int(at[0] * width))
            L = float(cv2.getRectSubPix(ready.small, (5, 5), (float(x), float(y))).mean())
            rows, columns = ready.still.plain.shape[1:]
            a, b = ready.still.plain[:, min(rows - 1, int(at[1] * rows)), min(columns - 1, int(at[0] * columns))]
        hue, chroma = float(np.arctan2(b, a)), float(np.hypot(a, b))
        wanted = [(hue, chroma), (hue, chroma / 2), (hue, min(90.0, chroma * 1.8 + 4))]
        wanted += [(hue + turn * np.pi / 3, max(chroma, _TURNED_CHROMA)) for turn in (0, 1, -1, 2, -2, 3)]
        places = [np.array([c * np.cos(h), c * np.sin(h)]) for h, c in wanted]
        unlike = [
            place
            for n, place in enumerate(places)
            if n == 0 or min(np.hypot(*(place - other)) for other in (*places[:n], np.zeros(2))) >= _ALIKE
        ]
        return L, [hex_of(L, *place) for place in unlike]

    def forget(self, id_: str) -> None:
        """Drop what is ready of an item whose files have changed."""
        with self._lock:
            for key in [key for key in self._ready if key[0] == id_]:
                del self._ready[key]

    def _get(self, key: Key, load: Callable[[], np.ndarray]) -> _Ready:
        if key not in self._ready:
            L = rgb_to_lightness(np.ascontiguousarray(load().transpose(2, 0, 1)))
            colorizer = self._colorizer()
            height, width = colorizer.network_shape(*L.shape)
            small = cv2.resize(L, (width, height), interpolation=cv2.INTER_AREA)
            self._ready[key] = _Ready(L, small, Still.of(colorizer, small))
            while len(self._ready) > _MOST:
                self._ready.popitem(last=False)
        self._ready.move_to_end(key)
        return self._ready[key]


def _within_box(L: np.ndarray, side: int) -> np.ndarray:
    height, width = L.shape
    scale = side / max(height, width)
    if scale >= 1:
        return L
    return cv2.resize(L, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)


def hex_of(L: float, a: float, b: float) -> str:
    """A colour of CIELAB as "#rrggbb", its chroma shrunk until it exists in sRGB."""
    rgb = lab_to_rgb(np.full((1, 1, 1), L, np.float32), np.array([a, b], np.float32)[:, None, None]).ravel()
    return "#" + "".join(f"{round(255 * float(value)):02x}" for value in np.clip(rgb, 0, 1))
