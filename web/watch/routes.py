"""Routes of the Watch page: the library, and the videos of one footage in sync."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from data.core.digest import file_key
from data.core.errors import InputError
from data.core.intervals import Interval
from data.project.filenames import CropKind
from data.project.project import Project
from data.storage.shown import command_line
from data.tables.people import open_people
from data.video.footage import holds_pictures
from web.core.library import (
    Library,
    LibraryParameter,
    NumberParameter,
    OpenProject,
    ProjectParameter,
    title_of,
)
from web.core.status import project_status
from web.core.templates import page
from web.watch.crops import FootageCrops, PersonCrop, current_crops
from web.watch.film import film_file
from web.watch.media import footage_crops
from web.watch.sound import sound_key

router = APIRouter()


@dataclass(frozen=True, slots=True)
class FootageCard:
    """One footage of the library."""

    project: OpenProject
    number: int
    title: str
    duration_s: float
    people: int = 0  # number of people with a video
    gifs: int = 0
    pictures: bool = False  # holds pictures, of which there are no videos
    problem: str = ""  # reason why it cannot be shown

    @property
    def full_title(self) -> str:
        """Title with that of the project, unless they are the same."""
        project = self.project.title
        return self.title if self.title == project else f"{project}: {self.title}"

    @property
    def url(self) -> str:
        """URL of the footage's page."""
        return f"/watch/{self.project.id}/{self.number}"

    @property
    def poster(self) -> str:
        """URL of the footage's picture."""
        return f"/media/{self.project.id}/{self.number}/poster"


# --- pages ----------------------------------------------------------------------------------------


@router.get("/", include_in_schema=False)
@router.get("/watch", include_in_schema=False)
def start_page(request: Request, library: LibraryParameter) -> Response:
    """Show the only footage, or the library of all footages."""
    cards = list(footage_cards(library))
    if len(cards) == 1:
        return _render(request, cards[0].project, 1)
    project = next(iter(library)) if len(library) == 1 else None
    return page(request, "watch/library.html", project=project, cards=cards)


@router.get("/watch/{project_id}", include_in_schema=False)
def project_page(request: Request, project: ProjectParameter) -> Response:
    """Redirect to the project's only footage, or show its library."""
    cards = list(_cards(project))
    if len(cards) == 1:
        return RedirectResponse(cards[0].url, 303)
    return page(request, "watch/library.html", project=project, cards=cards)


@router.get("/watch/{project_id}/{footage}", include_in_schema=False)
def watch_page(request: Request, project: ProjectParameter, footage: NumberParameter) -> Response:
    """Show the videos of one footage in sync."""
    return _render(request, project, footage)


def _render(request: Request, project: OpenProject, footage: int) -> Response:
    entry = project.footage(footage)
    crops = current_crops(project.read(), entry.name)
    data = watch_data(project, footage, crops) if crops is not None else None
    if data is None or not data["people"]:
        state = project_status(project, entry.name, without=("smile GIFs",))
        return page(
            request,
            "watch/no_videos.html",
            project=project,
            title=title_of(entry.name),
            state=state,
            pictures=holds_pictures(entry),
        )
    cards = list(footage_cards(request.app.state.library))
    return page(
        request,
        "watch/watch.html",
        project=project,
        title=title_of(entry.name),
        data=data,
        cards=cards,
        current_url=f"/watch/{project.id}/{footage}",
        merges=_merges(crops, data["people"]),
        known=_known(project.read()),
    )


def _known(project: Project) -> frozenset[int]:
    """Return the ids of the people who have a page of their own."""
    if not project.people_file.is_file():
        return frozenset()
    with open_people(project.people_file) as people:
        return frozenset(people.names())


