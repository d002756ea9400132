"""What every page costs to open: requests, bytes, paint, layout shift; Lighthouse's scores.

Run it alone: `python -m tests.benchmarks.pages`. The scores need Lighthouse, from npm.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.benchmarks.machine import describe
from tests.decisions.stages import run_all
from tests.targets import verdict
from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.serving import CHROMIUM_NAMES, Running, open_browser, running
from tests.web.throttle import throttled

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Request

VISITS: Final = 5
QUICK_VISITS: Final = 1
PEOPLE: Final = 9
SIZES: Final = {"desktop": (1440, 900), "phone": (390, 844)}
TARGET_MB: Final = 1.5
TARGET_SHIFT: Final = 0.05
TARGET_SCORES: Final = {"performance": 95, "accessibility": 100}
PAGES: Final = {
    "Library": "/",
    "Watch": "/watch/film/1",
    "People": "/people/p",
    "Person": "/people/p/1",
    "Unknown faces": "/people/p/unknown",
    "Label": "/label/p",
}
_UNLIMITED_MBIT_S: Final = 1000.0
_SETTLED_S: Final = 2.0  # after the page has loaded
_LIGHTHOUSE_S: Final = 180.0

_OBSERVE = """() => {
  window.opened = { shift: 0, largest: 0 };
  const observe = (type, note) =>
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({
      type,
      buffered: true,
    });
  observe("layout-shift", (entry) => (opened.shift += entry.value));
  observe("largest-contentful-paint", (entry) => (opened.largest = entry.startTime));
}"""
_OPENED = """() => ({
  ...opened,
  first: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN,
})"""


def report(visits: int = VISITS, *, scores: bool = True) -> list[str]:
    """Open every page at every size; report in one line if there is no browser.

    Args:
        visits: number of visits of every page, each with an empty cache.
        scores: whether to add Lighthouse's scores.
    """
    try:
        with _served() as served, open_browser() as browser:
            return [
                f"Pages: first visit, {PEOPLE} people in Watch; paint: median of {visits}",
                *(
                    line
                    for size in SIZES
                    for page in PAGES
                    for line in _opened(browser, served, page, size, visits)
                ),
                *(_scores(served) if scores else ()),
            ]
    except pytest.skip.Exception as missing:
        return ["Pages", f"  {missing}"]


@contextmanager
def _served() -> Iterator[Running]:
    """Serve a drawn film with videos of nine people, and a project to review."""
    names = tuple(f"Person {number}" for number in range(1, PEOPLE + 1))
    with tempfile.TemporaryDirectory() as folder:
        film = draw_crops(Path(folder) / "film.fancam", Drawing(names, 10.24, (608, 1080)))
        made = Path(folder) / "made"
        made.mkdir()
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            run_all(made, ["film.mp4", "--project", "p.fancam", "--every", "0.1"])
        with running([film.folder, made / "p.fancam"]) as served:
            yield served


def _opened(browser: Browser, served: Running, page: str, size: str, visits: int) -> Iterator[str]:
    width, height = SIZES[size]
    found: list[dict[str, float]] = []
    for _ in range(visits):
        with throttled(served.port, mbit_s=_UNLIMITED_MBIT_S, delay_s=0) as throttle:
            context = browser.new_context(viewport={"width": width, "height": height})
            context.add_init_script(f"({_OBSERVE})()")
            tab = context.new_page()
            urls: list[str] = []
            tab.on("request", partial(_note_url, urls))
            tab.goto(throttle.address + PAGES[page])
            tab.wait_for_timeout(1000 * _SETTLED_S)
            opened: dict[str, float] = tab.evaluate(_OPENED)
            context.close()
            bytes_mb = throttle.received_bytes / 1e6
        found.append(opened | {"requests": len(urls), "mb": bytes_mb})
    count, mb, shift = (max(each[key] for each in found) for key in ("requests", "mb", "shift"))
    first_ms, largest_ms = (median(each[key] for each in found) for key in ("first", "largest"))
    yield (
        f"  {page}, {size}: {count:.0f} requests, {mb:.2f} MB {verdict(mb < TARGET_MB)};"
        f" first paint {first_ms:.0f} ms, largest {largest_ms:.0f} ms;"
        f" layout shift {shift:.3f} {verdict(shift < TARGET_SHIFT)}"
    )


def _note_url(urls: list[str], request: Request) -> None:
    urls.append(request.url)


def _scores(served: Running) -> Iterator[str]:
    """Yield Lighthouse's scores of every page, of 100, for a phone on a slow network."""
    lighthouse = shutil.which("lighthouse")
    if lighthouse is None:
        yield "  Lighthouse is not installed: npm install --global lighthouse"
        return
    browser = next(found for name in CHROMIUM_NAMES if (found := shutil.which(name)))
    for page, path in PAGES.items():
        command = [
            *(lighthouse, served.address + path, "--quiet", "--output=json"),
            f"--only-categories={','.join(TARGET_SCORES)}",
            "--no-enable-error-reporting",
            "--chrome-flags=--headless=new --no-sandbox --disable-dev-shm-usage",
        ]
        run = subprocess.run(
            command,
            env=os.environ | {"CHROME_PATH": browser},
            capture_output=True,
            timeout=_LIGHTHOUSE_S,
            check=True,
        )
        result: dict[str, Any] = json.loads(run.stdout)
        scores = {
            name: round(100 * (result["categories"][name]["score"] or 0)) for name in TARGET_SCORES
        }
        words = [
            f"{name} {score} {verdict(score >= TARGET_SCORES[name])}"
            for name, score in scores.items()
        ]
        failed = [
            audit["title"]
            for audit in result["audits"].values()
            if audit["scoreDisplayMode"] == "binary" and audit["score"] == 0
        ]
        yield f"  Lighthouse, {page}: {', '.join([*words, *failed])}"


def main() -> int:
    """Print one report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.pages")
    parser.add_argument("--visits", type=int, default=VISITS)
    parsed = parser.parse_args()
    print(describe())
    print("\n".join(report(parsed.visits)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
