"""What a film has besides its pictures reaches its result, or is named: streams, chapters, covers, timecode, side data, alpha, depth."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from batchcolor.errors import OutputError
from batchcolor.films import FilmResult, colorize_film
from batchcolor.films.account import take_account
from batchcolor.films.input.probe import probe
from batchcolor.films.input.side_data import MasteringDisplay, SideData, Spherical, Stereo
from batchcolor.films.output.stream_header import give_side_data
from batchcolor.films.output.timecode import later
from batchcolor.settings import FilmSettings, Settings
from tests.films.made import TICK, Made, make_film, moving, packets, pictures
from tests.films.made_by_ffmpeg import make, needs_ffmpeg
from tests.support import FFMPEG, FFPROBE, formula_colorizer, needs

Change = Callable[[av.container.OutputContainer, av.VideoStream], None]


def colorize(source: Path, target: Path, **film: object) -> FilmResult:
    settings = Settings(film=FilmSettings(**film))  # type: ignore[arg-type]
    return colorize_film(source, target, settings, colorizer=formula_colorizer)


def film_with(path: Path, change: Change, *, codec: str = "libx264", pixel_format: str = "yuv420p", count: int = 10) -> Path:
    """A film of 96x64 whose stream or container was changed before it was written; a changed container writes its own packets."""
    with av.open(str(path), "w", options={"strict": "unofficial"}) as container:
        stream = container.add_stream(codec, rate=25)
        change(container, stream)
        stream.width, stream.height, stream.pix_fmt = 96, 64, pixel_format
        stream.codec_context.time_base = Fraction(1, 25)
        for n in range(count):
            frame = av.VideoFrame.from_ndarray(moving(n, 64, 96), "gray").reformat(format=pixel_format)
            frame.pts, frame.time_base = n, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_chapters_of_an_mp4_stay_chapters(tmp_path: Path, suffix: str) -> None:
    """FFmpeg shows their text track as a stream of data, which no muxer takes."""
    source = make_film(tmp_path / "in.mp4", Made(chapters=True, sound=True))
    result = colorize(source, tmp_path / f"out.{suffix}")
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        said = [(float(each["start"] * each["time_base"]), each["metadata"]["title"]) for each in container.chapters()]
    assert said == [(0.0, "One"), (0.5, "Two")]
    assert result.warnings == ()


@pytest.mark.parametrize(("suffix", "tracks"), [("mov", 1), ("mp4", 1), ("mkv", 0)])
def test_timecode_stays_and_moves_with_the_start(tmp_path: Path, suffix: str, tracks: int) -> None:
    source = film_with(tmp_path / "in.mov", lambda _, stream: stream.metadata.update(timecode="10:11:12:20"))
    assert colorize(source, tmp_path / f"out.{suffix}").warnings == ()
    account = take_account(tmp_path / f"out.{suffix}")
    assert account.timecode == "10:11:12:20"
    assert sum(stream.kind == "data" for stream in account.streams) == tracks
    colorize(source, tmp_path / f"part.{suffix}", start=0.2)
    assert take_account(tmp_path / f"part.{suffix}").timecode == "10:11:13:00"


@pytest.mark.parametrize(
    ("timecode", "rate", "frames", "expected"),
    [
        ("00:00:00:00", Fraction(25), 25, "00:00:01:00"),
        ("23:59:59:24", Fraction(25), 1, "00:00:00:00"),
        ("00:00:59;29", Fraction(30000, 1001), 1, "00:01:00;02"),  # SMPTE ST 12-1: numbers 00 and 01 are left out
        ("00:09:59;29", Fraction(30000, 1001), 1, "00:10:00;00"),
        ("00:00:59;59", Fraction(60000, 1001), 1, "00:01:00;04"),
        ("00:00:00;00", Fraction(30000, 1001), 17982, "00:10:00;00"),
        ("01:00:00:00", Fraction(30000, 1001), 30, "01:00:01:00"),
        ("no timecode", Fraction(25), 9, "no timecode"),
    ],
)
def test_a_later_timecode_counts_frames(timecode: str, rate: Fraction, frames: int, expected: str) -> None:
    assert later(timecode, rate, frames / rate) == expected


JPEG = "mjpeg"


def with_cover(path: Path) -> Path:
    """A film with sound of nothing, and a cover picture of 32x32."""
    picture = av.CodecContext.create(JPEG, "w")
    assert isinstance(picture, av.VideoCodecContext)
    picture.width, picture.height, picture.pix_fmt, picture.time_base = 32, 32, "yuvj420p", Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(moving(0, 32, 32), "gray").reformat(format="yuvj420p")
    frame.pts = 0
    (cover,) = [*picture.encode(frame), *picture.encode(None)]
    if path.suffix == ".mkv":
        return film_with(path, lambda container, _: container.add_attachment("cover.jpg", "image/jpeg", bytes(cover)) and None)

    def attach(container: av.container.OutputContainer, _: av.VideoStream) -> None:
        stream = container.add_mux_stream(JPEG, width=32, height=32)
        stream.disposition = av.stream.Disposition.attached_pic
        stream.time_base = Fraction(1, 90000)
        cover.stream, cover.pts, cover.dts = stream, None, None
        cover.time_base = Fraction(1, 90000)

    path = film_with(path, lambda *_: None)
    plain = path.rename(path.with_name("plain.mp4"))
    with av.open(str(plain)) as source, av.open(str(path), "w") as container:
        moving_stream = container.add_stream_from_template(source.streams.video[0], opaque=True)
        attach(container, moving_stream)
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = moving_stream
                container.mux(packet)
        container.mux(cover)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("source_suffix", ["mp4", "mkv"])
def test_a_cover_stays_a_cover(tmp_path: Path, source_suffix: str, suffix: str) -> None:
    source = with_cover(tmp_path / f"in.{source_suffix}")
    result = colorize(source, tmp_path / f"out.{suffix}")
    before, after = (
        next(stream for stream in take_account(path).streams if stream.is_cover)
        for path in (source, tmp_path / f"out.{suffix}")
    )
    assert (before.codec, before.bytes) == (after.codec, after.bytes)
    assert result.warnings == ()


def test_what_a_container_cannot_hold_is_named_before_the_work(tmp_path: Path) -> None:
    """QuickTime's muxer drops covers without a word, which the trial finds by reading what it wrote."""
    source = with_cover(tmp_path / "in.mp4")
    result = colorize(source, tmp_path / "out.mov")
    assert len(result.warnings) == 1
    assert "video stream 1 (mjpeg) is left out: mov does not keep it" in result.warnings[0]
    with pytest.raises(OutputError, match=r"left out.*--strict-streams"):
        colorize(source, tmp_path / "strict" / "out.mov", strict_streams=True)
    assert not (tmp_path / "strict").exists() or not list((tmp_path / "strict").iterdir())


