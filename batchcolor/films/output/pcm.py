"""Sound that a container does not hold, as PCM: that of discs sample by sample, compressed kinds as they are decoded."""

from __future__ import annotations

import av

# By the decoder's sample format: samples of discs that FFmpeg decodes to 32 bits have 20 or 24, left-aligned.
_CODECS = {"s16": "pcm_s16le", "s32": "pcm_s32le", "flt": "pcm_f32le", "dbl": "pcm_f64le", "u8": "pcm_u8", "s64": "pcm_s64le"}
_OF_24_BITS = ("24", "bluray", "dvd")


def is_pcm(stream: av.stream.Stream) -> bool:
    """Whether the stream is uncompressed sound that can be unpacked."""
    return is_decodable(stream) and stream.codec_context.name.startswith("pcm_")


def is_decodable(stream: av.stream.Stream) -> bool:
    """Whether the stream is sound that FFmpeg decodes to samples that PCM has a format for."""
    context = stream.codec_context
    if not isinstance(context, av.AudioCodecContext) or context.format is None:
        return False
    return context.format.packed.name in _CODECS and context.sample_rate > 0 and context.layout.nb_channels > 0


class PcmRewrap:
    """A stream of `target` that takes the samples of `source`, as they are decoded: its format is at least as deep."""

    def __init__(self, target: av.container.OutputContainer, source: av.AudioStream) -> None:
        """Raises `ValueError` where the target's container does not hold PCM."""
        theirs = self._decoder = source.codec_context
        packed = theirs.format.packed.name
        codec = _CODECS[packed]
        if packed == "s32" and any(name in theirs.name for name in _OF_24_BITS):
            codec = "pcm_s24le"
        self.stream = target.add_stream(codec, rate=theirs.sample_rate, layout=theirs.layout.name, format=packed)
        # Decoders of compressed sound keep channels apart, and PCM does not.
        self._interleaved = av.AudioResampler(format=packed) if theirs.format.is_planar else None

    @property
    def codec(self) -> str:
        return str(self.stream.codec_context.name)

    def packets(self, packet: av.Packet) -> list[av.Packet]:
        """The packet's samples, as packets of `stream`. Raises what PyAV's decoders raise."""
        return self._encoded(packet.decode())

    def last_packets(self) -> list[av.Packet]:
        """What the decoder still holds after the last packet. Raises what PyAV's decoders raise."""
        return self._encoded(self._decoder.decode(None))

    def _encoded(self, frames: list[av.AudioFrame]) -> list[av.Packet]:
        made: list[av.Packet] = []
        for frame in frames:
            ready = [frame] if self._interleaved is None else self._interleaved.resample(frame)
            for each in ready:
                made += self.stream.encode(each)
        return made
