"""State of the Watch page's player, as browser tests read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


STATE = """() => {
  const { player } = measuring;
  return {
    staged: player.staged, plays: player.plays, loop: player.loop, speed: player.speed,
    time: Math.round(player.time * 10) / 10,
    grid: document.getElementById("player").classList.contains("grid"),
    auto: document.getElementById("auto").value,
    muted: document.getElementById("sound").muted,
    help: document.getElementById("help").open,
    full: Boolean(document.fullscreenElement),
  };
}"""


def until(page: Page, true: str) -> None:
    """Wait until a page expression is true; the page's policy forbids Playwright's method."""
    assert page.evaluate(f"measuring.until(() => {true})"), f"never {true}"
