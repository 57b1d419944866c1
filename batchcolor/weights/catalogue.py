"""The weights that this version knows by name, and what has been published about each of them.

A mirror has a size and a digest only where they were published. `Mirror.sha256` may be the beginning of a digest (torch.hub's
convention puts the first eight digits into the file name) or empty; a file without one is accepted if it loads and every
tensor matches its architecture.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mirror:
    """One place to fetch a file from.

    size: bytes, None where not published. sha256: the digest in hexadecimal, or its first digits, or "" where not published.
    """

    url: str
    size: int | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class KnownWeights:
    """Weights with a name.

    file: the file's name in the package (embedded) or in the cache. mirrors: tried in this order. licence: of the weights, as
    their publisher states it.
    """

    name: str
    architecture: str
    about: str
    licence: str
    origin: str
    file: str
    mirrors: tuple[Mirror, ...] = ()

    @property
    def embedded(self) -> bool:
        """Whether the file is part of the package; such weights are never fetched."""
        return not self.mirrors

    @property
    def needs_torch(self) -> bool:
        """Whether only PyTorch can read the file: a pickled state dict."""
        return self.file.endswith(".pth")


# Published by the mirror's README (130.5 MiB) and, independently, by two programs that fetch from the authors' server; not
# checked against the file itself.
_SIGGRAPH17_SHA256 = "df00044c0a4d7c3edcecf6f75437ce346a66e7a42612d9b968e1a7e17dbc6f66"
_SIGGRAPH17_BYTES = 136_787_426

CATALOGUE: dict[str, KnownWeights] = {
    known.name: known
    for known in (
        KnownWeights(
            name="lite",
            architecture="lite",
            about="the built-in default: small, quick on a CPU",
            licence="Apache-2.0",
            origin="trained by this project (docs/training.md)",
            file="lite.safetensors",
        ),
        KnownWeights(
            name="siggraph17",
            architecture="siggraph17",
            about="Zhang et al., Real-Time User-Guided Image Colorization, ACM TOG 36(4), 2017",
            licence="BSD-2-Clause",
            origin="https://github.com/richzhang/colorization",
            file="siggraph17.pth",
            mirrors=(
                Mirror(
                    "https://colorizers.s3.us-east-2.amazonaws.com/siggraph17-df00044c.pth",
                    _SIGGRAPH17_BYTES,
                    _SIGGRAPH17_SHA256,
                ),
                # "latest" may move to another serialization of the same tensors; the digest then refuses it.
                Mirror(
                    "https://github.com/clibdev/colorization/releases/latest/download/colorization-siggraph-17.pth",
                    sha256=_SIGGRAPH17_SHA256,
                ),
            ),
        ),
    )
}