def _merges(crops: FootageCrops | None, people: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the names before and after of people merged since the videos were made."""
    names = {person["id"]: person["name"] for person in people}
    merged = crops.merged if crops is not None else ()
    # The name that is kept may be a later one.
    pairs = ((person.name, names.get(person.merged_into)) for person in merged)
    return [(before, now) for before, now in pairs if now is not None]


# --- API -----------------------------------------------------------------------------------


@router.get("/api/footages")
def list_footages(library: LibraryParameter) -> list[dict[str, Any]]:
    """List all footages of all served projects."""
    return [
        {
            "project": card.project.id,
            "footage": card.number,
            "title": card.title,
            "duration_s": card.duration_s,
            "people": card.people,
            "gifs": card.gifs,
        }
        for card in footage_cards(library)
    ]


@router.get("/api/projects/{project_id}/footages/{footage}/watch")
def footage_data(project: ProjectParameter, footage: NumberParameter) -> dict[str, Any]:
    """Return the people of a footage, their videos, and when each person is seen."""
    return watch_data(project, footage, footage_crops(project, footage))


def watch_data(project: OpenProject, footage: int, crops: FootageCrops) -> dict[str, Any]:
    """Return the JSON data of the Watch page."""
    media = f"/media/{project.id}/{footage}"
    people = [_person_data(media, person) for person in crops.people]
    key = sound_key(crops)
    return {
        "duration_s": crops.duration_s,
        "rate": float(crops.rate) if crops.rate is not None else None,
        "sound": f"{media}/sound?v={key}" if key is not None else None,
        "people": [person for person in people if person is not None],
        "film": _film_data(project, footage, media),
        "merged": {person.person_id: person.merged_into for person in crops.merged},
        "make_again": command_line("crop-people", project.argument, "--force"),
    }


def _film_data(project: OpenProject, footage: int, media: str) -> dict[str, Any] | None:
    """Return the data of the footage itself; None if the page cannot play it."""
    found = film_file(project, footage)
    if found is None:
        return None
    file, entry, version = found[0], project.footage(footage), file_key(found[0])
    return {
        "size_wh": [entry.width, entry.height],
        "poster": f"{media}/film/poster?v={version}",
        "url": f"{media}/film?v={version}",
        "bytes": file.stat().st_size,
    }


def _person_data(media: str, person: PersonCrop) -> dict[str, Any] | None:
    """Return the data of one person; None if their video is missing."""
    files = {kind: file for kind in CropKind if (file := person.file(kind)) is not None}
    if CropKind.VIDEO not in files:
        return None
    base = f"{media}/people/{person.person_id}"
    version = file_key(files[CropKind.VIDEO])
    return {
        "id": person.person_id,
        "name": person.name,
        "size_wh": person.size_wh,
        "poster": f"{base}/poster?v={version}",
        "files": {kind.value: _file_url(base, kind, file) for kind, file in files.items()},
        "bytes": {kind.value: file.stat().st_size for kind, file in files.items()},
        "seen": _rounded(person.seen),
        "body": _rounded(person.body),
        "filled": _rounded(person.filled),
        "smiling": _rounded(person.smiling),
    }


def _file_url(base: str, kind: CropKind, file: Path) -> str:
    return f"{base}/{kind.value}?v={file_key(file)}"


def _rounded(intervals: tuple[Interval, ...]) -> list[list[float]]:
    return [[round(start, 3), round(end, 3)] for start, end in intervals]


def footage_cards(library: Library) -> Iterator[FootageCard]:
    """Yield a card for every footage of every project."""
    for project in library:
        yield from _cards(project)


def _cards(project: OpenProject) -> Iterator[FootageCard]:
    for number, entry in enumerate(project.footages(), start=1):
        card = FootageCard(project, number, title_of(entry.name), entry.duration_s)
        try:
            crops = current_crops(project.read(), entry.name)
        except InputError as error:
            yield replace(card, problem=project.shown(str(error)))
            continue
        found = crops.people if crops is not None else ()
        people = [person for person in found if person.file(CropKind.VIDEO) is not None]
        gifs = sum(person.file(CropKind.GIF) is not None for person in people)
        pictures = not people and holds_pictures(entry)
        yield replace(card, people=len(people), gifs=gifs, pictures=pictures)
