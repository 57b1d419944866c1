"""Uncompressed sound of discs, whose packets no other container holds: unpacked and written as PCM again, sample by sample."""

from __future__ import annotations

import av

# By the decoder's sample format: samples of discs that FFmpeg decodes to 32 bits have 20 or 24, left-aligned.
_CODECS = {"s16": "pcm_s16le", "s32": "pcm_s32le", "flt": "pcm_f32le", "dbl": "pcm_f64le", "u8": "pcm_u8", "s64": "pcm_s64le"}
_OF_24_BITS = ("24", "bluray", "dvd")


def is_pcm(stream: av.stream.Stream) -> bool:
    """Whether the stream is uncompressed sound that can be unpacked."""
    context = stream.codec_context
    return isinstance(context, av.AudioCodecContext) and context.name.startswith("pcm_") and context.format is not None


class PcmRewrap:
    """A stream of `target` that takes the samples of `source`. Every sample stays: its format is at least as deep."""

    def __init__(self, target: av.container.OutputContainer, source: av.AudioStream) -> None:
        """Raises `ValueError` where the target's container does not hold PCM."""
        theirs = source.codec_context
        packed = theirs.format.packed.name
        codec = _CODECS[packed]
        if packed == "s32" and any(name in theirs.name for name in _OF_24_BITS):
            codec = "pcm_s24le"
        self.stream = target.add_stream(codec, rate=theirs.sample_rate, layout=theirs.layout.name, format=packed)

    @property
    def codec(self) -> str:
        return str(self.stream.codec_context.name)

    def packets(self, packet: av.Packet) -> list[av.Packet]:
        """The packet's samples, as packets of `stream`. Raises what PyAV's decoders raise."""
        made: list[av.Packet] = []
        for frame in packet.decode():
            made += self.stream.encode(frame)
        return made
