"""Links and anchors of the pages resolve, and the files they name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import ROOT
from tests.docs.pages import DOCS, PAGES, anchors, code_lines, code_spans, links, name_of, prose

ROOMS = {"fancam", "data", "clustering", "tracking", "cropping", "web", "tests", "docs", ".github"}
MAX_LINES = 150
DEFINED_IN = re.compile(r"`(\w+)` (?:\(|in )`([\w/]+\.py)`")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_resolve(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_linked_from_the_readme() -> None:
    readme = DOCS[0]
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in links(readme)}
    assert set(DOCS[1:]) <= linked


def test_readme_is_short() -> None:
    assert len(DOCS[0].read_text("utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_and_modules_exist(page: Path) -> None:
    for code in {*code_spans(page), *(line.split()[0] for line in code_lines(page) if line)}:
        for path in re.findall(r"(?<![\w./:-])[\w.]+/[\w./-]*", code):
            if path.split("/")[0] in ROOMS and not path.endswith("..."):
                assert (ROOT / path).exists(), code
        if re.fullmatch(r"(?:{})(?:\.\w+)+".format("|".join(ROOMS - {".github"})), code):
            module = ROOT / code.replace(".", "/")
            is_file = re.search(r"\.(mp4|sqlite|fancam|json)$", code)
            assert is_file or module.is_dir() or module.with_suffix(".py").exists(), code


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_names_are_defined_where_the_page_says(page: Path) -> None:
    for name, path in DEFINED_IN.findall(" ".join(prose(page).split())):
        text = (ROOT / path).read_text("utf-8")
        assert re.search(rf"^(?:class |def |    def )?{name}\b", text, re.MULTILINE), (name, path)