def test_ffmpegs_own_words_say_why_a_stream_is_left_out(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", Made(subtitles="subrip"))
    (warning,) = colorize(source, tmp_path / "out.mp4").warnings
    assert "subtitle stream 1 (subrip) is left out: 'mp4' format does not support 'srt' codec" in warning


def test_attachments_and_languages_stay(tmp_path: Path) -> None:
    font = bytes(range(256)) * 20
    plain = make_film(tmp_path / "plain.mkv", Made(sound=True))
    source = tmp_path / "in.mkv"
    with av.open(str(plain)) as read, av.open(str(source), "w") as container:
        copies = {stream.index: container.add_stream_from_template(stream, opaque=True) for stream in read.streams}
        for stream in read.streams:
            copies[stream.index].metadata.update(
                stream.metadata | {"title": f"Track {stream.index}", "BPS": "1", "NUMBER_OF_FRAMES": "7"}
            )
        container.add_attachment("letters.ttf", "font/ttf", font)
        for packet in read.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                container.mux(packet)
    assert colorize(source, tmp_path / "out.mkv").warnings == ()
    with av.open(str(tmp_path / "out.mkv")) as container:
        _, sound, letters = container.streams
        assert (letters.name, letters.mimetype, letters.data) == ("letters.ttf", "font/ttf", font)
        assert (sound.language, sound.metadata["title"]) == ("deu", "Track 1")
        assert not {"BPS", "NUMBER_OF_FRAMES"} & {name for stream in container.streams for name in stream.metadata}


def blu_ray_sound(path: Path) -> tuple[Path, np.ndarray]:
    """A film whose sound is Blu-ray LPCM, and its samples: FFmpeg writes it into a transport stream."""
    samples = (np.arange(24000) * 37 % 65536 - 32768).astype(np.int16)
    with av.open(str(path), "w", format="mpegts", options={"mpegts_m2ts_mode": "1"}) as container:
        stream = container.add_stream("libx264", rate=25, width=96, height=64)
        sound = container.add_stream("pcm_bluray", rate=48000, layout="mono")
        for n in range(12):
            frame = av.VideoFrame.from_ndarray(moving(n, 64, 96), "gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for first in range(0, len(samples), 240):
            track = av.AudioFrame.from_ndarray(samples[None, first : first + 240], format="s16", layout="mono")
            track.sample_rate, track.pts, track.time_base = 48000, first, Fraction(1, 48000)
            container.mux(sound.encode(track))
        container.mux(sound.encode(None))
    return path, samples


@pytest.mark.parametrize("suffix", ["mkv", "mov", "mp4"])
def test_lpcm_of_discs_is_unpacked_sample_by_sample(tmp_path: Path, suffix: str) -> None:
    source, samples = blu_ray_sound(tmp_path / "in.m2ts")
    assert colorize(source, tmp_path / f"out.{suffix}").warnings == ()
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "pcm_s16le"
        found = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)])
    np.testing.assert_array_equal(found, samples)


