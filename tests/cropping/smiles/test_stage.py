from __future__ import annotations

import errno
import pickle
import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cropping.smiles import stage as smile_stage
from cropping.smiles import tasks as smile_tasks
from cropping.smiles.settings import SmileSettings
from cropping.smiles.stage import SmileSummary, smile_gifs
from data.core.errors import InputError
from data.core.progress import Progress
from data.execution.context import RunContext
from data.execution.tasks import Finished, LocalRunner, PayloadT, ResultT, Task, Work
from data.project.paths import WORK_FOLDER
from data.project.project import Project
from data.project.stages import GIFS, TRACKS, GifsRecord
from data.tables.smiles import Smiles
from data.tables.tracks import FILLED, Tracks, write_csv
from data.video.footage import probe
from tests.bars import SilentBar, no_bar
from tests.cropping.drawn_smiles import (
    NAMES,
    RATE,
    box,
    portrait,
    smiles_at,
    tracks,
    write_project,
    write_tracks,
)
from tests.cropping.smiles.stage_stubs import kill_the_second, let_all_smile
from tests.records import tracks_record

SETTINGS = SmileSettings(size_px=120)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    write_project(folder)
    return folder


@pytest.fixture
def project(written: Path, tmp_path: Path) -> Project:
    """Return a copy of a tracked project whose smiles are not scored."""
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return Project(tmp_path / "film.fancam")


def work(project: Project, settings: SmileSettings = SETTINGS) -> SmileSummary:
    (summary,) = smile_gifs(Project(project.folder), [], settings, context=RunContext(no_bar))
    return summary


def files(project: Project) -> dict[str, int]:
    """Return when each file was written; the work folder's only while there are any."""
    folder = project.crops_folder("film")
    written = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in written}


def pictures(path: Path) -> list[np.ndarray]:
    with Image.open(path) as gif:
        found = []
        for number in range(getattr(gif, "n_frames", 1)):
            gif.seek(number)
            found.append(np.array(gif.convert("RGB")))
    return found


def test_only_smiling_people_get_a_gif(project: Project) -> None:
    leila, bruno = work(project).people
    assert (leila.name, bruno.name) == tuple(NAMES.values())
    assert leila.file is not None
    assert leila.file.name == "Leila _ Ł.gif"
    assert (bruno.file, bruno.smiles) == (None, 0)
    assert sorted(files(project)) == ["Leila _ Ł.gif", "smiles.parquet"]


def test_the_gif_holds_smiles_only_at_different_moments(project: Project) -> None:
    summary = work(project)
    found = Smiles.read(project.smiles_file("film"))
    truth = np.array([smiles_at(frame) for frame in found.frame_index.tolist()])
    leila = found.person_id == 3
    inside = leila & np.array([smiles_at(f - 3) == smiles_at(f + 3) for f in found.frame_index])
    assert ((found.smile > 0.5) == truth)[inside].all()
    file = summary.people[0].file
    assert file is not None
    shown = pictures(file)
    assert len(shown) == summary.people[0].smiles
    assert 5 <= len(shown) <= 9
    assert all(picture.shape == (120, 120, 3) for picture in shown)


def test_a_second_run_does_nothing(project: Project) -> None:
    work(project)
    before = files(project)
    again = work(project)
    assert again.already_done
    assert again.people[0].file is not None
    assert files(project) == before
    assert not work(project, replace(SETTINGS, force=True)).already_done
    assert files(project) != before


def test_a_lost_gif_is_written_again_without_scoring(project: Project) -> None:
    first = work(project)
    assert first.people[0].file is not None
    first.people[0].file.unlink()
    scored_at = files(project)["smiles.parquet"]
    assert not work(project).already_done
    assert files(project)["smiles.parquet"] == scored_at
    assert first.people[0].file.exists()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (replace(SETTINGS, format="webp"), "Leila _ Ł.webp"),
        (replace(SETTINGS, format="mp4"), "Leila _ Ł.loop.mp4"),
    ],
)
def test_other_formats_are_written_next_to_it(
    project: Project, settings: SmileSettings, name: str
) -> None:
    work(project)
    work(project, settings)
    assert {name, "Leila _ Ł.gif"} <= set(files(project))


