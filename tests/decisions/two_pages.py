"""Random decisions by two review pages at once: ``python -m tests.decisions.two_pages``.

The pages send the requests of their scripts to a real server, from a thread each, while a third
thread clusters again. A journal of the people file tells the order in which things happened.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from clustering.grouping.footage import GroupingSettings
from clustering.grouping.people import identify_people
from data.core.arrays import UNKNOWN
from data.project.project import Project
from data.project.stages import FACES
from data.tables.decisions import FACE_KINDS, PAIR_KINDS, DecisionKind
from data.tables.faces import Faces
from data.tables.people import open_people
from tests.decisions.game import FRAME_WH, FRAMES, RERUNS, draw_footage, sampled_tables
from tests.decisions.journal import Event, Journal, Made, counts_of, replay, start_journal
from tests.records import faces_record
from tests.web.serving import open_client, own_origin, running

PAUSE_S = 0.2
"""Between two clusterings."""
API = "/api/projects/film/people"
ACTS = (*DecisionKind, DecisionKind.EJECT, DecisionKind.RENAME, "undo", "undo", "redo")


@dataclass(frozen=True)
class Sent:
    """A request that changes something, and its answer."""

    act: str
    body: dict[str, Any]
    status: int
    content: dict[str, Any]


@dataclass
class Page:
    """A review page: what it shows, and what it sent."""

    number: int
    client: httpx.Client
    random: np.random.Generator
    latest: list[int]  # revision that any page has seen, shared
    shown: dict[str, Any] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    overviews: list[dict[str, Any]] = field(default_factory=list)

    def load(self) -> None:
        """Load all people, as a page does at first and after a refusal."""
        known = max(self.latest)
        self._show(self._get(""))
        assert self.shown["revision"] >= known, "a change of the other page is not seen"

    def act(self, act: str) -> None:
        """Make one random change, often from an outdated state."""
        if self.random.random() < 0.3:
            self.load()
        body = {} if act in ("undo", "redo") else self._decision(DecisionKind(act))
        if body is not None:
            self.send(act, body)

    def send(self, act: str, body: dict[str, Any]) -> Sent:
        """Send a change, based on what the page shows."""
        path = f"/{act}" if act in ("undo", "redo") else "/decisions"
        body = {"seen": self.shown["revision"], **body}
        answer = self.client.post(API + path, json=body, headers=own_origin(self.client))
        sent = Sent(act, body, answer.status_code, answer.json())
        self.sent.append(sent)
        if sent.status == 200:
            self._show(sent.content)
        else:
            self.load()
        return sent

    def faces(self, person: int) -> list[str]:
        """Return the faces of a person; none if the person is gone."""
        place = "unknown" if person == UNKNOWN else str(person)
        answer = self.client.get(f"{API}/{place}/faces")
        assert answer.status_code in (200, 404), answer.text
        return list(answer.json()["faces"]) if answer.status_code == 200 else []

    def _get(self, path: str) -> dict[str, Any]:
        answer = self.client.get(API + path)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def _show(self, content: dict[str, Any]) -> None:
        assert not self.shown or content["revision"] >= self.shown["revision"], "an older state"
        self.shown = content
        self.overviews.append(content)
        self.latest.append(content["revision"])

    def _decision(self, kind: DecisionKind) -> dict[str, Any] | None:
        people = [person["id"] for person in self.shown["people"]]
        if not people:
            return None
        person, other = (int(each) for each in self.random.choice(people, 2))
        body: dict[str, Any] = {"kind": kind.value}
        if kind is not DecisionKind.SPLIT:
            body["person"] = person
        if kind is DecisionKind.RENAME:
            body["name"] = f"Name {self.number}.{len(self.sent)}"
        if kind in (DecisionKind.MERGE, DecisionKind.HIDE, DecisionKind.SHOW):
            body["people"] = [body.pop("person")]
        if kind in PAIR_KINDS:
            body["other"] = other
            return body if person != other else None
        if kind in FACE_KINDS:
            of_person = dict.fromkeys((DecisionKind.EJECT, DecisionKind.COVER), person)
            source = {**of_person, DecisionKind.ACCEPT: UNKNOWN}.get(kind, other)
            faces = self.faces(source)
            start, count = self.random.integers(0, len(faces) + 1), self.random.integers(1, 12)
            body["faces"] = faces[start : start + count]
            if kind is DecisionKind.COVER and body["faces"]:
                body["face"] = body["faces"][0]
                del body["faces"]
                return body
            return body if body["faces"] else None
        return body


class Room:
    """A served project with two pages and a clustering thread."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.project = Project(folder / "film.fancam")
        self.whole = {"a": draw_footage(seed), "b": draw_footage(seed + 1000)}
        self.random = np.random.default_rng(seed)
        self.journal = Journal(self.whole)
        for name in self.whole:
            self.project.add_footage(
                folder / f"{name}.mp4",
                size_bytes=1000,
                duration_s=FRAMES,
                rate=Fraction(1),
                frame_wh=FRAME_WH,
            )
            self.project.finish(FACES, faces_record(), name)
        self.cluster({})
        start_journal(self.project.people_file)

    def cluster(self, options: dict[str, Any]) -> None:
        """Find the faces again and cluster them, as cluster-faces does."""
        chosen = {name: value for name, value in options.items() if name != "every"}
        tables = sampled_tables(self.whole, options.get("every", 1))
        with self.project.lock():
            for name, (frames, faces) in tables.items():
                frames.write(self.project.frames_file(name))
                if not _same(faces, self.project.faces_file(name)):
                    faces.write(self.project.faces_file(name))
            with open_people(self.project.people_file) as people:
                identify_people(self.project, people, tables, GroupingSettings(**chosen))

    def play(self, steps: int) -> None:
        """Let both pages act at the same time, with clusterings in between; check everything.

        Raises:
            AssertionError: a rule is broken.
        """
        with running([self.project.folder]) as served:
            clients = [open_client(served) for _ in range(3)]
            latest = [0]
            pages = [
                Page(number, client, np.random.default_rng(self.random.integers(1 << 30)), latest)
                for number, client in enumerate(clients)
            ]
            try:
                self._act(pages[:2], steps)
                _check_same(pages)
                self.journal.read(self.project.people_file)
                self.check(pages)
                _check_undo_and_redo(pages[0])
            finally:
                for client in clients:
                    client.close()

    def _act(self, pages: Sequence[Page], steps: int) -> None:
        start, done = threading.Barrier(3), threading.Event()
        acts = [self.random.choice(np.array(ACTS, object), steps).tolist() for _ in pages]
        reruns = self.random.permutation(len(RERUNS)).tolist()

        def review(page: Page, acts: list[str]) -> None:
            page.load()
            start.wait()
            for act in acts:
                page.act(act)

        def cluster() -> None:
            start.wait()
            for number in itertools.cycle(reruns):
                self.cluster(RERUNS[number])
                if done.wait(PAUSE_S):
                    return

        with ThreadPoolExecutor(3) as pool:
            clustering = pool.submit(cluster)
            reviews = [
                pool.submit(review, page, each) for page, each in zip(pages, acts, strict=True)
            ]
            try:
                for running_review in reviews:
                    running_review.result()
            finally:
                done.set()
            clustering.result()

    def check(self, pages: Sequence[Page]) -> None:
        """Check the answers against the journal, and the journal against the rules."""
        replay(self.journal)
        sent = [each for page in pages for each in page.sent]
        for each in sent:
            assert each.status in (200, 404, 409), f"{each.status}: {each.content}"
            if each.status != 200:
                message = each.content["error"]
                assert (
                    "in the meantime" in message
                    or "reload the page" in message
                    or "no such" in message
                ), message
        events = self.journal.events
        made = [e for e in events if e.event == "decide"]
        accepted = [each for each in sent if each.status == 200]
        decided = [self._content(each) for each in accepted if each.act not in ("undo", "redo")]
        stored = Counter(self.journal.decisions[event.decision_id].content for event in made)
        assert Counter(decided) == stored, "accepted decisions are not those that were stored"
        for act in ("undo", "redo"):
            count = sum(each.act == act and each.content["note"] is not None for each in accepted)
            assert count == sum(event.event == act for event in events), f"{act} is lost"
        for each in accepted:
            self._check_not_stale(each)
        for page in pages:
            for overview in page.overviews:
                self._check_overview(overview)

    def _content(self, sent: Sent) -> tuple[Any, ...]:
        body = sent.body
        faces = frozenset(
            self._face(face) for face in body.get("faces", [body["face"]] if "face" in body else [])
        )
        kind = DecisionKind(sent.act)
        return (
            kind,
            body["people"][0] if "people" in body else body.get("person", UNKNOWN),
            body.get("other", UNKNOWN),
            body.get("name", ""),
            faces,
        )

    def _face(self, face: str) -> tuple[str, int]:
        """Return the row of a face id: its frame has the same faces at any sampling."""
        footage, frame, number = (int(part) for part in face.split("."))
        name = list(self.whole)[footage - 1]
        rows = np.flatnonzero(self.whole[name].frame_index == frame)
        return name, int(rows[number])

    def _check_not_stale(self, sent: Sent) -> None:
        """The people of an accepted request were not changed after what its page showed."""
        if sent.act in ("undo", "redo") and sent.content["note"] is None:
            return
        events = [e for e in self.journal.events if e.revision > sent.body["seen"]]
        if sent.act in ("undo", "redo"):
            assert events[0].event == sent.act, f"{sent.act} of a change that its page did not show"
            return
        content, concerned = self._content(sent), set[int]()
        for event in events:
            decision = self.journal.decisions.get(event.decision_id)
            assert event.event != "cluster", "a decision from before the clustering was accepted"
            assert decision is not None
            if event.event == "decide" and decision.content == content:
                own = decision.concerned(event.owners)
                assert not own & concerned, "a decision about changed people was accepted"
                return
            concerned |= self._concerned(event, decision)
        raise AssertionError("an accepted decision is not stored")

    def _concerned(self, event: Event, decision: Made) -> set[int]:
        """Return the people of a decision, as they were when it was made."""
        if event.event == "decide":
            return decision.concerned(event.owners)
        made = next(
            e
            for e in self.journal.events
            if e.event == "decide" and e.decision_id == event.decision_id
        )
        return decision.concerned(made.owners)

    def _check_overview(self, overview: dict[str, Any]) -> None:
        """The page showed exactly the state of one revision."""
        after = [e for e in self.journal.events if e.revision == overview["revision"] + 1]
        if not after:
            return
        (event,) = after
        assert {p["id"]: p["name"] for p in overview["people"]} == event.names, "torn names"
        assert {p["id"] for p in overview["people"] if p["hidden"]} == event.hidden, "torn hiding"
        people = {person["id"] for person in overview["people"]}
        assert {side for pair in overview["pairs"] for side in (pair["a"], pair["b"])} <= people, (
            "a suggested pair of a person who is not shown"
        )
        counts = {p["id"]: p["count"] for p in overview["people"] if p["count"]}
        shown = counts | {UNKNOWN: overview["unknown"]["count"]}
        if event.owners and sum(shown.values()) == len(event.owners) and len(counts):
            expected = counts_of(event.owners)
            assert {k: v for k, v in shown.items() if v} == expected, "torn faces"