MATRICES = {
    "turned": (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30),
    "mirrored": (-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30),
    "turned and mirrored": (0, 65536, 0, 65536, 0, 0, 0, 0, 1 << 30),
}


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_display_matrix_stays_what_it_was(tmp_path: Path, suffix: str, matrix: tuple[int, ...]) -> None:
    source = film_with(tmp_path / "in.mp4", lambda _, stream: stream.set_display_matrix(matrix))
    result = colorize(source, tmp_path / f"out.{suffix}")
    found = probe(tmp_path / f"out.{suffix}").side_data.display_matrix
    assert found is not None
    assert np.sign(found).tolist() == np.sign(matrix).tolist()
    assert result.warnings == ()


HDR = SideData(
    mastering=MasteringDisplay(
        primaries=tuple((Fraction(x, 1000), Fraction(y, 1000)) for x, y in ((680, 320), (265, 690), (150, 60))),
        white=(Fraction(3127, 10000), Fraction(3290, 10000)),
        luminance=(Fraction(5, 1000), Fraction(1000)),
    ),
    content_light=(900, 350),
)


@pytest.mark.parametrize(
    ("codec", "suffix"), [("h264", "mp4"), ("hevc", "mkv"), ("av1", "mp4"), ("ffv1", "mkv"), ("prores", "mov")]
)
def test_mastering_display_and_light_level_stay(tmp_path: Path, codec: str, suffix: str) -> None:
    source = film_with(
        tmp_path / "in.mkv", lambda _, stream: give_side_data(stream, HDR, "ffv1"), codec="ffv1", pixel_format="yuv420p10le"
    )
    result = colorize(source, tmp_path / f"out.{suffix}", codec=codec)
    assert probe(source).side_data == HDR
    assert probe(tmp_path / f"out.{suffix}").side_data.as_dict() == HDR.as_dict()
    assert not [warning for warning in result.warnings if "light" in warning or "mastering" in warning]


