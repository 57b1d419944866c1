"""Options as frozen values. Flags, environment and TOML become one `Settings` in `cli/options.py`; nothing below it reads them again."""

from __future__ import annotations

from .options import (
    ColorPages,
    ColorSettings,
    Deinterlace,
    DeviceName,
    EncoderKind,
    EngineName,
    ExecutorName,
    FilmSettings,
    ModelSettings,
    PhotoFormat,
    PhotoSettings,
    Precision,
    RunOptions,
    Settings,
    SmootherName,
    Times,
    Tints,
    Upscaling,
    VideoCodec,
)

__all__ = [
    "ColorPages",
    "ColorSettings",
    "Deinterlace",
    "DeviceName",
    "EncoderKind",
    "EngineName",
    "ExecutorName",
    "FilmSettings",
    "ModelSettings",
    "PhotoFormat",
    "PhotoSettings",
    "Precision",
    "RunOptions",
    "Settings",
    "SmootherName",
    "Times",
    "Tints",
    "Upscaling",
    "VideoCodec",
]