def test_bursts_move(project: Project) -> None:
    summary = work(project, replace(SETTINGS, style="bursts"))
    leila = summary.people[0]
    assert leila.smiles == 3
    assert leila.file is not None
    with Image.open(leila.file) as gif:
        assert getattr(gif, "n_frames", 1) > 3 * 4
        assert gif.info["duration"] == pytest.approx(1000 / RATE, abs=10)


def test_files_keep_within_their_bytes(project: Project) -> None:
    large = work(project).people[0].file
    assert large is not None
    size = large.stat().st_size
    work(project, replace(SETTINGS, max_bytes=size // 2))
    assert large.stat().st_size <= size // 2


def test_other_tracks_other_gifs(project: Project) -> None:
    """The GIF of a person who is no longer tracked is removed."""
    work(project)
    found, again = tracks(), Project(project.folder)
    write_tracks(again, found.take(found.person_id == 7))
    again.finish(TRACKS, tracks_record({7: "Bruno"}), "film")
    summary = work(project)
    assert [person.name for person in summary.people] == ["Bruno"]
    assert summary.removed == ("Leila _ Ł.gif",)
    assert sorted(files(project)) == ["smiles.parquet"]


# --- bad input ----------------------------------------------------------------------------------


def test_no_tracks_yet(project: Project) -> None:
    project.unfinish(TRACKS, "film")
    with pytest.raises(InputError, match="no tracks yet; run track-people first"):
        work(project)
    assert not project.crops_folder("film").exists()


def test_footage_that_is_not_in_the_project(project: Project, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"other\.mp4: not in the project; run cluster-faces"):
        smile_gifs(project, [tmp_path / "other.mp4"], SETTINGS, context=RunContext(no_bar))


def test_footage_without_tracks_of_people(project: Project) -> None:
    write_tracks(project, Tracks.empty())
    summary = work(project)
    assert summary.people == ()
    assert sorted(files(project)) == ["smiles.parquet"]


def test_a_person_with_interpolated_rows_only(project: Project) -> None:
    found = tracks()
    write_tracks(project, found.replace(source=np.full(len(found), FILLED, np.int8)))
    assert [person.file for person in work(project).people] == [None, None]


def test_tracks_outside_the_frame(project: Project) -> None:
    found = tracks()
    write_tracks(project, found.replace(xyxy=found.xyxy + np.float32(5000)))
    assert [person.file for person in work(project).people] == [None, None]


def test_footage_of_one_frame(tmp_path: Path) -> None:
    project = write_project(tmp_path, frames=1)
    assert [person.file for person in work(project).people] == [None, None]


def test_footage_that_has_changed(project: Project, tmp_path: Path) -> None:
    with (tmp_path / "film.mp4").open("ab") as film:
        film.write(b"more")
    with pytest.raises(InputError, match=r"film\.mp4: it has changed since it was tracked"):
        work(project)


def test_missing_footage_is_not_needed_when_all_is_done(project: Project, tmp_path: Path) -> None:
    work(project)
    (tmp_path / "film.mp4").unlink()
    assert work(project).already_done
    with pytest.raises(InputError, match=r"film\.mp4; put it back"):
        work(project, replace(SETTINGS, force=True))


def test_a_file_of_the_users_in_the_way(project: Project) -> None:
    folder = project.crops_folder("film")
    folder.mkdir(parents=True)
    (folder / "Leila _ Ł.gif").write_text("mine")
    with pytest.raises(
        InputError, match="fancam needs this file name, but did not create the existing file"
    ):
        work(project)
    assert (folder / "Leila _ Ł.gif").read_text() == "mine"


def test_too_few_bytes(project: Project) -> None:
    with pytest.raises(InputError, match="--max-bytes 1000 is too small"):
        work(project, replace(SETTINGS, max_bytes=1000))
    assert sorted(files(project)) == ["smiles.parquet"]


def test_a_full_disk_leaves_no_partial_file(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name.startswith(".project."):
            return write_bytes(path, content)
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            work(project)
    assert sorted(files(project)) == ["smiles.parquet"]
    assert work(project).people[0].file is not None


def test_killed_while_scoring_nothing_is_left(project: Project) -> None:
    def killed(_name: str, _total: int, _done: int) -> AbstractContextManager[SilentBar]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        smile_gifs(project, [], SETTINGS, context=RunContext(killed))
    assert not project.crops_folder("film").exists()
    assert work(project).people[0].file is not None


def test_killed_between_two_people_only_the_rest_is_written(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of two GIFs is written, the run is killed, and the next run writes the other."""
    let_all_smile(monkeypatch)
    kill_the_second(monkeypatch, lambda: work(project), smile_stage, "link_or_copy")
    left = files(project)
    before = {name: at for name, at in left.items() if not name.startswith(WORK_FOLDER)}
    assert len(left) == 4
    assert len(before) == 2
    assert "smiles.parquet" in before
    work(project)
    after = files(project)
    assert len(after) == 3
    assert {name: after[name] for name in before} == before
    assert not (project.crops_folder("film") / WORK_FOLDER).exists()


def test_killed_while_encoding_only_the_rest_is_encoded(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_all_smile(monkeypatch)
    kill_the_second(monkeypatch, lambda: work(project), smile_tasks, "encode_loop")
    before = files(project)
    (encoded,) = [at for name, at in before.items() if name.startswith(WORK_FOLDER)]
    assert len(before) == 2
    work(project)
    after = files(project)
    assert len(after) == 3
    assert encoded in after.values()
    assert after["smiles.parquet"] == before["smiles.parquet"]


def test_a_list_of_an_earlier_version_is_known(project: Project) -> None:
    """Its files are replaced and removed; those of other formats stay."""
    folder = project.crops_folder("film")
    folder.mkdir(parents=True)
    listed = {"Leila _ Ł.gif": "3 old key", "Gone.gif": "9 old key", "Leila _ Ł.webp": "3 old key"}
    for name in listed:
        (folder / name).write_text("old")
    project.finish(GIFS, GifsRecord(listed), "film")
    work(project)
    assert sorted(files(project)) == ["Leila _ Ł.gif", "Leila _ Ł.webp", "smiles.parquet"]
    assert (folder / "Leila _ Ł.gif").read_bytes() != b"old"
    assert (folder / "Leila _ Ł.webp").read_bytes() == b"old"
    keys = Project(project.folder).require_record(GIFS, "film").keys
    assert list(keys) == ["Leila _ Ł.gif", "Leila _ Ł.webp"]


def test_tasks_can_be_sent_to_other_processes(project: Project) -> None:
    sent: list[str] = []

    class PicklingRunner(LocalRunner):
        def run(
            self, works: Iterable[Work[PayloadT, ResultT]], progress: Progress, *, frames: int
        ) -> Iterator[Finished[PayloadT, ResultT]]:
            def pickled(task: Task[Any]) -> Any:
                sent.append(task.function.__name__)
                return pickle.loads(pickle.dumps(task))

            copies = (
                replace(
                    work,
                    tasks=tuple(pickled(task) for task in work.tasks),
                    last=work.last and pickled(work.last),
                )
                for work in works
            )
            yield from super().run(copies, progress, frames=frames)

    context = RunContext(no_bar, runner=PicklingRunner())
    (summary,) = smile_gifs(Project(project.folder), [], SETTINGS, context=context)
    assert sent == ["score_smiles", "encode_gifs"]
    assert summary.people[0].file is not None
    assert summary.people[0].file.exists()


def test_photographs_of_different_sizes(tmp_path: Path) -> None:
    """Some pictures of a folder are smaller than the first."""
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number in range(4):
        face = portrait("Leila", smile=1.0)
        picture = np.pad(face, ((0, 0), (0, 200), (0, 0))) if number == 0 else face
        Image.fromarray(picture).save(photographs / f"{number}.png")
    project = Project(tmp_path / "photographs.fancam")
    footage = probe(photographs)
    project.add_footage(
        photographs,
        size_bytes=footage.size_bytes,
        duration_s=footage.duration_s,
        rate=footage.rate,
        frame_wh=(footage.width, footage.height),
    )
    found = Tracks.ordered(
        frame_index=np.arange(4),
        time_s=np.arange(4, dtype=np.float64),
        person_id=np.full(4, 3, np.int64),
        xyxy=np.tile(box("Leila"), (4, 1)),
        confidence=np.ones(4, np.float32),
        source=np.zeros(4, np.int8),
    )
    write_csv(project.tracks_file("photographs"), found, NAMES)
    project.finish(TRACKS, tracks_record({3: NAMES[3]}), "photographs")
    (leila,) = work(project).people
    assert leila.file is not None
    assert len(pictures(leila.file)) == 4