@needs(FFPROBE)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_stereo_and_spherical_films_stay_such(tmp_path: Path, suffix: str) -> None:
    said = SideData(
        stereo=Stereo(packing=1, right_first=False), spherical=Spherical(0, Fraction(45), Fraction(-10), Fraction(0))
    )
    source = film_with(tmp_path / "in.mkv", lambda _, stream: give_side_data(stream, said, "h264"))
    assert colorize(source, tmp_path / f"out.{suffix}").warnings == ()
    command = ["ffprobe", "-v", "error", "-show_entries", "stream_side_data", "-of", "compact=p=0", tmp_path / f"out.{suffix}"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "type=side by side" in found
    assert "projection=equirectangular|yaw=45|pitch=-10|roll=0" in found


@needs(FFMPEG)
@needs(FFPROBE)
@pytest.mark.parametrize(("codec", "suffix"), [("h264", "mp4"), ("prores", "mov"), ("ffv1", "mkv")])
@pytest.mark.parametrize(("order", "shown"), [("tff", "t"), ("bff", "b")])
def test_fields_that_are_left_alone_are_marked(tmp_path: Path, codec: str, suffix: str, order: str, shown: str) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / f"out.{suffix}"
    made = ["-f", "lavfi", "-i", "testsrc2=s=96x64:r=50:d=0.4,tinterlace=4", "-pix_fmt", "yuv420p", "-vf", f"setfield={order}"]
    subprocess.run(["ffmpeg", "-v", "error", *made, "-c:v", "libx264", "-flags", "+ildct+ilme", source], check=True)
    result = colorize(source, target, codec=codec, deinterlace="off")
    assert probe(source).side_data.field_order == probe(target).side_data.field_order == order
    found = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "stream=field_order", "-of", "csv=p=0", target],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout[0] == shown  # FFmpeg writes tt as tb where a frame holds both fields
    assert not [warning for warning in result.warnings if "field order" in warning]


