"""Kinds of photos and films, by the endings of their names and by their first bytes; alone in a module so that finding files needs
neither libvips nor FFmpeg."""

READ_ONLY_SUFFIXES = frozenset([".bmp"])  # of photos: results have another format
PHOTO_SUFFIXES = READ_ONLY_SUFFIXES | frozenset(
    [".avif", ".heic", ".heif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".jpx", ".png", ".tif", ".tiff", ".webp"]
)
FILM_SUFFIXES = frozenset(
    [
        ".3g2",
        ".3gp",
        ".asf",
        ".avi",
        ".divx",
        ".dv",
        ".evo",
        ".f4v",
        ".flv",
        ".gif",
        ".m2t",
        ".m2ts",
        ".m2v",
        ".m4v",
        ".mkv",
        ".mod",
        ".mov",
        ".mp4",
        ".mpe",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".ogm",
        ".ogv",
        ".ps",
        ".qt",
        ".rm",
        ".rmvb",
        ".tod",
        ".ts",
        ".vob",
        ".vro",
        ".webm",
        ".wmv",
        ".y4m",
    ]
)
# Pictures and films of unsupported kinds: in folders they are counted and named once, so that they are not mistaken for finished items.
OTHER_SUFFIXES = frozenset(
    [
        ".3fr",
        ".ai",
        ".arw",
        ".bpg",
        ".cr2",
        ".cr3",
        ".crw",
        ".dcr",
        ".dds",
        ".djvu",
        ".dng",
        ".dpx",
        ".emf",
        ".eps",
        ".erf",
        ".exr",
        ".fff",
        ".fit",
        ".fits",
        ".flif",
        ".hdr",
        ".ico",
        ".iiq",
        ".jbig",
        ".jls",
        ".jng",
        ".jxl",
        ".jxr",
        ".k25",
        ".kdc",
        ".mef",
        ".mng",
        ".mos",
        ".mpo",
        ".mrw",
        ".nef",
        ".nrw",
        ".orf",
        ".pbm",
        ".pcd",
        ".pct",
        ".pcx",
        ".pdf",
        ".pef",
        ".pgm",
        ".pict",
        ".pnm",
        ".ppm",
        ".psb",
        ".psd",
        ".qoi",
        ".raf",
        ".ras",
        ".raw",
        ".rw2",
        ".sgi",
        ".sr2",
        ".srf",
        ".srw",
        ".svg",
        ".svgz",
        ".tga",
        ".wbmp",
        ".wdp",
        ".wmf",
        ".x3f",
        ".xbm",
        ".xcf",
        ".xpm",
        ".amv",
        ".av1",
        ".bik",
        ".cin",
        ".drc",
        ".gifv",
        ".h264",
        ".h265",
        ".hevc",
        ".ivf",
        ".mjpeg",
        ".mjpg",
        ".mve",
        ".nsv",
        ".nut",
        ".obu",
        ".r3d",
        ".roq",
        ".svi",
        ".viv",
        ".yuv",
    ]
)

HEAD_BYTES = 64  # at the front of a file, by which its kind is known

_READ = {b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png", b"BM": "bmp"}
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HEIF_BRANDS = (b"mif1", b"msf1", b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"avif", b"avis", b"miaf")

_NOT_READ = {
    b"%PDF": "a PDF",
    b"GIF8": "a GIF",
    b"%!PS": "PostScript",
    b"8BPS\0\x02": "a large Photoshop file (PSB)",
    b"8BPS": "a Photoshop file",
    b"\0\0\0\x0cjP  ": "a JPEG 2000",
    b"\xff\x4f\xff\x51": "a JPEG 2000",
    b"\xff\x0a": "a JPEG XL",
    b"\0\0\0\x0cJXL ": "a JPEG XL",
    b"v/1\x01": "an OpenEXR",
    b"#?RADIANCE": "a Radiance HDR",
    b"SIMPLE  =": "a FITS",
    b"SDPX": "a DPX",
    b"XPDS": "a DPX",
    b"\x0a\x05\x01": "a PCX",
    b"\0\0\x01\0": "an icon",
    b"\0\0\x02\0": "a cursor",
    b"IIRO": "a raw photo",
    b"IIRS": "a raw photo",
    b"IIU\0": "a raw photo",
    b"FUJIFILM": "a raw photo",
    b"FOVb": "a raw photo",
    b"\0MRM": "a raw photo",
    b"gimp xcf": "a GIMP picture",
    b"qoif": "a QOI",
    b"DDS ": "a DDS texture",
    b"\x8aMNG": "an MNG animation",
    b"FLIF": "a FLIF",
    b"BPG\xfb": "a BPG",
    b"AT&TFORM": "a DjVu",
    b"<svg": "an SVG drawing",
    b"P1": "a PNM", b"P2": "a PNM", b"P3": "a PNM", b"P4": "a PNM", b"P5": "a PNM", b"P6": "a PNM", b"P7": "a PNM",
    b"II\xbc\x01": "a JPEG XR",
}  # fmt: skip


def container_of(head: bytes) -> str | None:
    """jpeg, png, webp, tiff, heif (AVIF too) or bmp; None: another. head: the file's first `HEAD_BYTES`."""
    if head[:4] in _TIFF:
        return None if head[8:10] == b"CR" else "tiff"  # Canon's raw photos begin as TIFF does
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp" and any(head[at : at + 4] in _HEIF_BRANDS for at in range(8, HEAD_BYTES, 4)):
        return "heif"
    return next((name for magic, name in _READ.items() if head.startswith(magic)), None)


def unsupported_kind(head: bytes) -> str | None:
    """What a file is that no photo is read from, in words; None: nothing that is known here."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<?xml") or text.lower().startswith(b"<svg"):
        return "an XML file, such as an SVG drawing"
    if head[:4] in _TIFF and head[8:10] == b"CR":
        return "a raw photo"
    if head[4:8] == b"ftyp" and head[8:12] in (b"crx ", b"jxl "):
        return "a raw photo" if head[8:12] == b"crx " else "a JPEG XL"
    return next((name for magic, name in _NOT_READ.items() if head.startswith(magic)), None)
