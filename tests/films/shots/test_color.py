"""Films and shots that are in colour already are left alone; tinted ones are known for what they are."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from batchcolor.films import FilmOutcome, FilmResult, colorize_film
from batchcolor.films.shots.color import ShotColor, Treatment, treatment, with_colors
from batchcolor.settings import FilmSettings, PhotoSettings, Settings
from tests.films.made import moving, pictures
from tests.support import formula_colorizer

SEPIA, BLUE = (100, 150), (150, 112)  # Cb, Cr


def film(path: Path, shots: list[str], *, pixel_format: str = "yuv420p", frames: int = 40) -> Path:
    """A shot of `frames` frames for each of: gray, color, sepia, blue."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, pixel_format
        stream.codec_context.colorspace, stream.codec_context.color_range = 1, 1
        for n in range(frames * len(shots)):
            shot = n // frames
            luma = np.rot90(moving(n, 96, 64)) if shot % 2 else moving(n, 64, 96)
            planes = np.full((2, 64, 96), 128, np.uint8)
            if shots[shot] == "color":
                planes[0, :, :48], planes[1, 32:] = 90, 190
                planes[0, :, 48:] = 170
            elif shots[shot] != "gray":
                tone = SEPIA if shots[shot] == "sepia" else BLUE
                planes[:] = np.array(tone, np.uint8)[:, None, None]
            whole = av.VideoFrame.from_ndarray(np.stack([luma, *planes]), "yuv444p")
            whole.colorspace, whole.color_range = 1, 1
            frame = whole.reformat(format=pixel_format)
            frame.pts = n
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def chroma(path: Path) -> list[np.ndarray]:
    """Cb and Cr of every frame, `(2, h, w)`, as stored."""
    with av.open(str(path)) as container:
        return [
            np.stack([np.frombuffer(p, np.uint8).reshape(-1, p.line_size)[: p.height, : p.width] for p in frame.planes[1:3]])
            for frame in container.decode(video=0)
        ]


def colorize(source: Path, target: Path, pages: str = "copy", tints: str = "remove") -> FilmResult:
    settings = Settings(photo=PhotoSettings(color_pages=pages), film=FilmSettings(codec="ffv1", tints=tints))  # type: ignore[arg-type]
    return colorize_film(source, target, settings, colorizer=formula_colorizer)


def test_a_film_in_colour_is_copied_byte_for_byte(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mkv", ["color", "color"])
    result = colorize(source, tmp_path / "out.mkv")
    assert result.outcome is FilmOutcome.COPIED
    assert (tmp_path / "out.mkv").read_bytes() == source.read_bytes()
    assert "in.mkv: is in colour already; the result is a copy" in result.warnings[0]


def test_or_left_out(tmp_path: Path) -> None:
    result = colorize(film(tmp_path / "in.mkv", ["color"]), tmp_path / "out.mkv", "skip")
    assert result.outcome is FilmOutcome.SKIPPED
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]


