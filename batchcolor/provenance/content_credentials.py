"""Signed content credentials (C2PA 2.x) in a result, with the user's own certificate; needs the extra `c2pa`."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import OutputError, UsageError
from ..runtime.atomic_write import atomic_write
from . import Provenance

_TYPES = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "image/jpeg"),
    **dict.fromkeys((".tif", ".tiff"), "image/tiff"),
    ".png": "image/png",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".heif": "image/heif",
    **dict.fromkeys((".mp4", ".m4v"), "video/mp4"),
    ".mov": "video/quicktime",
}
_BESIDE = {".mkv": "video/x-matroska"}  # no place for them in the file: they lie beside it


@dataclass(frozen=True, slots=True)
class Signer:
    """certificate: the chain in PEM, the signer's own first. key: its private key in PEM (PKCS 8)."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Raises `UsageError` where the package, the certificate or the key cannot be used."""
        self._signer()

    def sign(self, result: Path, provenance: Provenance) -> Path:
        """Give `result` content credentials; returns the file that holds them: itself, or `reel.mkv.c2pa` beside it.

        Raises `OutputError` for a format that has no place for them, or where signing fails.
        """
        c2pa, suffix = _c2pa(), result.suffix.lower()
        kind = _TYPES.get(suffix) or _BESIDE.get(suffix)
        if kind is None:
            raise OutputError(f"{result}: content credentials have no place in this format; leave out --c2pa-certificate")
        try:
            builder = c2pa.Builder.from_json(json.dumps(_manifest(result, provenance)))
            if suffix in _BESIDE:
                builder.set_no_embed()
            holder = result.with_name(result.name + ".c2pa") if suffix in _BESIDE else result
            with atomic_write(holder) as temporary:
                with result.open("rb") as pictures, temporary.open("w+b") as signed:
                    store = builder.sign(self._signer(), kind, pictures, signed)
                if suffix in _BESIDE:
                    temporary.write_bytes(store)
                else:
                    shutil.copystat(result, temporary)
        except c2pa.C2paError as exc:
            raise OutputError(
                f"{result}: could not be signed ({str(exc).splitlines()[0]}); check --c2pa-certificate and --c2pa-key"
            ) from exc
        return holder

    def _signer(self) -> Any:
        c2pa = _c2pa()
        try:
            chain, key = self.certificate.read_bytes(), self.key.read_bytes()
            return c2pa.Signer.from_info(c2pa.C2paSignerInfo(_algorithm(chain), chain, key, None))
        except OSError as exc:
            raise UsageError(
                f"{exc.filename}: cannot be read ({exc.strerror}); name the files of your certificate and its key"
            ) from exc
        except (ValueError, c2pa.C2paError) as exc:
            raise UsageError(
                f"{self.certificate}: cannot sign ({str(exc).splitlines()[0]}); it must be a chain in PEM, with its key"
            ) from exc


def _c2pa() -> Any:
    try:
        import c2pa
    except ImportError as exc:
        raise UsageError('--c2pa-certificate needs the package c2pa-python: pip install "batchcolor[c2pa]"') from exc
    return c2pa


def _algorithm(chain: bytes) -> bytes:
    """C2PA's name of the signature that the key of the first certificate makes. Raises `ValueError`."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    key = x509.load_pem_x509_certificate(chain).public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return {256: b"es256", 384: b"es384", 521: b"es512"}[key.curve.key_size]
    if isinstance(key, ed25519.Ed25519PublicKey):
        return b"ed25519"
    if isinstance(key, rsa.RSAPublicKey):
        return b"ps256"
    raise ValueError("C2PA has no signature of this kind of key")


def _manifest(result: Path, provenance: Provenance) -> dict[str, Any]:
    name, _, version = provenance.tool.partition(" ")
    agent = {"name": name, "version": version}
    action = {
        "action": "c2pa.created",
        "digitalSourceType": provenance.source_type_uri,
        "softwareAgent": agent,
        "description": f"Colorized by the weights {provenance.model} (SHA-256 {provenance.sha256})",
    }
    return {
        "claim_generator_info": [agent],
        "title": result.name,
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
    }
