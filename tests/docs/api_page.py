"""Write docs/api.md from the docstrings of the Python API: `python -m tests.docs.api_page`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from data.core.atomic import write_text
from tests import ROOT

FILE: Final = ROOT / "docs" / "api.md"
OBJECTS: Final = (
    "project.FancamProject",
    "people.FancamPeople",
    "faces.find_faces",
    "faces.best_backend",
)
"""Documented classes and functions, by module of `fancam.api`."""

_HEAD: Final = """# The Python API

The stages as Python calls, on the same project folders as the commands. Detection and clustering
of a video take four lines, and the rest of the way a line per stage:

```python
from fancam import FancamProject

project = FancamProject("concert.fancam")
project.cluster("concert.mp4")
print(project.people.table())

project.people.rename({"Person 1": "Anna"})
project.train()
project.track()
project.crop()
project.smile_gifs()
```

[A notebook](api.ipynb) shows the results. `from fancam import` also gives the settings of the
stages: `ClusterSettings`, `TrackerSettings`, `TrackSettings`, `CropSettings` and `SmileSettings`;
and `InputError`, which all calls raise with a line that says what is wrong and what to do.

This page is written from the docstrings, and its examples are tests.
"""
_SETTINGS: Final = {
    "heading_level": 2,
    "summary": False,
    "members_order": "source",
    "show_signature_annotations": False,
    "show_root_heading": True,
    "show_root_full_path": False,
    "docstring_section_style": "list",
    "merge_init_into_class": True,
    "filters": ["!^_", "!^project$"],
}


def api_page() -> str:
    """Return the text of the page."""
    import griffe
    from griffe2md import render_object_docs

    package: Any = griffe.load(
        "fancam",
        search_paths=[ROOT],
        docstring_parser="google",
        docstring_options={"returns_multiple_items": False},
    )
    objects = (package[f"api.{name}"] for name in OBJECTS)
    texts = (_plain(render_object_docs(one, _SETTINGS)) for one in objects)
    return "\n".join([_HEAD, *texts]).rstrip() + "\n"


def _plain(text: str) -> str:
    """Return Markdown without HTML, and without links to types."""
    text = re.sub(r"<code>(.*?)</code>", lambda m: f"`{_without_links(m[1])}`", text)
    text = re.sub(r"(?<!`)``(?!`)([^`\n]+)``(?!`)", r"`\1`", text)
    text = re.sub(r"^(#+) `(?:[\w]+\.)*(\w+)`", r"\1 `\2`", text, flags=re.MULTILINE)
    text = re.sub(r"\*\*(\w+):\*\*", r"\1:", text)
    return re.sub(r"\n{3,}", "\n\n", text)


def _without_links(text: str) -> str:
    return re.sub(r"\[([^\[\]]*)\]\(#[^)]*\)", r"\1", text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.api_page", description=__doc__)
    parser.add_argument(
        "out", nargs="?", type=Path, default=FILE, help="file (default: docs/api.md)"
    )
    write_text(parser.parse_args(arguments).out, api_page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
