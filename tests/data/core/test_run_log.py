from __future__ import annotations

import logging
from pathlib import Path

import pytest

from data.core.run_log import LOG_FILE, LOGGER, current_log, log_files, run_log


def project_at(folder: Path) -> tuple[Path, Path]:
    """Return the logs folder and the project file of a project."""
    return folder / "logs", folder / "project.json"


def test_a_command_without_a_project_writes_nothing(tmp_path: Path) -> None:
    logs, file = project_at(tmp_path / "p")
    with run_log() as log:
        LOGGER.info("before")
        log.write_to(logs, file)
        LOGGER.info("after")
    assert list(tmp_path.iterdir()) == []
    assert current_log() is None


def test_lines_from_before_the_project_are_kept(tmp_path: Path) -> None:
    logs, file = project_at(tmp_path)
    with run_log() as log:
        LOGGER.info("before")
        log.write_to(logs, file)
        file.touch()
        LOGGER.warning("after")
        assert "before" in (logs / LOG_FILE).read_text("utf-8")  # also if the run is killed now
    with run_log() as log:
        log.write_to(logs, file)
        LOGGER.info("again\nand \udcff")
    first, second, third, _ = (logs / LOG_FILE).read_text("utf-8").splitlines()
    assert first.endswith(" INFO before")
    assert second.endswith(" WARNING after")
    assert third.endswith(" INFO again")


def test_the_log_is_bounded(tmp_path: Path) -> None:
    logs, file = project_at(tmp_path)
    file.touch()
    with run_log() as log:
        log.write_to(logs, file)
        for _ in range(40):
            log.write_error("a.mp4", ValueError("x" * 200_000))
    assert sorted(path.name for path in log_files(logs)) == [LOG_FILE, f"{LOG_FILE}.1"]
    assert sum(path.stat().st_size for path in logs.iterdir()) < 2_200_000


@pytest.mark.parametrize("place", ["logs", "logs/fancam.log/x"])
def test_a_log_that_cannot_be_written_stops_no_run(tmp_path: Path, place: str) -> None:
    logs, file = project_at(tmp_path)
    file.touch()
    blocker = tmp_path / place
    blocker.parent.mkdir(parents=True, exist_ok=True)
    blocker.touch()
    with run_log() as log:
        log.write_to(logs, file)
        LOGGER.info("lost")
        assert log.write_error("a.mp4", ValueError()) is None
    assert blocker.is_file()


def test_an_error_without_a_project(tmp_path: Path) -> None:
    with run_log() as log:
        LOGGER.info("crop-people --person Anna")
        assert log.write_error("a.mp4", ValueError("no 1")) is None
        written = log.write_error("a.mp4", ValueError("no 2"), tmp_path)
    assert written == tmp_path / LOG_FILE
    text = written.read_text("utf-8")
    assert "ValueError: no 2" in text
    assert "Anna" not in text


def test_other_programs_choose_their_handlers(capsys: pytest.CaptureFixture[str]) -> None:
    LOGGER.error("nobody listens")
    assert capsys.readouterr() == ("", "")
    assert not any(type(handler) is logging.StreamHandler for handler in LOGGER.handlers)
