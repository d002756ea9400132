"""The pages of the documentation: their text, code and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests import ROOT

DOCS: Final = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PAGES: Final = (*DOCS, ROOT / "CONTRIBUTING.md")

_SPAN: Final = re.compile(r"`([^`\n]+)`")
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)


def name_of(page: Path) -> str:
    """Return the name of a page for test ids."""
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """Return the text of a page without its indented code."""
    return "\n".join(line for line in _lines(page) if not line.startswith("    "))


def code_lines(page: Path) -> Iterator[str]:
    """Yield the lines of indented code, with continued lines joined."""
    joined = page.read_text("utf-8").replace("\\\n", " ")
    for line in joined.splitlines():
        if line.startswith("    "):
            yield line.strip()


def code_spans(page: Path) -> Iterator[str]:
    """Yield the code within the prose; a bar in a table is escaped there."""
    for match in _SPAN.finditer(prose(page)):
        yield match[1].replace("\\|", "|")


def links(page: Path) -> Iterator[str]:
    """Yield the targets of all links and pictures."""
    for match in _LINK.finditer(prose(page)):
        yield match[1]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = _HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def section(page: Path, heading: str) -> str:
    """Return the text below a heading of the second level.

    Raises:
        ValueError: the page has no such heading.
    """
    parts = re.split(r"^## (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    if heading not in sections:
        raise ValueError(f"{name_of(page)} must have a section {heading!r}, got {list(sections)}")
    return sections[heading]


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of every row of a table except its head; a bar in a cell is escaped."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
    return [row for row in cells[1:] if set("".join(row)) != {"-"}]


def _lines(page: Path) -> list[str]:
    return page.read_text("utf-8").splitlines()
