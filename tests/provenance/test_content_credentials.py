"""Signed content credentials: with a certificate made here, in every format that has a place for them."""

from __future__ import annotations

import datetime
import importlib.util
import json
from pathlib import Path

import av
import numpy as np
import pytest

from batchcolor import app
from batchcolor.archive.item_settings import ItemSettings
from batchcolor.archive.outcome import Outcome, Status
from batchcolor.archive.records import Records
from batchcolor.errors import OutputError, UsageError
from batchcolor.provenance import Provenance
from batchcolor.provenance.content_credentials import Signer
from batchcolor.runtime.libvips import pyvips
from batchcolor.settings import RunOptions
from tests.films.made import Made, make_film, packets, pictures
from tests.support import gradient

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("c2pa") is None, reason="c2pa-python is not installed (pip install 'batchcolor[c2pa]')"
)

MADE_BY = Provenance("lite", "ab" * 32)
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """A certificate of a day, from an authority of a day, as C2PA wants them (technical specification 2.1, 14.5)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now = datetime.datetime.now(datetime.UTC)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def named(name: str) -> x509.Name:
        return x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "A made archive"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
        )

    def certificate(name: str, owner: ec.EllipticCurvePrivateKey, usage: x509.KeyUsage, *, authority: bool) -> x509.Certificate:
        made = x509.CertificateBuilder(named("Root"), named(name), owner.public_key(), x509.random_serial_number())
        made = made.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
        made = made.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True).add_extension(
            usage, critical=True
        )
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(owner.public_key()), critical=False)
        made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        if not authority:
            made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        return made.sign(root_key, hashes.SHA256())

    def usage(**more: bool) -> x509.KeyUsage:
        none = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
             "crl_sign", "encipher_only", "decipher_only"), False,
        )  # fmt: skip
        return x509.KeyUsage(**none | more)

    folder = tmp_path_factory.mktemp("certificate")
    pem = serialization.Encoding.PEM
    chain = certificate("Signer", key, usage(digital_signature=True), authority=False).public_bytes(pem)
    chain += certificate("Root", root_key, usage(key_cert_sign=True, crl_sign=True), authority=True).public_bytes(pem)
    (folder / "chain.pem").write_bytes(chain)
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return Signer(folder / "chain.pem", folder / "key.pem")


def verdict(kind: str, result: Path, store: bytes | None = None) -> tuple[str, str]:
    """(validation state, digital source type) as the C2PA library reads them."""
    import c2pa

    with result.open("rb") as file:
        reader = c2pa.Reader(kind, file, store)
        manifest = reader.get_active_manifest()
        (actions,) = (each for each in manifest["assertions"] if each["label"].startswith("c2pa.actions"))
        return reader.get_validation_state(), actions["data"]["actions"][0]["digitalSourceType"]


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [("jpg", "image/jpeg"), ("png", "image/png"), ("tif", "image/tiff"), ("webp", "image/webp"), ("avif", "image/avif")],
)
def test_photos_are_signed_and_keep_their_pixels(tmp_path: Path, signer: Signer, suffix: str, kind: str) -> None:
    result = tmp_path / f"photo.{suffix}"
    pyvips.Image.new_from_memory(gradient(48, 64).tobytes(), 64, 48, 1, "uchar").bandjoin([1, 2]).copy(
        interpretation="srgb"
    ).write_to_file(str(result))
    before = pyvips.Image.new_from_file(str(result)).numpy().copy()
    assert signer.sign(result, MADE_BY) == result
    assert verdict(kind, result) == ("Valid", COMPOSITE)
    np.testing.assert_array_equal(pyvips.Image.new_from_file(str(result)).numpy(), before)


@pytest.mark.parametrize(("suffix", "kind"), [("mp4", "video/mp4"), ("mov", "video/quicktime"), ("mkv", "video/x-matroska")])
def test_films_are_signed_and_keep_their_packets(tmp_path: Path, signer: Signer, suffix: str, kind: str) -> None:
    result = make_film(tmp_path / f"film.{suffix}", Made(sound=True))
    before, shown = packets(result, "audio"), pictures(result)
    holder = signer.sign(result, MADE_BY)
    assert holder.name == ("film.mkv.c2pa" if suffix == "mkv" else result.name)
    store = holder.read_bytes() if suffix == "mkv" else None
    assert verdict(kind, result, store) == ("Valid", COMPOSITE)
    assert packets(result, "audio") == before
    for (time, luma), (time_after, luma_after) in zip(shown, pictures(result), strict=True):
        assert time == time_after
        np.testing.assert_array_equal(luma, luma_after)


def test_a_changed_film_is_found_out(tmp_path: Path, signer: Signer) -> None:
    result = make_film(tmp_path / "film.mkv", Made())
    store = signer.sign(result, MADE_BY).read_bytes()
    data = bytearray(result.read_bytes())
    data[-50] ^= 1
    result.write_bytes(data)
    assert verdict("video/x-matroska", result, store)[0] == "Invalid"


def test_what_cannot_sign_is_one_sentence(tmp_path: Path, signer: Signer) -> None:
    text = tmp_path / "none.pem"
    text.write_text("no certificate")
    with pytest.raises(UsageError, match=r"none\.pem: cannot sign"):
        Records.of(RunOptions(c2pa_certificate=text, c2pa_key=signer.key))
    with pytest.raises(UsageError, match="cannot be read"):
        Records.of(RunOptions(c2pa_certificate=tmp_path / "missing.pem", c2pa_key=signer.key))
    with pytest.raises(UsageError, match="belong together"):
        Records.of(RunOptions(c2pa_certificate=signer.certificate))
    with pytest.raises(OutputError, match="no place in this format"):
        signer.sign(tmp_path / "photo.jp2", MADE_BY)


def test_a_run_signs_and_writes_sidecars(tmp_path: Path, signer: Signer) -> None:
    """An archive's results are signed, then described: the sidecar's digest is that of the signed file."""
    from batchcolor.runtime.file_hash import file_sha256

    source, output = tmp_path / "scans", tmp_path / "colour"
    source.mkdir()
    pyvips.Image.new_from_memory(gradient(48, 64).tobytes(), 64, 48, 1, "uchar").write_to_file(str(source / "a.jpg"))
    make_film(source / "reel.mkv", Made(pts=(0, 40, 80)))
    outcomes: list[Outcome] = []

    class Heard(app.Events):
        def finished(self, outcome: Outcome) -> None:
            outcomes.append(outcome)

    options = RunOptions(jobs=1, sidecar=True, c2pa_certificate=signer.certificate, c2pa_key=signer.key)
    app.run_archive([source], output, ItemSettings(), options, events=Heard())
    assert [outcome.status for outcome in outcomes] == [Status.DONE, Status.DONE]
    assert verdict("image/jpeg", output / "a.jpg") == ("Valid", COMPOSITE)
    assert verdict("video/x-matroska", output / "reel.mkv", (output / "reel.mkv.c2pa").read_bytes()) == ("Valid", COMPOSITE)
    for name in ("a.jpg", "reel.mkv"):
        said = json.loads((output / f"{name}.provenance.json").read_text())
        assert said["source"] == {"name": name, "bytes": (source / name).stat().st_size, "sha256": file_sha256(source / name)}
        assert said["result"]["sha256"] == file_sha256(output / name)
        assert said["digital_source_type"] == COMPOSITE
        assert said["weights"]["name"] == "lite"
        assert said["settings"]["color"]["saturation"] == 1.0
    with av.open(str(output / "reel.mkv")) as container:
        tags = {name.upper(): value for name, value in container.metadata.items()}
    assert tags["DIGITAL_SOURCE_TYPE"] == COMPOSITE
    assert tags["BATCHCOLOR_SOURCE_SHA256"] == file_sha256(source / "reel.mkv")
    assert tags["BATCHCOLOR_MODEL_SHA256"] == said["weights"]["sha256"]
    second = app.run_archive([source], output, ItemSettings(), options)
    assert (second.up_to_date, second.counts[Status.DONE]) == (2, 0)
