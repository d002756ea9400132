"""Folders as they are: what is read, and what is named because it is not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as Pillow

from clustering.faces.known_folder import list_known
from data.command.inputs import footage_paths
from data.project.project import Project
from data.storage.addresses import footage_path
from data.storage.fetch import fetch_footage
from data.storage.store import Store
from data.video.footage import probe
from data.video.frames import Damage
from data.video.pictures.media_folder import LeftOut
from data.video.reader import read_frames
from tests.clips.animations import write_animation
from tests.clips.encoding import encode
from tests.clips.numbered import number_of, picture, pictures
from tests.footage_kinds.pictures.test_pictures import save_phone

Write = Callable[[Path], None]


def save(path: Path, number: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() in (".heic", ".heif", ".hif", ".avif"):
        save_phone(path, picture(number))
        return
    kind = "JPEG" if path.suffix.lower() in (".jpe", ".jfif", "") else None
    Pillow.fromarray(picture(number)).save(path, format=kind)


def film(codec: str, container: str | None = None, pix_fmt: str = "yuv420p") -> Write:
    def write(path: Path) -> None:
        options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        size = {"width": 720, "height": 576} if codec == "dvvideo" else {}
        rate = 25 if codec in ("mpeg2video", "dvvideo") else 30
        images = pictures(6, **size)
        encode(
            path,
            images,
            codec=codec,
            container=container,
            pix_fmt=pix_fmt,
            rate=rate,
            options=options,
        )

    return write


VIDEOS: dict[str, Write] = {
    "a.h264": film("libx264", "h264"),
    "a.264": film("libx264", "h264"),
    "a.hevc": film("libx265", "hevc"),
    "a.h265": film("libx265", "hevc"),
    "a.m1v": film("mpeg1video", "mpeg1video"),
    "a.m2v": film("mpeg2video", "mpeg2video"),
    "a.mjpg": film("mjpeg", "mjpeg", "yuvj420p"),
    "a.mjpeg": film("mjpeg", "mjpeg", "yuvj420p"),
    "a.y4m": film("rawvideo", "yuv4mpegpipe"),
    "a.f4v": film("libx264", "mp4"),
    "a.asf": film("msmpeg4v3", "asf"),
    "a.divx": film("mpeg4", "avi"),
    "a.ogm": film("libx264", "matroska"),
    "a.mk3d": film("libx264", "matroska"),
    "a.nut": film("mpeg4", "nut"),
    "a.m2t": film("libx264", "mpegts"),
    "a.dv": film("dvvideo", "dv"),
    "tape": film("dvvideo", "dv"),
    "a.rm": film("rv20", "rm"),
    "a.mod": film("mpeg2video", "vob"),
    "a.tod": film("mpeg2video", "mpegts"),
    "a.ivf": film("libsvtav1", "ivf"),
    "a.obu": film("libsvtav1", "obu"),
    "a.MP4": film("libx264", "mp4"),
    "a.mp4.backup": film("libx264", "mp4"),
    "without a suffix": film("libx264", "mp4"),
    "a.mp4 ": film("libx264", "mp4"),
    "a.mkv\n": film("libx264", "matroska"),
    "camera.dat": film("mpeg2video", "vob"),
    "stream.bin": film("libx264", "mpegts"),
    "a.gif": write_animation,
    "a.webp": write_animation,
    "a.apng": write_animation,
    "a.png": write_animation,
    "a.avif": write_animation,
}


@pytest.mark.parametrize("name", VIDEOS)
def test_videos_of_every_suffix_are_found_and_opened(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "lessons"
    (folder / "may").mkdir(parents=True)
    VIDEOS[name](folder / "may" / name)
    encode(folder / "b.mp4", pictures(3))
    (folder / "notes.txt").write_text("no video")
    left_out = LeftOut()

    found = footage_paths([folder], left_out)

    assert found == [folder / "b.mp4", folder / "may" / name]
    assert probe(folder / "may" / name).kind == "video"
    assert left_out.lines() == []


PICTURES = [
    *("1.jpg", "IMG_2.JPG", "3.jfif", "4.jpe", "5.png", "6.bmp", "7.tif", "8.heic", "9.HEIC"),
    *("10.avif", "11.heif", "12.hif", "13.webp", "14.gif", "15", "16.jpg.jpeg", "17.jpg "),
]


def test_every_picture_of_a_folder_is_read_in_natural_order(tmp_path: Path) -> None:
    folder = tmp_path / "photographs"
    for number, name in enumerate(PICTURES):
        if name.endswith(" "):
            save(folder / "17.jpg", number)
            (folder / "17.jpg").rename(folder / name)
        else:
            save(folder / name, number)
    left_out, damage = LeftOut(), Damage()

    (found,) = footage_paths([folder], left_out)
    frames = list(read_frames(found, damage=damage))

    order = [1, 0, *range(2, len(PICTURES))]  # letters come before numbers
    assert [number_of(frame.image) for frame in frames] == order
    assert (left_out.lines(), damage) == ([], Damage())
    assert probe(folder).kind == "images"


def test_pictures_beside_videos_are_footages_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "event"
    save(folder / "1.jpg")
    save(folder / "stage" / "2.heic", 2)
    save(folder / "stage" / "3.jpg", 3)
    encode(folder / "b.mp4", pictures(3))
    write_animation(folder / "stage" / "moving.webp")

    found = footage_paths([folder])

    assert found == [
        folder / "b.mp4",
        folder / "stage" / "moving.webp",
        folder,
        folder / "stage",
    ]
    assert [probe(path).kind for path in found] == ["video", "video", "images", "images"]
    assert [number_of(frame.image) for frame in read_frames(folder / "stage")] == [2, 3]
    left_out = LeftOut()
    assert footage_paths([folder], left_out, pictures=False) == found[:2]
    assert left_out.lines() == ["2 folders not read (pictures, not a video): event, stage"]


def test_folders_of_pictures_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "album"
    save(folder / "day 1" / "1.jpg")
    save(folder / "day 2" / "1.heic")

    assert footage_paths([folder]) == [folder / "day 1", folder / "day 2"]

    save(folder / "cover.jpg")
    left_out = LeftOut()
    assert footage_paths([folder], left_out) == [folder]
    assert left_out.lines() == [
        "2 folders not read (pictures in subfolders; give those folders too): day 1, day 2"
    ]


# --- what is not read -------------------------------------------------------------------------

UNSUPPORTED = "format not supported; convert to .jpg or .mp4"
NOT_READ = [
    pytest.param(["photo.cr2"], f"1 file not read ({UNSUPPORTED}): photo.cr2", id="raw"),
    pytest.param(
        ["a.dng", "b.jxl", "c.psd"],
        f"3 files not read ({UNSUPPORTED}): a.dng, b.jxl, c.psd",
        id="three",
    ),
    pytest.param(
        [f"{number}.nef" for number in range(8)],
        f"8 files not read ({UNSUPPORTED}): 0.nef, 1.nef, 2.nef, 3.nef, 4.nef and 3 more",
        id="eight",
    ),
    pytest.param(["seg.m4s"], f"1 file not read ({UNSUPPORTED}): seg.m4s", id="segment"),
    pytest.param(["a.mp3", "b.WAV"], "2 files not read (sound only): a.mp3, b.WAV", id="sound"),
    pytest.param(
        ["GX01.LRV", "GX01.THM"],
        "2 files not read (small copy made by a camera): GX01.LRV, GX01.THM",
        id="previews",
    ),
    pytest.param(
        ["a.mp4.part", "b.mkv.crdownload"],
        "2 files not read (unfinished download): a.mp4.part, b.mkv.crdownload",
        id="downloads",
    ),
    pytest.param(
        ["in\nside/x\ty.dng"],
        f"1 file not read ({UNSUPPORTED}): in\\nside/x\\ty.dng",
        id="line break",
    ),
]


@pytest.mark.parametrize(("names", "line"), NOT_READ)
def test_media_that_are_not_read_are_named(names: list[str], line: str, tmp_path: Path) -> None:
    encode(tmp_path / "b.mp4", pictures(3))
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 100)
    left_out = LeftOut()

    assert footage_paths([tmp_path], left_out) == [tmp_path / "b.mp4"]
    assert left_out.lines() == [line]


QUIET = (
    *("notes.txt", "a.srt", "a.json", "a.xml", "a.zip", "Thumbs.db", "a.pdf", "list.m3u8"),
    *(".DS_Store", "._b.mp4", ".hidden.mp4", ".thumbs/1.jpg", "x.fancam/crops/a/Anna.mp4"),
    *("setup.exe.part", "Makefile", "unknown.xyz", "@eaDir/b.jpg", "project/people/1.jpg"),
)


def test_files_that_are_no_media_need_no_word(tmp_path: Path) -> None:
    encode(tmp_path / "b.mp4", pictures(3))
    for name in QUIET:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(b"nothing to see" * 20)
    Project(tmp_path / "project").save()
    left_out = LeftOut()

    assert footage_paths([tmp_path], left_out) == [tmp_path / "b.mp4"]
    assert left_out.lines() == []


@pytest.mark.parametrize("name", ["gone.mp4", "gone.JPG", "gone.dng"])
def test_a_dangling_link_is_named(name: str, tmp_path: Path) -> None:
    encode(tmp_path / "b.mp4", pictures(3))
    (tmp_path / name).symlink_to(tmp_path / "nowhere" / name)
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere.txt")
    left_out = LeftOut()

    assert footage_paths([tmp_path], left_out) == [tmp_path / "b.mp4"]
    assert left_out.lines() == [f"1 file not read (link to a file that does not exist): {name}"]


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "lessons", tmp_path / "disk"
    folder.mkdir()
    elsewhere.mkdir()
    encode(elsewhere / "a.mp4", pictures(3))
    (folder / "1 linked").symlink_to(elsewhere)
    (folder / "2 again").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)

    assert footage_paths([folder]) == [folder / "1 linked" / "a.mp4"]


def test_a_folder_that_cannot_be_opened_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode(tmp_path / "b.mp4", pictures(3))
    (tmp_path / "locked").mkdir()
    listing = Path.iterdir

    def iterdir(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    left_out = LeftOut()

    assert footage_paths([tmp_path], left_out) == [tmp_path / "b.mp4"]
    assert left_out.lines() == [
        "1 folder not read (folder cannot be opened; check its permissions): locked"
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_named(tmp_path: Path) -> None:
    encode(tmp_path / "b.mp4", pictures(3))
    os.mkfifo(tmp_path / "camera.mp4")
    left_out = LeftOut()

    assert footage_paths([tmp_path], left_out) == [tmp_path / "b.mp4"]
    assert left_out.lines() == ["1 file not read (not a regular file): camera.mp4"]


def test_a_big_folder_is_listed_quickly(tmp_path: Path) -> None:
    import time

    for number in range(3000):
        (tmp_path / f"{number}.{('jpg', 'txt', 'data')[number % 3]}").write_bytes(b"x")
    begin = time.monotonic()
    footage_paths([tmp_path])
    assert time.monotonic() - begin < 5


# --- at addresses and in folders of known people ----------------------------------------------


def test_addresses_are_listed_by_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "event"
    save(folder / "1.JPG")
    save(folder / "2.heic", 2)
    save(folder / "stage" / "3.avif", 3)
    write_animation(folder / "moving.gif")
    encode(folder / "a.h264", pictures(3), container="h264")
    (folder / "b.dng").write_bytes(b"x")
    (folder / "notes.txt").write_bytes(b"x")
    address, left_out = f"file://{folder}", LeftOut()

    found = footage_paths([footage_path(address)], left_out)

    names = ("/a.h264", "/moving.gif", "", "/stage")
    assert found == [footage_path(f"{address}{name}") for name in names]
    assert left_out.lines() == [f"1 file not read ({UNSUPPORTED}): b.dng"]
    assert Store(address).info() is not None
    fetched = [probe(fetch_footage(path)).kind for path in found]
    assert fetched == ["video", "video", "images", "images"]
    assert [number_of(frame.image) for frame in read_frames(found[2])] == [1, 2]


def test_the_rest_of_a_known_persons_folder_is_named(tmp_path: Path) -> None:
    save(tmp_path / "Anna" / "1.heic")
    save(tmp_path / "Anna" / "2.JPG")
    write_animation(tmp_path / "Anna" / "3.webp")
    encode(tmp_path / "Anna" / "b.mp4", pictures(3))
    (tmp_path / "Anna" / "c.dng").write_bytes(b"x")
    (tmp_path / "Anna" / "notes.txt").write_bytes(b"x")
    (tmp_path / "Anna" / "gone.jpg").symlink_to(tmp_path / "nowhere")

    known = list_known(tmp_path)

    assert [path.name for path in known.pictures["Anna"]] == ["1.heic", "2.JPG", "3.webp"]
    anna = tmp_path / "Anna"
    assert known.skipped == (
        f"{anna}: 1 file not read (video, not a picture): b.mp4",
        f"{anna}: 1 file not read ({UNSUPPORTED}): c.dng",
        f"{anna}: 1 file not read (link to a file that does not exist): gone.jpg",
    )
