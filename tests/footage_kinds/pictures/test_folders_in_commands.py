"""Folders of pictures and videos in every command, and what is named at the end."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from data.project.project import Project
from tests.clips.animations import write_animation
from tests.clips.catalogue import Clips
from tests.clips.deep_pictures import write_samples
from tests.clips.numbered import picture
from tests.footage_kinds.pictures.test_folders import UNSUPPORTED, save
from tests.footage_kinds.pictures.test_pictures import save_phone
from tests.footage_kinds.stubs import Command


def test_damaged_pictures_are_named(command: Command, tmp_path: Path) -> None:
    for number in range(12):
        save(tmp_path / "photos" / f"{number}.jpg", number)
    for number in (2, 5, 7):
        (tmp_path / "photos" / f"{number}.jpg").write_bytes(b"\xff\xd8\xff broken")
    Pillow.fromarray(picture(1)).save(
        tmp_path / "photos" / "pages.tif", save_all=True, append_images=[Pillow.new("RGB", (9, 9))]
    )

    done = command("cluster-faces", "photos")

    assert done.code == 0
    assert done.out[0].startswith("photos: 10 pictures, 40 faces")
    assert done.out[0].endswith(
        "; 3 damaged pictures skipped: 2.jpg, 5.jpg, 7.jpg; "
        "only the first page of pages.tif was read"
    )


def test_a_mixed_folder_through_every_command(
    command: Command, clips: Clips, tmp_path: Path
) -> None:
    folder = tmp_path / "event"
    folder.mkdir()
    shutil.copy(clips("constant_rate.mp4"), folder / "b.mp4")
    for number in range(4):
        save(folder / f"{number}.heic", number)
    write_animation(folder / "moving.webp", durations_ms=[100] * 20)
    write_samples(folder / "deep.png", picture(3).astype(np.uint16) * 257)
    (folder / "raw.cr3").write_bytes(b"x")
    (folder / "gone.mp4").symlink_to(folder / "nowhere.mp4")
    named = [
        "1 file not read (link to a file that does not exist): gone.mp4",
        f"1 file not read ({UNSUPPORTED}): raw.cr3",
    ]

    done = command("fancam", "event", "--no-review", "--weights", "yolo11n.yaml")

    assert done.code == 0, done
    assert done.err == [f"fancam: {line}" for line in named], done
    project = Project(tmp_path / "event.fancam")
    assert [entry.path.name for entry in project.footages.values()] == [
        "b.mp4",
        "moving.webp",
        "event",
    ]
    made = {
        path.relative_to(project.folder / "crops").parts[0]
        for path in project.folder.glob("crops/*/*.mp4")
    }
    assert made == {"b", "moving"}

    for name in ("cluster-faces", "track-people", "crop-people", "smile-gifs"):
        arguments = ["event"] if name == "cluster-faces" else ["event.fancam", "event"]
        done = command(name, *arguments)
        left_out = [*named, "1 folder not read (pictures, not a video): event"]
        lines = left_out if name == "crop-people" else named
        assert (done.code, sorted(done.err)) == (0, sorted(f"{name}: {x}" for x in lines)), done


def test_a_folder_of_pictures_through_every_stage(command: Command, tmp_path: Path) -> None:
    for number in range(8):
        save(tmp_path / "photos" / f"{number}.heic", number)

    done = command("fancam", "photos", "--no-review", "--weights", "yolo11n.yaml")

    assert (done.code, done.err) == (0, []), done
    assert "crop-people    the footage holds no video, only pictures" in done.out
    assert any(line.startswith("smile-gifs") for line in done.out)
    assert not list(tmp_path.glob("photos.fancam/crops/*/*.mp4"))


def test_photographs_of_phones_name_the_people(command: Command, tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / "photos" / f"{number}.jpg", number)
    red = picture(3)
    red[:, 24:] = 110  # only the red corner stays
    red[-24:] = 110
    save_phone(tmp_path / "known.heic", red)
    (tmp_path / "known" / "Anna").mkdir(parents=True)
    (tmp_path / "known.heic").rename(tmp_path / "known" / "Anna" / "1.HEIC")
    (tmp_path / "known" / "Anna" / "2.cr2").write_bytes(b"x")

    done = command("cluster-faces", "photos", "--known", "known")

    assert done.code == 0, done
    assert any(
        line.startswith("renamed  Person ") and line.endswith(" to Anna") for line in done.out
    )
    assert f"warning: known/Anna: 1 file not read ({UNSUPPORTED}): 2.cr2" in done.out
