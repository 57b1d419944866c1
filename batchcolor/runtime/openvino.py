"""OpenVINO without its model converter, which takes longer to import than all the rest and is not used here.

OpenVINO's own package treats the converter as optional.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

_CONVERTER = "openvino.tools.ovc"


def _without_converter() -> Any:
    modules: dict[str, Any] = sys.modules
    if "openvino" in modules or _CONVERTER in modules:
        return importlib.import_module("openvino")
    modules[_CONVERTER] = None  # as if it were not installed
    try:
        return importlib.import_module("openvino")
    finally:
        del modules[_CONVERTER]


if TYPE_CHECKING:
    import openvino as ov
else:
    ov = _without_converter()

__all__ = ["ov"]
