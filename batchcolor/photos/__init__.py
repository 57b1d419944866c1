"""Photos: read, colorize in batches, merge at full size, write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from ..color.tone import OriginalColors, is_toned, own_colors
from ..color.upsampling import UPSCALERS, ChromaMap
from ..colours.model import ChosenColours
from ..colours.still import Still, picture_colours
from ..engines.colorizer import Colorizer
from ..errors import ModelError, OutputError, SourceError
from ..runtime.atomic_write import atomic_write
from ..runtime.file_stamp import FileStamp
from ..runtime.write_errors import write_errors
from ..settings import ColorSettings, PhotoSettings
from .metadata import Metadata, Provenance, provenanced, read_pages
from .opening import unreadable
from .orientation import as_stored
from .read import PhotoInfo, PhotoRows, probe, small_lab
from .write import ENCODERS, Page, StoredColorRegions, encoder_of, write

__all__ = ["ENCODERS", "PhotoInfo", "PhotoResult", "Provenance", "Stage", "Treatment", "colorize_photos", "probe"]

_PAGES_AT_ONCE = 16
_COPY_BYTES = 1 << 20
_HELD_BYTES = 64 << 20  # of decoded pages that wait for the network; what goes beyond is decoded twice


class Treatment(StrEnum):
    """What was done with a photo."""

    COLORIZED = "colorized"
    COPIED = "copied"  # it has colour already: its pixels are the source's, and so is the file if the format stays
    SKIPPED = "skipped"  # it has colour already: there is no result


class Stage(StrEnum):
    """What is at work on a photo."""

    DECODER = "decoder"
    ENCODER = "encoder"


# Called before each stage of a photo, and again when its size is known: its index (None: the network, for all), the stage, megapixels.
OnStage = Callable[[int | None, Stage, float], None]


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """What became of a photo.

    error: what kept it from being written, whatever it was: the others of its batch do not suffer from it. source_stamp: the source's
    size and time from before it was read. toned: whether its first page was black-and-white with a tint.
    """

    treatment: Treatment = Treatment.COLORIZED
    warnings: tuple[str, ...] = ()
    error: Exception | None = None
    source_stamp: FileStamp | None = field(default=None, compare=False)
    toned: bool = False


@dataclass(frozen=True, slots=True)
class _DecodedPage:
    """A page as the network sees it. rows: its samples, to be read; L: float32 `(h, w)`, 0..100; colored: whether it has colours of its
    own, to be kept; own: its places that have; toned: whether it is black-and-white with a tint, such as sepia."""

    rows: PhotoRows
    L: np.ndarray
    colored: bool
    own: OriginalColors | None
    toned: bool

    @property
    def network_lightness(self) -> np.ndarray:
        """The lightness that the network is given."""
        return self.L if self.own is None else self.own.lightness_without(self.L)

    @property
    def info(self) -> PhotoInfo:
        return self.rows.info


def colorize_photos(
    pairs: Sequence[tuple[Path, Path]],
    colorizer: Colorizer,
    settings: PhotoSettings,
    *,
    color: ColorSettings = ColorSettings(),
    colours: Sequence[ChosenColours | None] | None = None,
    provenance: Provenance | None = None,
    on_stage: OnStage | None = None,
) -> Iterator[PhotoResult]:
    """Colorize each (source, target); yields, in order, what became of it.

    The network sees the first pages of all of them at once; full-size pixels are held for one page at a time, and for small ones as
    far as `_HELD_BYTES` go. colours: what was chosen for each. provenance: added to the XMP of what is colorized. Raises only what
    concerns all (`DeviceError`).
    """
    say = on_stage or (lambda index, stage, megapixels: None)
    read_page = _PageReader(colorizer, settings)
    decoded: dict[int, _DecodedPage] = {}
    failed: dict[int, Exception] = {}
    stamps = [FileStamp.of(source) for source, _ in pairs]
    for index, (source, target) in enumerate(pairs):
        say(index, Stage.DECODER, 0.0)
        try:
            decoded[index] = read_page(source, 0, lambda info, index=index: say(index, Stage.DECODER, info.megapixels))  # type: ignore[misc]
            _check_pages(source, target, decoded[index].info)
        except Exception as exc:
            failed[index] = exc
    chosen = colours or [None] * len(pairs)
    plain = [index for index in decoded if index not in failed and chosen[index] is None]
    say(None, Stage.DECODER, 0.0)
    planes = [decoded[index].network_lightness for index in plain]
    chroma = dict(zip(plain, _chroma(colorizer, planes), strict=True))
    for index, (source, target) in enumerate(pairs):
        if index in failed:
            yield PhotoResult(error=failed[index], source_stamp=stamps[index])
            continue
        info, ab = decoded[index].info, chroma.pop(index, None)
        if isinstance(ab, Exception):
            yield PhotoResult(error=ModelError(f"{source}: {ab}"))
            continue
        say(index, Stage.ENCODER, info.megapixels * info.pages)
        photo = _Photo(source, target, colorizer, settings, color, provenance, stamps[index], chosen[index])
        try:
            result = photo.write(decoded.pop(index), ab)
        except Exception as exc:
            result = PhotoResult(error=exc)
        yield replace(result, source_stamp=stamps[index])


def _chroma(colorizer: Colorizer, planes: Sequence[np.ndarray]) -> Sequence[np.ndarray | ModelError]:
    """ab of each plane; where the network fails on one of them, that one has an error, and the others do not suffer from it."""
    try:
        return colorizer.ab(planes)
    except ModelError as exc:
        if len(planes) == 1:
            return [exc]
        return [ab for plane in planes for ab in _chroma(colorizer, [plane])]


class _PageReader:
    """Reads pages one after the other; small ones are decoded once, and held."""

    def __init__(self, colorizer: Colorizer, settings: PhotoSettings) -> None:
        self._colorizer, self._keeps_color = colorizer, settings.color_pages != "recolor"
        self._room = _HELD_BYTES

    def __call__(self, source: Path, page: int, on_info: Callable[[PhotoInfo], None] | None = None) -> _DecodedPage:
        rows = PhotoRows(source, page)
        info = rows.info
        if on_info is not None:
            on_info(info)
        shape = self._colorizer.network_shape(*info.upright_size)
        if rows.size_bytes <= self._room and not info.alpha:
            self._room -= rows.size_bytes
            rows.hold()
            lab = rows.small_lab(shape)
        else:
            lab = small_lab(source, page, shape)
        if info.gray or not self._keeps_color:
            return _DecodedPage(rows, lab[0], colored=False, own=None, toned=False)
        colored, own = own_colors(lab)
        return _DecodedPage(rows, lab[0], colored, own, toned=not colored and is_toned(lab))


def _check_pages(source: Path, target: Path, info: PhotoInfo) -> None:
    if info.pages > 1 and not encoder_of(target.suffix).pages:
        raise OutputError(f"{source}: has {info.pages} pages, and {target.suffix} holds a single one; write it as TIFF")


@dataclass(frozen=True, slots=True)
class _Photo:
    """One photo on its way from source to target."""

    source: Path
    target: Path
    colorizer: Colorizer
    settings: PhotoSettings
    color: ColorSettings
    provenance: Provenance | None
    stamp: FileStamp | None
    colours: ChosenColours | None

    def write(self, first: _DecodedPage, ab: np.ndarray | None) -> PhotoResult:
        """Write the result. first, ab: the first page and its chroma; None where the network has not seen it yet."""
        has_color = first.colored and self._others_colored(first.info)
        if has_color and self.settings.color_pages == "skip":
            return PhotoResult(Treatment.SKIPPED)
        treatment = Treatment.COPIED if has_color else Treatment.COLORIZED
        if has_color and self.target.suffix == self.source.suffix:
            with atomic_write(self.target) as temporary:
                self._copy_to(temporary)
                self._check_unchanged()
            return PhotoResult(treatment)
        return PhotoResult(treatment, self._written(first, ab), toned=first.toned)

    def _written(self, first: _DecodedPage, ab: np.ndarray | None) -> tuple[str, ...]:
        """Write the result page by page; returns warnings."""
        info = first.info
        warnings: list[str] = []
        ignored: list[str] = []
        try:
            metadata = read_pages(self.source)
        except (ValueError, IndexError) as exc:
            # The chain of a TIFF's pages is broken: libvips would stop there, and pages would be missing in silence.
            raise SourceError(f"{self.source}: {exc}; the file is damaged or cut off") from exc
        except OSError as exc:
            raise SourceError(
                f"{self.source}: cannot be read ({exc.strerror or exc}); it has changed since the run began"
            ) from exc
        with atomic_write(self.target) as temporary:
            samples = 0
            for number in range(info.pages):
                page = info if number == 0 else probe(self.source, number)
                samples += page.width * page.height * 4 * page.depth // 8
            left_out = write(
                self._pages(first, ab, metadata, warnings, ignored),
                samples,
                temporary,
                self.target,
                quality=self.settings.quality,
            )
            self._check_unchanged()
        left_out = list(dict.fromkeys([*ignored, *left_out]))
        if left_out:
            warnings.append(f"{self.target}: was written without what it cannot hold: {', '.join(left_out)}")
        return tuple(dict.fromkeys(warnings))

    def _check_unchanged(self) -> None:
        """A result of two sources is none."""
        if FileStamp.of(self.source) != self.stamp:
            raise SourceError(f"{self.source}: was changed while it was read; run again")

    def _copy_to(self, temporary: Path) -> None:
        """Copy the source, telling errors of reading from those of writing."""
        try:
            with self.source.open("rb") as source:
                blocks = iter(lambda: source.read(_COPY_BYTES), b"")
                with write_errors(self.target), temporary.open("wb") as result:
                    for block in _readable(self.source, blocks):
                        result.write(block)
        except OSError as exc:
            raise unreadable(self.source, exc) from exc

    def _others_colored(self, info: PhotoInfo) -> bool:
        return all(_PageReader(self.colorizer, self.settings)(self.source, page).colored for page in range(1, info.pages))

    @property
    def _provenance(self) -> Provenance | None:
        if self.provenance is None or self.colours is None:
            return self.provenance
        return replace(self.provenance, chosen=self.colours.as_json())

    def _chroma(self, start: int, pages: Sequence[_DecodedPage]) -> list[np.ndarray]:
        """ab of these pages, the first of them number `start`, with the colours that were chosen."""
        if self.colours is None:
            return self.colorizer.ab([page.network_lightness for page in pages])
        stills = Still.of_all(self.colorizer, [page.network_lightness for page in pages])
        return [
            still.ab(picture_colours(self.colours, still.L, page=number, saturation=self.color.saturation))
            for number, still in enumerate(stills, start + 1)
        ]

    def _pages(
        self, first: _DecodedPage, ab: np.ndarray | None, metadata: list[Metadata], warnings: list[str], ignored: list[str]
    ) -> Iterator[Page]:
        (first_ab,) = self._chroma(0, [first]) if ab is None else (ab,)
        yield self._page(0, first, first_ab, metadata, warnings, ignored)
        for start in range(1, first.info.pages, _PAGES_AT_ONCE):
            at = range(start, min(start + _PAGES_AT_ONCE, first.info.pages))
            read_page = _PageReader(self.colorizer, self.settings)
            decoded = [read_page(self.source, number) for number in at]
            for number, page, page_ab in zip(at, decoded, self._chroma(start, decoded), strict=True):
                yield self._page(number, page, page_ab, metadata, warnings, ignored)

    def _page(
        self,
        number: int,
        decoded: _DecodedPage,
        ab: np.ndarray,
        metadata: list[Metadata],
        warnings: list[str],
        ignored: list[str],
    ) -> Page:
        rows, info = decoded.rows, decoded.info
        own_metadata = metadata[number] if number < len(metadata) else rows.metadata()
        dpi = None if rows.resolution is None else (25.4 * rows.resolution[0], 25.4 * rows.resolution[1])
        own_metadata = replace(own_metadata, dpi=dpi)  # libvips has pixels a millimetre
        ignored += [*rows.ignored, *own_metadata.ignored]
        warnings += [f"{self.source}: {warning}" for warning in rows.warnings]
        chroma = own = None
        if not decoded.colored:
            try:
                own_metadata = provenanced(own_metadata, self._provenance)
            except ValueError as exc:
                warnings.append(f"{self.source}: nothing could be added to its XMP, which stays as it is ({exc})")
            upscaled = UPSCALERS[self.color.upscaling](decoded.L, ab * np.float32(self.color.saturation))
            chroma = ChromaMap(as_stored(upscaled.coefficients, info.orientation))
            if decoded.own is not None:
                places = np.dstack([np.zeros_like(decoded.own.places), decoded.own.places])
                own = StoredColorRegions(decoded.own, ChromaMap(as_stored(places, info.orientation)))
        return Page(rows, chroma, own_metadata, own)


def _readable(path: Path, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same blocks; what keeps one from being read is a `SourceError`."""
    try:
        yield from blocks
    except OSError as exc:
        raise unreadable(path, exc) from exc
