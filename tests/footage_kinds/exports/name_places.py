"""Write a name into every kind of place where text is kept."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, PngImagePlugin
from pillow_heif import from_pillow

from data.erasure.residue_scan import Needle, Residue, find_residues

Plant = Callable[[Path, str], object]
"""Function that writes a name into a file; the path has the suffix of the kind."""


def residues(folder: Path, *names: str, kept: Sequence[str] = ()) -> list[Residue]:
    """Search a folder for names alone."""
    return find_residues(folder, Needle(names, np.zeros((0, 128), np.float32), kept=kept))


def noise(side: int = 160) -> Image.Image:
    """Return a picture in whose file every pair of letters occurs."""
    pixels = np.random.default_rng(5).integers(0, 255, (side, side, 3)).astype(np.uint8)
    return Image.fromarray(pixels)


def text(template: str, encoding: str = "utf-8") -> Plant:
    return lambda path, name: path.write_bytes(template.replace("NAME", name).encode(encoding))


def _escaped_json(path: Path, name: str) -> None:
    escaped = "".join(f"\\u{ord(c):04x}" for c in name)
    path.write_text(f'{{"singer": "with {escaped}!"}}', "ascii")


def _escaped_yaml(path: Path, name: str) -> None:
    escaped = "".join(f"\\x{ord(c):02X}" if ord(c) < 256 else f"\\u{ord(c):04x}" for c in name)
    path.write_text(f'singer: "{escaped}"\n', "ascii")


def _quoted_yaml(path: Path, name: str) -> None:
    doubled = name.replace("'", "''")
    path.write_text(f"singers:\n- 'the {doubled} band'\n", "utf-8")


def _entities(path: Path, name: str) -> None:
    path.write_text(f"<p>{''.join(f'&#{ord(c)};' for c in name)}</p>", "ascii")


def _url(path: Path, name: str) -> None:
    path.write_text(f"see https://example.org/?q={quote(name)}&n=1\n", "utf-8")


@contextmanager
def _database(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE person (name TEXT NOT NULL, jpg BLOB)")
        yield database
        database.commit()


def _sqlite(path: Path, name: str) -> None:
    with _database(path) as database:
        database.execute("INSERT INTO person VALUES (?, NULL)", (f"of {name}",))


def _sqlite_blob(path: Path, name: str) -> None:
    with _database(path) as database:
        database.execute("INSERT INTO person VALUES ('', ?)", (name.encode(),))


def _parquet(path: Path, name: str) -> None:
    pq.write_table(pa.table({"n": [1, 2], "who": ["a song", f"{name}, live"]}), path)


def _parquet_dictionary(path: Path, name: str) -> None:
    column = pa.array(["a song", name]).dictionary_encode()
    pq.write_table(pa.table({"who": column}), path, compression="zstd")


def _parquet_list(path: Path, name: str) -> None:
    pq.write_table(pa.table({"who": [["a song"], ["-", name]]}), path)


def _parquet_metadata(path: Path, name: str) -> None:
    table = pa.table({"n": [1]}).replace_schema_metadata({"notes": json.dumps({"by": [name]})})
    pq.write_table(table, path)


def _zip_text(path: Path, name: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deep/song.txt", f"by {name}")


def _zip_name(path: Path, name: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"deep/{name} live.txt", "a song")


def _zip_comment(path: Path, name: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("song.txt", "a song")
        archive.comment = f"for {name}".encode()


def _zip_in_zip(path: Path, name: str) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", json.dumps({"singer": name}))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())


def _gzip(path: Path, name: str) -> None:
    path.write_bytes(gzip.compress(f"10:00 met {name}\n".encode()))


def _tar(path: Path, name: str) -> None:
    with tarfile.open(path, "w") as archive:
        content = f"by {name}".encode()
        entry = tarfile.TarInfo("song.txt")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))


def _comment(path: Path, name: str) -> None:
    noise().save(path, comment=f"photo of {name}".encode())


def _jpeg_comment(path: Path, name: str) -> None:
    noise().save(path, "jpeg", comment=name.encode())


def _exif(tag: int, value: Callable[[str], Any]) -> Plant:
    def plant(path: Path, name: str) -> None:
        exif = Image.Exif()
        target = exif.get_ifd(0x8769) if tag == 0x9286 else exif
        target[tag] = value(name)
        noise().save(path, exif=exif)

    return plant


def _heic(path: Path, name: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = f"with {name}".encode()
    from_pillow(noise()).save(path, exif=exif.tobytes())


def _heic_xmp(path: Path, name: str) -> None:
    packet = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:title>{name}</dc:title></x:xmpmeta>'
    from_pillow(noise()).save(path, xmp=packet.encode())


def _xmp(path: Path, name: str) -> None:
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="r"><rdf:Description><dc:title>'
        f"<rdf:Alt><rdf:li>{name}</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF>"
        "</x:xmpmeta>"
    )
    noise().save(path, xmp=packet.encode())


def _png(path: Path, name: str) -> None:
    information = PngImagePlugin.PngInfo()
    information.add_text("Author", f"by {name}")
    noise().save(path, pnginfo=information)


def _png_after(path: Path, name: str) -> None:
    information = PngImagePlugin.PngInfo()
    information.add_itxt("Author", name, zip=True)
    noise().save(path, pnginfo=information)
    content = path.read_bytes()
    at = content.index(b"iTXt") - 4
    size = 12 + int.from_bytes(content[at : at + 4], "big")
    chunk, rest = content[at : at + size], content[:at] + content[at + size :]
    end = rest.index(b"IEND") - 4
    path.write_bytes(rest[:end] + chunk + rest[end:])


def _video(
    path: Path,
    *,
    tags: Mapping[str, str] | None = None,
    stream_tags: Mapping[str, str] | None = None,
    chapter: str | None = None,
) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", Fraction(25), {"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.metadata.update(stream_tags or {})
        container.metadata.update(tags or {})
        if chapter is not None:
            container.set_chapters(
                [
                    {
                        "id": 1,
                        "start": 0,
                        "end": 100,
                        "time_base": Fraction(1, 1000),
                        "metadata": {"title": chapter},
                    }
                ]
            )
        pixels = np.random.default_rng(1).integers(0, 255, (64, 64, 3)).astype(np.uint8)
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _title(path: Path, name: str) -> None:
    _video(path, tags={"title": f"{name} live"})


def _stream_title(path: Path, name: str) -> None:
    _video(path, stream_tags={"title": f"{name} live"})


def _chapter(path: Path, name: str) -> None:
    _video(path, chapter=f"enter {name}")


PLACES: Final[dict[str, tuple[str, Plant]]] = {
    "text": (".txt", text("today NAME sings\n")),
    "text at the end": (".txt", text("the singer: NAME")),
    "possessive": (".md", text("It is NAME's song.")),
    "no suffix": ("", text("today NAME sings\n")),
    "log": (".log", text("10:00 INFO wrote /videos/NAME.mp4\n")),
    "utf-8 with mark": (".txt", text("today NAME sings", "utf-8-sig")),
    "utf-16": (".txt", text("today NAME sings", "utf-16")),
    "utf-16 without mark": (".txt", text("today NAME sings", "utf-16-le")),
    "cp1252": (".txt", text("today, at the café, NAME sings", "cp1252")),
    "url": (".txt", _url),
    "csv": (".csv", text("n,who\n1,NAME\n2,Bob\n")),
    "csv quoted": (".csv", text('n,who\n1,"NAME"\n2,Bob\n')),
    "csv header": (".csv", text("n,NAME,Bob\n1,3,4\n")),
    "json value": (".json", text('{"n": [1, {"x": "by NAME"}]}')),
    "json key": (".json", text('{"n": {"NAME": 1}}')),
    "json escaped": (".json", _escaped_json),
    "json lines": (".jsonl", text('{"n": 1}\n{"who": "NAME"}\n')),
    "damaged json": (".json", text('{"n": 1, "who": "NAME", ')),
    "yaml": (".yaml", text("n: 1\nwho: NAME\n")),
    "yaml quoted": (".yaml", _quoted_yaml),
    "yaml escaped": (".yml", _escaped_yaml),
    "html": (".html", text("<html><body><p>by <b>NAME</b></p></body></html>")),
    "html attribute": (".html", text('<img src="x.png" alt="NAME on stage">')),
    "html entities": (".html", _entities),
    "html script": (".html", text('<script>const who = ["NAME"];</script>')),
    "svg": (".svg", text("<svg><text>NAME</text></svg>")),
    "subtitles": (".srt", text("1\n00:00:01,000 --> 00:00:02,000\nNAME: hello\n")),
    "sqlite": (".sqlite", _sqlite),
    "sqlite blob": (".db", _sqlite_blob),
    "parquet": (".parquet", _parquet),
    "parquet dictionary": (".parquet", _parquet_dictionary),
    "parquet list": (".parquet", _parquet_list),
    "parquet metadata": (".parquet", _parquet_metadata),
    "numpy": (".npy", lambda path, name: np.save(path, np.array(["a song", name]))),
    "numpy archive": (".npz", lambda path, name: np.savez_compressed(path, who=np.array([name]))),
    "zip entry": (".zip", _zip_text),
    "zip name": (".zip", _zip_name),
    "zip comment": (".zip", _zip_comment),
    "zip in zip": (".zip", _zip_in_zip),
    "gzip": (".log.gz", _gzip),
    "tar": (".tar", _tar),
    "jpeg comment": (".jpg", _comment),
    "jpeg description": (".jpg", _exif(0x010E, lambda name: f"with {name}".encode())),
    "jpeg user comment": (".jpeg", _exif(0x9286, lambda n: b"UNICODE\0" + n.encode("utf-16-le"))),
    "jpeg author of windows": (".jpg", _exif(0x9C9D, lambda n: (n + "\0").encode("utf-16-le"))),
    "jpeg xmp": (".jpg", _xmp),
    "png text": (".png", _png),
    "png compressed text at the end": (".png", _png_after),
    "gif comment": (".gif", _comment),
    "webp exif": (".webp", _exif(0x013B, lambda name: name.encode())),
    "webp xmp": (".webp", _xmp),
    "jpeg without suffix": (
        "",
        _jpeg_comment,
    ),
    "jpeg of another suffix": (
        ".bin",
        _jpeg_comment,
    ),
    "heic exif": (".heic", _heic),
    "heic xmp": (".heic", _heic_xmp),
    "avif exif": (".avif", _exif(0x013B, lambda name: name.encode())),
    "tiff artist": (".tif", _exif(0x013B, lambda name: f"by {name}".encode())),
    "mp4 title": (".mp4", _title),
    "mp4 chapter": (".mp4", _chapter),
    "mkv stream title": (".mkv", _stream_title),
    "mkv chapter": (".mkv", _chapter),
    "asf title": (".asf", _title),
}
"""By place: the suffix of the file, and the function that writes it."""
