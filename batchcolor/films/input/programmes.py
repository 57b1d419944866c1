"""Programmes of an MPEG transport stream: which streams belong together, and what the channel is called."""

from __future__ import annotations

import re
from dataclasses import dataclass

import av

from ...runtime.ffmpeg import description

_STREAM = re.compile(r"Stream #0:(\d+)")
_TAG = re.compile(r"(service_name|service_provider)\s*: (.*)")


@dataclass(frozen=True, slots=True)
class Programme:
    """name, provider: as the service description table (ETSI EN 300 468) has them, "" where it says nothing. streams: their indices."""

    name: str
    provider: str
    streams: tuple[int, ...]


def programmes_of(container: av.container.InputContainer) -> tuple[Programme, ...]:
    """The programmes of a transport stream; none in other containers."""
    if container.format.name != "mpegts":
        return ()
    made = []
    # PyAV has no programmes; FFmpeg's description of a file has all of each in a block, and what belongs to none in a last one.
    for block in re.split(r"^  Program \d+.*$", description(container), flags=re.MULTILINE)[1:]:
        own = block.split("  No Program")[0]
        tags = dict(_TAG.findall(own))
        streams = tuple(int(index) for index in _STREAM.findall(own))
        made.append(Programme(tags.get("service_name", "").strip(), tags.get("service_provider", "").strip(), streams))
    return tuple(made)


def service_tags(container: av.container.InputContainer) -> dict[str, str]:
    """Name and provider of the programme that the first picture belongs to, as FFmpeg names these tags."""
    if not container.streams.video:
        return {}
    picture = container.streams.video[0].index
    own = next((each for each in programmes_of(container) if picture in each.streams), None)
    tags = {} if own is None else {"service_name": own.name, "service_provider": own.provider}
    return {name: value for name, value in tags.items() if value}
