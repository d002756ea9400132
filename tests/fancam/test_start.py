from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from fancam import start
from tests import ROOT

SCRIPTS: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "scripts"
]


@pytest.fixture
def own_modules(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a user's modules of our packages' names on the path."""
    for name in ("data", "web", "clustering", "tracking"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('of the user')")
    (tmp_path / "cropping").mkdir()
    (tmp_path / "cropping" / "__init__.py").write_text("raise RuntimeError('of the user')")
    return {**os.environ, "PYTHONPATH": os.pathsep.join((".", str(ROOT)))}


@pytest.mark.parametrize("command", SCRIPTS)
def test_a_users_own_modules_do_not_hide_ours(
    command: str, own_modules: dict[str, str], tmp_path: Path
) -> None:
    module, _, function = SCRIPTS[command].partition(":")
    code = f"import sys; from {module} import {function}; sys.exit({function}())"
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"],
        cwd=tmp_path,
        env=own_modules,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: {command}" in done.stdout


def test_other_modules_are_left_to_python() -> None:
    finder = start._OwnPackages()
    assert finder.find_spec("json", None) is None
    assert finder.find_spec("data", ["elsewhere"]) is None
    own = finder.find_spec("data", None)
    assert own is not None
    assert own.origin == str(ROOT / "data" / "__init__.py")
