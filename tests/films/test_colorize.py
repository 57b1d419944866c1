"""Films in, films out: every frame's time, every stream's packets, every bit of luma."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from batchcolor.errors import OutputError, SourceError
from batchcolor.films import FilmResult, colorize_film
from batchcolor.films.input.probe import probe
from batchcolor.settings import FilmSettings, Settings
from tests.films.made import Made, chroma_of, make_film, moving, packets, pictures
from tests.support import formula_colorizer

# Variable frame rate, not from zero, with a long hold and two frames a millisecond apart.
UNEVEN = (500, 540, 580, 587, 640, 1400, 1401, 1450, 1500, 1550, 1600, 1733, 1800)


def colorize(source: Path, target: Path, **settings: object) -> FilmResult:
    return colorize_film(source, target, Settings(film=FilmSettings(**settings)), colorizer=formula_colorizer)  # type: ignore[arg-type]


@pytest.mark.parametrize(("suffix", "subtitles"), [(".mkv", "subrip"), (".mp4", "mov_text"), (".mov", "mov_text")])
def test_every_frame_keeps_its_time_and_copied_packets_their_bytes(tmp_path: Path, suffix: str, subtitles: str) -> None:
    source = make_film(tmp_path / f"in{suffix}", Made(pts=UNEVEN, sound=True, subtitles=subtitles))
    result = colorize(source, tmp_path / f"out{suffix}")
    assert result.frames == len(UNEVEN)
    assert result.warnings == ()
    assert [time for time, _ in pictures(tmp_path / f"out{suffix}")] == [time for time, _ in pictures(source)]
    for kind in ("audio", "subtitle"):
        assert packets(tmp_path / f"out{suffix}", kind) == packets(source, kind)


def test_chapters_titles_and_languages_are_kept(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", Made(sound=True, chapters=True))
    colorize(source, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["One", "Two"]
        assert container.metadata["title"] == "A made film"
        assert container.streams.audio[0].metadata["language"] == "deu"


@pytest.mark.parametrize(
    ("pixel_format", "codec"),
    [
        ("yuv420p", "libx264"),
        ("yuv422p", "libx264"),
        ("yuv444p", "libx264"),
        ("yuv420p10le", "libx264"),
        ("gray", "ffv1"),
        ("gray10le", "ffv1"),
    ],
)
def test_luma_reaches_the_encoder_bit_for_bit(tmp_path: Path, pixel_format: str, codec: str) -> None:
    source = make_film(tmp_path / "in.mkv", Made(pixel_format=pixel_format, codec=codec))
    colorize(source, tmp_path / "out.mkv", codec="ffv1")
    for (_, before), (_, after) in zip(pictures(source), pictures(tmp_path / "out.mkv"), strict=True):
        np.testing.assert_array_equal(before, after)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return 10 * float(np.log10(255**2 / np.mean(np.square(a.astype(float) - b))))


def test_luma_is_encoded_as_well_as_by_a_plain_transcode(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", Made(width=320, height=240, pts=tuple(range(0, 2000, 40))))
    colorize(source, tmp_path / "out.mkv", crf=23)
    with av.open(str(source)) as read, av.open(str(tmp_path / "plain.mkv"), "w") as written:
        stream = written.add_stream("libx264", rate=25, options={"crf": "23", "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for frame in read.decode(video=0):
            made = frame.reformat(format="yuv420p")
            made.pict_type = 0
            written.mux(stream.encode(made))
        written.mux(stream.encode(None))
    before, ours, plain = (pictures(tmp_path / name) for name in ("in.mkv", "out.mkv", "plain.mkv"))
    measured = [psnr(np.stack([y for _, y in before]), np.stack([y for _, y in film])) for film in (ours, plain)]
    print(f"PSNR-Y: ours {measured[0]:.2f} dB, plain transcode {measured[1]:.2f} dB")
    assert measured[0] > measured[1] - 0.1


def test_shape_range_matrix_and_rotation_are_kept(tmp_path: Path) -> None:
    made = Made(sar=Fraction(16, 15), colorspace=5, color_range=2, rotation=90)
    source = make_film(tmp_path / "in.mp4", made)
    colorize(source, tmp_path / "out.mp4")
    before, after = probe(source), probe(tmp_path / "out.mp4")
    assert after.sar == before.sar == Fraction(16, 15)
    assert after.full_range
    assert after.matrix == before.matrix == "bt601"
    assert after.rotation == before.rotation != 0


@pytest.mark.parametrize("size", [(97, 65), (98, 63), (33, 31)])
def test_odd_sizes_pass(tmp_path: Path, size: tuple[int, int]) -> None:
    source = make_film(tmp_path / "in.mkv", Made(width=size[0], height=size[1], codec="ffv1", pixel_format="yuv420p"))
    colorize(source, tmp_path / "out.mkv", codec="ffv1")
    for (_, before), (_, after) in zip(pictures(source), pictures(tmp_path / "out.mkv"), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "prores", "ffv1"])
def test_every_codec_writes_a_film_in_colour(tmp_path: Path, codec: str) -> None:
    source = make_film(tmp_path / "in.mkv", Made(pts=tuple(range(0, 320, 40)), width=128, height=96))
    result = colorize(source, tmp_path / "out.mkv", codec=codec)
    assert result.frames == 8
    chroma = np.stack(chroma_of(tmp_path / "out.mkv")).astype(int)
    assert np.abs(chroma - 128).mean() > 3


def test_other_containers_come_out_as_matroska(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.avi", Made(codec="mpeg4"))
    result = colorize(source, tmp_path / "out.mkv")
    assert result.frames == 30
    assert probe(tmp_path / "out.mkv").container.startswith("matroska")


def test_nothing_crosses_a_cut(tmp_path: Path) -> None:
    def two_shots(n: int, height: int, width: int) -> np.ndarray:
        return moving(n, height, width) if n < 15 else 255 - moving(n, height, width)[::-1]

    source = make_film(tmp_path / "in.mkv", Made(picture=two_shots, codec="ffv1"))
    first = make_film(tmp_path / "first.mkv", Made(picture=two_shots, codec="ffv1", pts=tuple(range(0, 600, 40))))
    result = colorize(source, tmp_path / "out.mkv", codec="ffv1")
    colorize(first, tmp_path / "out-first.mkv", codec="ffv1")
    assert result.shots == 2
    together, alone = chroma_of(tmp_path / "out.mkv")[:15], chroma_of(tmp_path / "out-first.mkv")
    np.testing.assert_array_equal(np.stack(together), np.stack(alone))


def test_streams_that_a_container_cannot_hold_are_named_and_left_out(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", Made(sound=True, subtitles="subrip"))
    result = colorize(source, tmp_path / "out.mp4")
    assert result.frames == 30
    assert any("subtitle stream" in warning for warning in result.warnings)
    assert packets(tmp_path / "out.mp4", "audio")


def test_a_truncated_film_is_colorized_up_to_its_end(tmp_path: Path) -> None:
    whole = make_film(tmp_path / "in.mkv", Made(width=320, height=240, pts=tuple(range(0, 8000, 40)))).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    result = colorize(tmp_path / "cut.mkv", tmp_path / "out.mkv")
    assert 10 < result.frames < 200


@pytest.mark.parametrize(("name", "content"), [("empty.mp4", b""), ("text.mkv", b"no film" * 99), ("zeros.avi", bytes(9999))])
def test_other_files_are_refused_in_one_sentence_and_leave_no_result(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError) as caught:
        colorize(tmp_path / name, tmp_path / "out" / "out.mkv")
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_an_mp4_without_its_index_is_refused_in_one_sentence(tmp_path: Path) -> None:
    whole = make_film(tmp_path / "in.mp4", Made()).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"cut\.mp4"):
        colorize(tmp_path / "cut.mp4", tmp_path / "out.mp4")


def test_a_sound_file_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mkv"), "w") as container:
        speaker = container.add_stream("aac", rate=48000, layout="mono")
        track = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.float32), format="fltp", layout="mono")
        track.sample_rate, track.pts = 48000, 0
        container.mux(speaker.encode(track))
        container.mux(speaker.encode(None))
    with pytest.raises(SourceError, match="no picture stream"):
        colorize(tmp_path / "sound.mkv", tmp_path / "out.mkv")


def test_an_unwritable_target_is_an_output_error(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", Made())
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file"):
        colorize(source, tmp_path / "file" / "out.mkv")


def test_the_source_is_never_written(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", Made(sound=True))
    before = hashlib.sha256(source.read_bytes()).hexdigest(), source.stat().st_mtime_ns
    source.chmod(0o444)
    colorize(source, tmp_path / "out.mkv")
    assert (hashlib.sha256(source.read_bytes()).hexdigest(), source.stat().st_mtime_ns) == before


def test_the_same_film_gives_the_same_frames_twice(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", Made())
    for name in ("a.mkv", "b.mkv"):
        colorize(source, tmp_path / name, codec="ffv1")
    np.testing.assert_array_equal(np.stack(chroma_of(tmp_path / "a.mkv")), np.stack(chroma_of(tmp_path / "b.mkv")))
