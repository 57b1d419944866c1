"""Where colours come from, said in the result: by which program, version and weights, from which source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..runtime.version import __version__
from ..weights.store import find_weights, is_name, sha256_of

# IPTC NewsCodes, "digital source type": the lightness is the source's, the chroma was made by a trained network.
COMPOSITE = "compositeWithTrainedAlgorithmicMedia"
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made the colours. sha256: of the weights file, hexadecimal; source_type: IPTC's digital source type, without its address;
    chosen: what people chose of them, as JSON."""

    model: str
    sha256: str
    source_type: str = COMPOSITE
    chosen: str = ""

    @property
    def source_type_uri(self) -> str:
        return _SOURCE_TYPES + self.source_type

    @property
    def tool(self) -> str:
        """Program and version."""
        return f"batchcolor {__version__}"

    def tags(self, source_sha256: str) -> dict[str, str]:
        """Tags for containers of films that hold any: Matroska. source_sha256: of the source file."""
        return {
            "BATCHCOLOR_TOOL": self.tool,
            "BATCHCOLOR_MODEL": self.model,
            "BATCHCOLOR_MODEL_SHA256": self.sha256,
            "BATCHCOLOR_SOURCE_SHA256": source_sha256,
            "DIGITAL_SOURCE_TYPE": self.source_type_uri,
        }


def of_weights(weights: str, source_type: str = COMPOSITE, sha256: str = "") -> Provenance:
    """The provenance of results of `weights`, a name or a path. sha256: of their file, where it is known. Raises `ModelError`."""
    path = find_weights(weights)
    return Provenance(weights if is_name(weights) else Path(path).name, sha256 or sha256_of(path), source_type)
