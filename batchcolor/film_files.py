"""Which files are films, beside their suffix: those that look like something else, and those that are one film together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

# DVD-Video: the titles of set nn lie in VTS_nn_1.VOB to VTS_nn_9.VOB, which are one stream, split at 1 GiB; VTS_nn_0.VOB is a menu.
_TITLE = re.compile(r"(VTS_\d\d_)([1-9])(\.VOB)", re.IGNORECASE)
_MENU = re.compile(r"(VIDEO_TS|VTS_\d\d_0)\.VOB", re.IGNORECASE)
_MODULE_MARKS = (
    b"M.K.",
    b"M!K!",
    b"FLT4",
    b"FLT8",
    b"4CHN",
    b"6CHN",
    b"8CHN",
    b"OCTA",
)  # of music modules (.mod), at byte 1080
_GIF_IMAGE, _GIF_EXTENSION = 0x2C, 0x21


def parts(path: Path) -> tuple[Path, ...]:
    """The files that make up the film `path`: itself, or all files of a DVD title of which it is the first."""
    named = _TITLE.fullmatch(path.name)
    if named is None or named[2] != "1":
        return (path,)
    found = [path]
    for number in range(2, 10):
        following = next((each for each in _spellings(path, named, number) if each.is_file()), None)
        if following is None:
            break
        found.append(following)
    return tuple(found)


def is_standalone_film(path: Path) -> bool:
    """Whether a file with a film's suffix is a film that stands for itself.

    Not: menus and later files of a DVD title, still GIFs, music modules (.mod) and PostScript (.ps). What cannot be read counts as one:
    reading it will say so.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".vob":
            return not _is_later_part(path)
        if suffix == ".gif":
            return is_animated_gif(path)
        if suffix in (".mod", ".ps"):
            with path.open("rb") as file:
                head = file.read(1084)
            return head[1080:] not in _MODULE_MARKS if suffix == ".mod" else b"%!" not in head[:16]
    except OSError:
        pass
    return True


def _is_later_part(path: Path) -> bool:
    if _MENU.fullmatch(path.name):
        return path.parent.name.upper() == "VIDEO_TS" or path.with_suffix(".IFO").exists()
    named = _TITLE.fullmatch(path.name)
    return named is not None and named[2] != "1" and any(each.is_file() for each in _spellings(path, named, 1))


def _spellings(path: Path, named: re.Match[str], number: int) -> Sequence[Path]:
    name = f"{named[1]}{number}{named[3]}"
    return [path.with_name(spelling) for spelling in dict.fromkeys((name, name.upper(), name.lower()))]


def is_animated_gif(path: Path) -> bool:
    """Whether a GIF has more than one image (GIF89a, section 15 and following). Raises `OSError`."""
    with path.open("rb") as file:
        head = file.read(13)
        if len(head) < 13 or head[:3] != b"GIF":
            return False
        file.seek(_color_table(head[10]), 1)
        images = 0
        while (block := file.read(1)) and block[0] in (_GIF_IMAGE, _GIF_EXTENSION):
            if block[0] == _GIF_IMAGE:
                images += 1
                if images > 1:
                    return True
                described = file.read(9)
                if len(described) < 9:
                    return False
                file.seek(_color_table(described[8]) + 1, 1)  # and the size of the codes
            else:
                file.seek(1, 1)  # the label
            while (size := file.read(1)) and size[0]:
                file.seek(size[0], 1)
    return False


def _color_table(flags: int) -> int:
    """Bytes of a colour table, by the flags that announce it."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