def test_or_colorized_anew(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mkv", ["color"])
    result = colorize(source, tmp_path / "out.mkv", "recolor")
    assert result.outcome is FilmOutcome.COLORIZED
    assert any(np.any(a != b) for a, b in zip(chroma(source), chroma(tmp_path / "out.mkv"), strict=True))


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p"])
def test_shots_in_colour_keep_their_chroma_exactly(tmp_path: Path, pixel_format: str) -> None:
    source = film(tmp_path / "in.mkv", ["gray", "color", "gray"], pixel_format=pixel_format)
    result = colorize(source, tmp_path / "out.mkv")
    before, after = chroma(source), chroma(tmp_path / "out.mkv")
    assert result.frames == 120
    for n in range(40, 80):
        np.testing.assert_array_equal(before[n], after[n])
    assert all(np.any(after[n] != 128) for n in (*range(40), *range(80, 120)))
    for (_, a), (_, b) in zip(pictures(source), pictures(tmp_path / "out.mkv"), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any("40 of 120 frames are in shots that are in colour already; they keep" in warning for warning in result.warnings)


def test_a_film_in_colour_of_another_container_keeps_its_chroma(tmp_path: Path) -> None:
    source = film(tmp_path / "in.avi", ["color"])
    result = colorize(source, tmp_path / "out.mkv")
    assert result.outcome is FilmOutcome.COLORIZED
    assert result.keys == 0  # the network had nothing to do
    np.testing.assert_array_equal(np.stack(chroma(source)), np.stack(chroma(tmp_path / "out.mkv")))


@pytest.mark.parametrize("tone", ["sepia", "blue"])
def test_tinted_films_are_colorized_and_named(tmp_path: Path, tone: str) -> None:
    source = film(tmp_path / "in.mkv", [tone, tone])
    result = colorize(source, tmp_path / "out.mkv")
    assert result.toned
    assert any("80 of 80 frames are tinted or toned; they were colorized" in warning for warning in result.warnings)
    gray = film(tmp_path / "gray.mkv", ["gray", "gray"])
    assert not colorize(gray, tmp_path / "gray-out.mkv").toned
    np.testing.assert_array_equal(np.stack(chroma(tmp_path / "out.mkv")), np.stack(chroma(tmp_path / "gray-out.mkv")))


def test_tints_can_be_kept_or_blended(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mkv", ["blue", "gray"])
    removed, kept, blended = (tmp_path / f"{tints}.mkv" for tints in ("remove", "keep", "blend"))
    for target in (removed, kept, blended):
        colorize(source, target, tints=target.stem)
    own, without, mixed = (np.stack(chroma(path)).astype(float) for path in (source, removed, blended))
    np.testing.assert_array_equal(np.stack(chroma(kept))[:40], own[:40])
    halfway = (own[:40] + without[:40]) / 2
    assert np.abs(mixed[:40] - halfway).mean() < 4 < np.abs(without[:40] - halfway).mean()
    np.testing.assert_array_equal(mixed[40:], without[40:])


def test_a_black_and_white_film_says_nothing_of_colour(tmp_path: Path) -> None:
    assert colorize(film(tmp_path / "in.mkv", ["gray"]), tmp_path / "out.mkv").warnings == ()


def test_half_of_the_frames_decide_and_the_first_hundred_for_the_rest() -> None:
    G, C = ShotColor.GRAY, ShotColor.COLOR
    seen = [(0, n, C if n < 60 else G) for n in range(150)] + [(1, n, C if n % 3 == 1 else G) for n in range(90)]
    found = list(with_colors(seen))
    assert [(shot, item) for shot, item, _ in found] == [(shot, item) for shot, item, _ in seen]
    assert {(shot, color) for shot, _, color in found} == {(0, C), (1, G)}
    assert list(with_colors([(0, 0, None), (0, 1, None)])) == [(0, 0, G), (0, 1, G)]


@pytest.mark.parametrize("late", [-5, 0, 7])
def test_a_cut_between_two_colours_lies_where_the_colour_changes(late: int) -> None:
    G, C = ShotColor.GRAY, ShotColor.COLOR
    seen = [(int(n >= 40 + late), n, C if n < 40 else G) for n in range(100)]
    assert list(with_colors(seen)) == [(int(n >= 40), n, C if n < 40 else G) for n in range(100)]


def test_what_the_settings_say() -> None:
    assert treatment(ShotColor.COLOR, "copy", "remove") is Treatment.KEEP
    assert treatment(ShotColor.COLOR, "skip", "remove") is Treatment.KEEP
    assert treatment(ShotColor.COLOR, "recolor", "keep") is Treatment.COLORIZE
    assert treatment(ShotColor.TINTED, "copy", "remove") is Treatment.COLORIZE
    assert treatment(ShotColor.TINTED, "recolor", "keep") is Treatment.KEEP
    assert treatment(ShotColor.TINTED, "copy", "blend") is Treatment.BLEND
    assert treatment(ShotColor.GRAY, "copy", "keep") is Treatment.COLORIZE
