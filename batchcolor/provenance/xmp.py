"""XMP packets (ISO 16684-1): adding the provenance of a colorized picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from . import Provenance

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_ATTACHMENTS = (
    "http://ns.google.com/photos/1.0/camera/",
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/dd/1.0/device/",
    "http://ns.google.com/photos/1.0/image/",
    "http://ns.google.com/photos/1.0/audio/",
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.adobe.com/hdr-gain-map/1.0/",
)
_OURS = "urn:batchcolor:provenance:1"

_EMPTY = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"></rdf:RDF></x:xmpmeta>'
_BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_END = '\n<?xpacket end="w"?>'


def with_provenance(packet: bytes | None, provenance: Provenance, source_sha256: str | None = None) -> bytes:
    """`packet` (None: an empty one) with the provenance added; what it says about the same properties gives way, all else stays.

    source_sha256: of the source file, optional. Raises `ValueError` where the packet is not XMP.
    """
    tree = _parsed(packet)
    roots = tree.getElementsByTagNameNS(_RDF, "RDF")
    if not roots or tree.documentElement is None:
        raise ValueError("the XMP packet has no rdf:RDF")
    rdf = roots[0]
    described = [node for node in rdf.childNodes if isinstance(node, minidom.Element) and node.namespaceURI == _RDF]
    about = described[0].getAttributeNS(_RDF, "about") if described else ""
    ours = tree.createElementNS(_RDF, f"{rdf.prefix}:Description")
    ours.setAttributeNS(_RDF, f"{rdf.prefix}:about", about)
    properties = _properties(provenance, source_sha256)
    for (space, prefix, name), value in properties.items():
        for node in described:
            _forget(node, space, name)
        ours.setAttribute(f"xmlns:{prefix}", space)
        ours.setAttributeNS(space, f"{prefix}:{name}", value)
    rdf.appendChild(ours)
    return (_BEGIN + tree.documentElement.toxml() + _END).encode()


def _properties(provenance: Provenance, source_sha256: str | None) -> dict[tuple[str, str, str], str]:
    """(namespace, prefix, name) -> value."""
    said = {
        (_IPTC_EXT, "Iptc4xmpExt", "DigitalSourceType"): provenance.source_type_uri,
        (_OURS, "batchcolor", "Tool"): provenance.tool,
        (_OURS, "batchcolor", "Model"): provenance.model,
        (_OURS, "batchcolor", "ModelSHA256"): provenance.sha256,
    }
    if provenance.chosen:
        said[_OURS, "batchcolor", "ChosenColours"] = provenance.chosen
    if source_sha256 is not None:
        said[_OURS, "batchcolor", "SourceSHA256"] = source_sha256
    return said


def without_attachments(packet: bytes) -> bytes:
    """The packet without its claims about data behind the picture (motion photos, gain maps), which is not there any more.

    A packet that makes none, or is not XMP, stays as it is, byte for byte.
    """
    return _without(packet, lambda space, name: space in _ATTACHMENTS)


def without_orientation(packet: bytes) -> bytes:
    """The packet without an orientation, for pixels that have been turned already; as it is, byte for byte, where there is none."""
    return _without(packet, lambda space, name: (space, name) == (_TIFF, "Orientation"))


def _without(packet: bytes, unwanted: Callable[[str | None, str | None], bool]) -> bytes:
    """The packet without properties of these namespaces and names."""
    try:
        tree = _parsed(packet)
    except ValueError:
        return packet
    roots = tree.getElementsByTagNameNS(_RDF, "RDF")
    if not roots or tree.documentElement is None:
        return packet
    changed = False
    for described in roots[0].childNodes:
        if not isinstance(described, minidom.Element):
            continue
        for attribute in list(described.attributes.values()):
            if unwanted(attribute.namespaceURI, attribute.localName):
                described.removeAttributeNode(attribute)
                changed = True
        for element in list(described.childNodes):
            if isinstance(element, minidom.Element) and unwanted(element.namespaceURI, element.localName):
                described.removeChild(element)
                changed = True
    return (_BEGIN + tree.documentElement.toxml() + _END).encode() if changed else packet


def _parsed(packet: bytes | None) -> minidom.Document:
    text = _EMPTY if packet is None else packet.strip(b"\0 \t\r\n").decode(_encoding(packet))
    text = re.sub(r"<\?xpacket.*?\?>", "", text.lstrip("\ufeff"), flags=re.DOTALL).strip()
    if "<!DOCTYPE" in text:  # an XMP packet has none; entities are a way to fill the memory
        raise ValueError("the XMP packet has a document type")
    try:
        return minidom.parseString(text.encode())
    except ExpatError as exc:
        raise ValueError(f"the XMP packet is not XML ({exc})") from exc


def _encoding(packet: bytes) -> str:
    if packet[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    return "utf-16-le" if packet[1:2] == b"\0" else "utf-16-be" if packet[:1] == b"\0" else "utf-8"


def _forget(described: minidom.Element, space: str, name: str) -> None:
    """Remove a property, whether it is written as an attribute or as an element."""
    if described.hasAttributeNS(space, name):
        described.removeAttributeNS(space, name)
    for element in described.getElementsByTagNameNS(space, name):
        if element.parentNode is described:
            described.removeChild(element)
