"""Kinds of files by suffix, and by their first bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal


def _suffixes(names: str) -> frozenset[str]:
    return frozenset(f".{name}" for name in names.split())


SUFFIXES: Final = _suffixes(
    "jpg jpeg jpe jfif pjpeg png apng gif bmp dib webp tif tiff avif avifs heic heif heics heifs"
    " hif mpo jp2 j2k ppm pgm pnm tga"
)
"""Suffixes of pictures, still and animated."""

ANIMATION_SUFFIXES: Final = _suffixes("gif apng avifs heics heifs")
"""Suffixes of pictures that are mostly animated: each is a footage of its own at an address."""

VIDEO_SUFFIXES: Final = _suffixes(
    "mp4 m4v mov qt 3gp 3g2 3gpp f4v avi divx mkv mk3d webm flv wmv asf mpg mpeg mpe m1v m2v mpv"
    " mp2v m2p ts m2ts mts m2t trp vob mxf ogv ogm rm rmvb dv dif h264 264 avc h265 265 hevc mjpg"
    " mjpeg y4m ivf obu nut wtv dvr-ms amv"
)
"""Suffixes of videos; files of unknown suffixes are recognised by their first bytes."""

SOUND_SUFFIXES: Final = _suffixes(
    "mp3 wav m4a aac flac oga opus wma aif aiff ac3 eac3 dts mka mp2 amr caf m4b ape wv mid"
)

OTHER_MEDIA_SUFFIXES: Final = _suffixes(
    "dng cr2 cr3 crw nef nrw arw srf sr2 raf orf rw2 pef srw x3f 3fr raw jxl psd psb xcf ai eps svg"
    " svgz exr hdr jxr wdp heal braw r3d ari swf m4s insp jxs bpg"
)
"""Suffixes of pictures and videos that cannot be read."""

PREVIEW_SUFFIXES: Final = _suffixes("lrv thm lrf")
"""Suffixes of the small copies that cameras write beside their videos."""

PARTIAL_SUFFIXES: Final = _suffixes("part partial crdownload download opdownload !ut !qb ytdl")
"""Suffixes of unfinished downloads."""

QUIET_SUFFIXES: Final = _suffixes(
    "txt md rst log nfo json jsonl xml xmp aae srt vtt ass ssa sub idx sup csv tsv xls xlsx"
    " ods doc docx odt rtf pdf ppt pptx html htm css js mjs py pyc ipynb sh bat ps1 exe dll so"
    " toml yaml yml ini cfg conf url lnk webloc desktop zip 7z rar gz bz2 xz tar tgz iso dmg"
    " db sqlite db3 bak tmp parquet npy npz pt pth onnx pickle pkl gpx kml kmz fit bup ifo"
    " bdmv mpls clpi cpi bdm m3u m3u8 pls cue sha1 sha256 md5 sfv torrent aup aup3 prproj"
    " fcpxml drp edl icc icm cube ttf otf lock"
)
"""Suffixes of files that are no media, and are skipped without a word."""

_MAY_BE_ANIMATED: Final = (b"GIF8", b"\x89PNG", b"RIFF")
HEVC_SEQUENCE_BRANDS: Final = frozenset({b"hevc", b"hevx", b"msf1"})
"""Brands of pictures with a track of HEVC frames."""
_SEQUENCE_BRANDS: Final = HEVC_SEQUENCE_BRANDS | {b"avis"}
HEIF_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
"""Brands of ISO 23008-12 files, which may hold HEVC pictures."""


Kind = Literal["video", "picture", "sound"]

_PICTURE_HEADS: Final = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\0",  # TIFF, and camera raw
    b"MM\0*",
)
_VIDEO_HEADS: Final = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"\0\0\x01\xba",  # MPEG program stream
    b"\0\0\x01\xb3",  # MPEG-1 or MPEG-2 video
    b"\0\0\0\x01\x67",  # H.264
    b"\0\0\x01\x67",
    b"\0\0\0\x01\x40\x01",  # HEVC
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF
    b"FLV\x01",
    b".RMF",
    b"DKIF",  # IVF
    b"YUV4MPEG2",
    b"nut/multimedia",
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01",  # MXF
    b"\x1f\x07\0",  # DV
    b"\x12\0\x0a",  # AV1
)
_SOUND_HEADS: Final = (b"ID3", b"fLaC", b"FORM", b"\xff\xfb", b"\xff\xf1")
_RIFF: Final[Mapping[bytes, Kind]] = {b"WEBP": "picture", b"AVI ": "video", b"WAVE": "sound"}
_TS_SYNC, _TS_PACKETS = 0x47, ((0, 188), (4, 192))
HEAD_BYTES: Final = 1024
"""Bytes that `kind_of` needs: five packets of a transport stream."""


def kind_of(head: bytes) -> Kind | None:
    """Return the kind of a file by its first `HEAD_BYTES`; None if they are of no known format."""
    if found := brands(head):
        return _kind_of_brands(found)
    if head[4:8] in (b"moov", b"mdat", b"wide"):
        return "video"
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head.startswith(_PICTURE_HEADS):
        return "picture"
    if head.startswith(_VIDEO_HEADS) or _is_transport_stream(head):
        return "video"
    if head.startswith(b"OggS"):
        return "video" if b"theora" in head[:64] or b"fishead" in head[:64] else "sound"
    return "sound" if head.startswith(_SOUND_HEADS) else None


def _kind_of_brands(found: frozenset[bytes]) -> Kind | None:
    if found & {b"crx ", b"jxl "}:
        return None
    if found & (HEIF_BRANDS | {b"avif", b"avis", b"jp2 "}):
        return "picture"
    return "sound" if found & {b"M4A ", b"M4B "} else "video"


def _is_transport_stream(head: bytes) -> bool:
    return any(
        len(head) > start + 4 * length
        and all(head[start + packet * length] == _TS_SYNC for packet in range(5))
        for start, length in _TS_PACKETS
    )


def is_picture(path: Path) -> bool:
    """Whether ``path`` has the suffix of an image file."""
    return path.suffix.lower() in SUFFIXES


def brands(head: bytes) -> frozenset[bytes]:
    """Return the brands in the first bytes of an ISO base media file; empty for other files."""
    if head[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return frozenset({head[8:12], *(head[at : at + 4] for at in range(16, end, 4))})


def may_be_animated(head: bytes) -> bool:
    """Whether the first bytes of a picture allow several frames: GIF, PNG, WebP, AVIF, HEIF."""
    return head.startswith(_MAY_BE_ANIMATED) or not _SEQUENCE_BRANDS.isdisjoint(brands(head))