def test_closed_captions_reach_h264(tmp_path: Path) -> None:
    """Captions are frames' own side data: SEI messages of the source (ATSC A/53, part 4, 6.2.3) are written again."""
    plain = film_with(tmp_path / "plain.h264", lambda *_: None)
    caption = b"\xb5\x00\x31GA94\x03" + bytes([0x41, 0xFF, 0xFC, 0x94, 0x2C, 0xFF])
    sei = b"\0\0\0\1\x06\x04" + bytes([len(caption)]) + caption + b"\x80"
    data = plain.read_bytes()
    slices = [at for at in range(len(data) - 4) if data[at : at + 3] == b"\0\0\1" and data[at + 3] & 31 in (1, 5)]
    parts, last = [], 0
    for at in slices:
        parts += [data[last:at], sei]
        last = at
    source = tmp_path / "in.h264"
    source.write_bytes(b"".join([*parts, data[last:]]))
    kept = colorize(source, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        found = [bytes(frame.side_data["A53_CC"]) for frame in container.decode(video=0)]
    assert set(found) == {bytes([0xFC, 0x94, 0x2C])}
    assert len(found) == kept.frames
    assert not [warning for warning in kept.warnings if "closed captions" in warning]
    lost = colorize(source, tmp_path / "lost.mkv", codec="ffv1")
    assert any(f"{lost.frames} of its frames have closed captions" in warning for warning in lost.warnings)


def ramp(path: Path, pixel_format: str, plane: np.ndarray) -> Path:
    """An ffv1 film whose luma is `plane` and whose alpha, if it has any, is a ramp."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25, width=plane.shape[1], height=plane.shape[0], pix_fmt=pixel_format)
        for n in range(3):
            frame = av.VideoFrame(plane.shape[1], plane.shape[0], pixel_format)
            for number, each in enumerate(frame.planes):
                rows = np.frombuffer(each, plane.dtype).reshape(-1, each.line_size // plane.itemsize)
                if number == 0:
                    rows[: plane.shape[0], : plane.shape[1]] = plane
                else:
                    neutral = 128 << (8 * plane.itemsize - 8)
                    rows[:] = np.arange(rows.shape[1]) % 200 if number == 3 else neutral
            frame.pts = n
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def alpha_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        rows = np.frombuffer(frame.planes[3], np.uint8).reshape(-1, frame.planes[3].line_size)
        return rows[: frame.height, : frame.width].copy()


def test_alpha_stays_where_the_codec_has_it_and_is_named_elsewhere(tmp_path: Path) -> None:
    source = ramp(tmp_path / "in.mkv", "yuva420p", moving(0, 64, 96))
    assert colorize(source, tmp_path / "out.mkv", codec="ffv1").warnings == ()
    np.testing.assert_array_equal(alpha_of(source), alpha_of(tmp_path / "out.mkv"))
    colorize(source, tmp_path / "out.mov", codec="prores")
    assert probe(tmp_path / "out.mov").pixel_format.startswith("yuva444p1")
    assert any("alpha channel is left out" in warning for warning in colorize(source, tmp_path / "out.mp4").warnings)


def test_16_bits_stay_16_in_ffv1_and_fewer_are_named(tmp_path: Path) -> None:
    luma = (np.arange(64 * 96).reshape(64, 96) * 10).astype(np.uint16)
    source = ramp(tmp_path / "in.mkv", "gray16le", luma)
    assert colorize(source, tmp_path / "out.mkv", codec="ffv1").warnings == ()
    assert probe(tmp_path / "out.mkv").pixel_format == "yuv420p16le"
    np.testing.assert_array_equal(pictures(tmp_path / "out.mkv")[0][1], luma)
    (warning,) = colorize(source, tmp_path / "out.mp4").warnings
    assert "16 bits a sample became 10" in warning


@pytest.mark.parametrize(("pixel_format", "big"), [("gray16le", "gray16be"), ("yuv420p10le", "yuv420p10be")])
def test_big_endian_films_keep_their_luma(tmp_path: Path, pixel_format: str, big: str) -> None:
    depth = 16 if "16" in pixel_format else 10
    luma = (np.arange(64 * 96).reshape(64, 96) % 2**depth).astype(np.uint16)
    source = tmp_path / "in.nut"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("rawvideo", rate=25, width=96, height=64, pix_fmt=big)
        frame = av.VideoFrame(96, 64, big)
        for number, plane in enumerate(frame.planes):
            rows = np.frombuffer(plane, ">u2").reshape(-1, plane.line_size // 2)
            rows[: plane.height, : plane.width] = luma if number == 0 else 2 ** (depth - 1)
        frame.pts = 0
        container.mux([*stream.encode(frame), *stream.encode(None)])
    colorize(source, tmp_path / "out.mkv", codec="ffv1")
    np.testing.assert_array_equal(pictures(tmp_path / "out.mkv")[0][1], luma)


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "prores", "ffv1"])
@pytest.mark.parametrize("size", [(97, 65), (97, 64), (96, 65)])
def test_a_film_of_odd_size_keeps_its_size_with_every_codec(tmp_path: Path, codec: str, size: tuple[int, int]) -> None:
    width, height = size
    source = make_film(tmp_path / "in.mkv", Made(width=width, height=height, codec="ffv1", pts=(0, 40, 80)))
    result = colorize(source, tmp_path / "out.mov" if codec == "prores" else tmp_path / "out.mkv", codec=codec)
    after = probe(tmp_path / ("out.mov" if codec == "prores" else "out.mkv"))
    assert (after.width, after.height) == size
    assert any("is odd" in warning for warning in result.warnings) == (codec in ("h264", "hevc"))


def test_a_profile_that_cannot_hold_an_odd_size_says_so(tmp_path: Path) -> None:
    from batchcolor.errors import UsageError

    source = make_film(tmp_path / "in.mkv", Made(width=97, height=65, codec="ffv1"))
    with pytest.raises(UsageError, match="97x65 has an odd side"):
        colorize(source, tmp_path / "out.mp4", profile="high")


@needs(FFPROBE)
@pytest.mark.parametrize(
    ("settings", "suffix", "expected"),
    [
        ({"codec": "prores"}, "mov", "prores,HQ,yuv422p10le"),
        ({"codec": "prores", "profile": "proxy"}, "mov", "prores,Proxy,yuv422p10le"),
        ({"codec": "prores", "profile": "lt"}, "mov", "prores,LT,yuv422p10le"),
        ({"codec": "prores", "profile": "standard"}, "mkv", "prores,Standard,yuv422p10le"),
        ({"codec": "prores", "profile": "4444"}, "mov", "prores,4444,yuv444p1"),
        ({"codec": "dnxhr"}, "mov", "dnxhd,DNXHR HQX,yuv422p10le"),
        ({"codec": "dnxhr", "profile": "sq"}, "mov", "dnxhd,DNXHR SQ,yuv422p"),
        ({"codec": "h264", "profile": "high10"}, "mp4", "h264,High 10,yuv420p10le"),
        ({"codec": "hevc", "profile": "main10"}, "mp4", "hevc,Main 10,yuv420p10le"),
    ],
)
def test_profiles_are_what_ffprobe_calls_them(tmp_path: Path, settings: dict[str, object], suffix: str, expected: str) -> None:
    source = make_film(tmp_path / "in.mkv", Made(width=320, height=180, pts=(0, 40, 80)))
    colorize(source, tmp_path / f"out.{suffix}", **settings)
    entries = ["-show_entries", "stream=codec_name,profile,pix_fmt", "-of", "csv=p=0"]
    found = subprocess.run(
        ["ffprobe", "-v", "error", *entries, tmp_path / f"out.{suffix}"], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip().startswith(expected)


def test_ffv1_is_what_archives_keep(tmp_path: Path) -> None:
    """RFC 9043, 4.3: a version 3 record with its own checksum, several slices, a checksum in each; every frame stands alone."""
    source = make_film(tmp_path / "in.mkv", Made(width=320, height=180))
    colorize(source, tmp_path / "out.mkv", codec="ffv1")
    with av.open(str(tmp_path / "out.mkv")) as container:
        stream = container.streams.video[0]
        assert len(stream.codec_context.extradata or b"") > 4
        shown = [packet for packet in container.demux(stream) if packet.size]
        assert all(packet.is_keyframe for packet in shown)
        footer = bytes(shown[0])[-8:]  # of the last slice: size, error status 0, CRC-32
    assert footer[3] == 0
    (size,) = struct.unpack(">I", b"\0" + footer[:3])
    assert 0 < size < len(bytes(shown[0])) / 4  # one of many slices


def test_mjpeg_and_rgb_become_420(tmp_path: Path) -> None:
    for name, codec, pixel_format in (("a.mkv", "mjpeg", "yuvj422p"), ("b.mov", "qtrle", "rgb24")):
        source = make_film(tmp_path / name, Made(codec=codec, pixel_format=pixel_format, rate_ticks=True, pts=(0, 40, 80)))
        colorize(source, tmp_path / f"{name}.mp4")
        assert probe(tmp_path / f"{name}.mp4").pixel_format in ("yuv420p", "yuvj420p")


def test_an_untagged_film_says_what_it_was_taken_for(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mkv", Made(colorspace=2, color_range=0))
    colorize(source, tmp_path / "out.mp4")
    color = take_account(tmp_path / "out.mp4").color
    assert (color["matrix"], color["full_range"]) == (6, False)


def test_tags_that_mp4_has_no_box_for_stay(tmp_path: Path) -> None:
    source = film_with(tmp_path / "in.mkv", lambda container, _: container.metadata.update(TITLE="Reel", REEL_NUMBER="7"))
    assert colorize(source, tmp_path / "out.mp4").warnings == ()
    with av.open(str(tmp_path / "out.mp4")) as container:
        said = {name.lower(): value for name, value in container.metadata.items()}
    assert (said["title"], said["reel_number"]) == ("Reel", "7")


def test_a_second_angle_is_copied_and_named(tmp_path: Path) -> None:
    plain = make_film(tmp_path / "plain.mkv", Made())
    source = tmp_path / "in.mkv"
    with av.open(str(plain)) as read, av.open(str(source), "w") as container:
        copies = [container.add_stream_from_template(read.streams.video[0], opaque=True) for _ in range(2)]
        for packet in read.demux():
            if packet.size:
                for copy in copies:
                    again = av.Packet(bytes(packet))
                    again.stream, again.pts, again.dts, again.time_base = copy, packet.pts, packet.dts, TICK
                    again.is_keyframe = packet.is_keyframe
                    container.mux(again)
    (warning,) = colorize(source, tmp_path / "out.mkv").warnings
    assert "video stream 1 (h264) is copied as it is" in warning
    with av.open(str(source)) as one, av.open(str(tmp_path / "out.mkv")) as other:
        copied, found = ([bytes(p) for p in c.demux(c.streams.video[1]) if p.size] for c in (one, other))
    assert copied == found
    assert len(packets(tmp_path / "out.mkv", "video")) == 30


def test_sound_that_matroska_cannot_hold_is_heard_all_the_same(tmp_path: Path) -> None:
    """AMR of telephones: FFmpeg's Matroska has no place for it."""
    source = tmp_path / "in.3gp"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=96, height=64)
        sound = container.add_stream("libopencore_amrnb", rate=8000, layout="mono")
        for n in range(25):
            frame = av.VideoFrame.from_ndarray(moving(n, 64, 96), "gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        wave = (8000 * np.sin(np.arange(8000) / 5)).astype(np.int16)
        for first in range(0, 8000, 160):
            track = av.AudioFrame.from_ndarray(wave[None, first : first + 160], format="s16", layout="mono")
            track.sample_rate, track.pts, track.time_base = 8000, first, Fraction(1, 8000)
            container.mux(sound.encode(track))
        container.mux(sound.encode(None))
    warning = " ".join(colorize(source, tmp_path / "out.mkv").warnings)
    assert "audio stream 1 (amr_nb) is decoded to PCM: 'matroska' format does not support" in warning, warning
    heard = []
    for path in (source, tmp_path / "out.mkv"):
        with av.open(str(path)) as container:
            heard.append(np.concatenate([frame.to_ndarray()[0] for frame in container.decode(container.streams.audio[0])]))
    np.testing.assert_array_equal(*heard)


@needs_ffmpeg
@pytest.mark.parametrize(("suffix", "codec"), [(".wmv", "wmav2"), (".wmv", "wmav1"), (".avi", "wmav2")])
def test_sound_of_windows_is_copied_into_matroska(tmp_path: Path, suffix: str, codec: str) -> None:
    source = make(tmp_path / f"in{suffix}", ["-c:v", "msmpeg4v3"], sound=["-c:a", codec])
    assert colorize(source, tmp_path / "out.mkv").warnings == ()
    assert packets(source, "audio")
    assert [data for _, data in packets(source, "audio")] == [data for _, data in packets(tmp_path / "out.mkv", "audio")]
    heard = []
    for path in (source, tmp_path / "out.mkv"):
        with av.open(str(path)) as container:
            (sound,) = container.streams.audio
            assert sound.codec_context.name == codec
            heard.append(np.concatenate([frame.to_ndarray()[0] for frame in container.decode(sound)]))
    np.testing.assert_array_equal(*heard)