def _same(faces: Faces, file: Path) -> bool:
    return file.exists() and np.array_equal(Faces.read(file).time_s, faces.time_s)


def _check_same(pages: Sequence[Page]) -> None:
    """All pages show the same people and faces once nothing changes."""
    for page in pages:
        page.load()
    shown = [
        (page.shown, [page.faces(p["id"]) for p in page.shown["people"]], page.faces(UNKNOWN))
        for page in pages
    ]
    assert all(each == shown[0] for each in shown), "the pages differ"


def _check_undo_and_redo(page: Page) -> None:
    """Undo and redo of everything gives the same states again."""
    states = [_state(page)]
    while page.shown["undo"]:
        assert page.send("undo", {}).status == 200
        states.append(_state(page))
    for state in reversed(states[:-1]):
        assert page.send("redo", {}).status == 200
        assert _state(page) == state, "redo gives another state"


def _state(page: Page) -> Any:
    return page.shown["people"], page.shown["unknown"], page.shown["pairs"]


def play(folder: Path, seed: int, steps: int) -> str | None:
    """Play one game in an empty folder; return what broke, or None."""
    try:
        Room(folder, seed).play(steps)
    except AssertionError as error:
        return str(error).splitlines()[0] if str(error) else "a check failed"
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Play games with other seeds and print the failing ones."""
    parser = argparse.ArgumentParser(prog="python -m tests.decisions.two_pages")
    parser.add_argument("--seeds", type=int, default=100, help="number of games (default: 100)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--steps", type=int, default=30, help="steps per page (default: 30)")
    chosen = parser.parse_args(arguments)
    start, failed = time.monotonic(), 0
    for seed in range(chosen.first, chosen.first + chosen.seeds):
        with tempfile.TemporaryDirectory() as folder:
            if (problem := play(Path(folder), seed, chosen.steps)) is not None:
                failed += 1
                print(f"seed {seed}: {problem}", flush=True)
    took_s = time.monotonic() - start
    print(f"{chosen.seeds} seeds of 2 x {chosen.steps} steps in {took_s:.0f} s, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
