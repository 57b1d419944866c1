"""Looking at results again: do they still open, from their first byte to their last?"""

from __future__ import annotations

from pathlib import Path

from .plan import Item
from .walk import Kind


def is_whole(item: Item) -> bool:
    """Whether the result of `item` is there and can be read through: photos decoded, films' packets read and their last frame decoded."""
    return _photo_decodes(item.target) if item.kind is Kind.PHOTO else _film_reads(item.target)


def _photo_decodes(path: Path) -> bool:
    from ..runtime.libvips import open_image, pyvips

    try:
        first = open_image(path, fail_on="error")
        first.avg()
        for page in range(1, first.get("n-pages") if first.get_typeof("n-pages") else 1):
            open_image(path, page=page, fail_on="error").avg()
    except (pyvips.Error, UnicodeEncodeError):
        return False
    return True


def _film_reads(path: Path) -> bool:
    import av

    from ..runtime.ffmpeg import open_input

    try:
        with open_input(path) as container:
            stream = container.streams.video[0]
            packets = sum(1 for packet in container.demux(stream) if packet.size)
            container.seek(stream.duration or 0, stream=stream)
            return packets > 0 and any(True for _ in container.decode(stream))
    except (OSError, IndexError, av.error.FFmpegError):
        return False
