"""Files of the projects, each by its id: videos in ranges, GIFs, sound and posters."""

from __future__ import annotations

import os
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

from anyio import Semaphore
from fastapi import APIRouter, Query
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import FileResponse, Response
from starlette.types import Message, Receive, Scope, Send

from data.core.digest import file_key
from data.project.project import Project
from web.core.errors import NotFoundError
from web.core.library import Number, OpenProject, TheProject
from web.core.thumbnails import KEEP, cached_jpeg, frame_jpeg, small_jpeg
from web.watch.crops import CropKind, FootageCrops, PersonCrop, is_own_file, read_crops
from web.watch.sound import sound_file

POSTER_PX: Final = 480
"""Width: sharp as a card on a phone's screen too."""

_PIECE_BYTES: Final = 1024 * 1024
_TYPES: Final = {
    CropKind.VIDEO: "video/mp4",
    CropKind.BEST: "video/mp4",
    CropKind.GIF: "image/gif",
    CropKind.WEBP: "image/webp",
    CropKind.LOOP: "video/mp4",
}

router = APIRouter(prefix="/media/{project_id}/{footage}")
Version = Annotated[str | None, Query(max_length=64)]
"""The file's key: an address with it never shows another content, so browsers may keep it."""


@router.get("/people/{person}/poster", response_class=FileResponse)
def person_poster(project: TheProject, footage: Number, person: Number) -> Response:
    """A moment at which the person is seen."""
    return _moment(project, person_of(crops_of(project, footage), person))


@router.get("/people/{person}/{kind}", response_class=FileResponse)
@router.head("/people/{person}/{kind}", include_in_schema=False)
def person_file(
    project: TheProject,
    footage: Number,
    person: Number,
    kind: CropKind,
    v: Version = None,
    download: bool = False,
) -> Response:
    """A person's video or GIF, whole or in ranges."""
    crop = person_of(crops_of(project, footage), person)
    file = crop.file(kind)
    if file is None:
        raise NotFoundError("this has not been made of this person")
    name = f"{project.footage(footage).name} - {file.name}" if download else None
    kept = KEEP if v == file_key(file) else None
    return Piecewise(file, media_type=_TYPES[kind], filename=name, headers=kept)


@router.get("/sound", response_class=FileResponse)
def sound(project: TheProject, footage: Number, v: Version = None) -> Response:
    """The footage's sound by itself: what all videos are kept in step with."""
    file = sound_file(project, crops_of(project, footage))
    if file is None:
        raise NotFoundError("this footage has no sound")
    return Piecewise(file, media_type="audio/mp4", headers=KEEP if v else None)


@router.get("/poster", response_class=FileResponse)
def footage_poster(project: TheProject, footage: Number) -> Response:
    """A picture of the footage: the sampled frame with most faces, or else somebody in it."""
    name = project.footage(footage).name
    read = Project(project.folder)
    still = _fullest_still(read.still_file(name, 0).parent)
    if still is not None:
        key = f"poster {POSTER_PX} {name} {still.name} {file_key(still)}"
        return cached_jpeg(project, key, lambda: small_jpeg(still, width=POSTER_PX))
    crops = read_crops(read.crops_folder(name))
    if crops is None or not crops.people:
        raise NotFoundError("there is no picture of this footage yet")
    return _moment(project, crops.people[0])


def _moment(project: OpenProject, crop: PersonCrop) -> Response:
    """A frame of somebody's video in which they are seen."""
    file = crop.file(CropKind.VIDEO)
    if file is None:
        raise NotFoundError("there is no video of this person")
    start_s, end_s = max(crop.smiling or crop.seen or ((0.0, 0.0),), key=lambda s: s[1] - s[0])
    time_s = (start_s + end_s) / 2
    key = f"moment {POSTER_PX} {crop.folder.name} {file.name} {time_s} {file_key(file)}"
    return cached_jpeg(project, key, lambda: frame_jpeg(file, time_s, width=POSTER_PX))


def _fullest_still(folder: Path) -> Path | None:
    """The sampled frame in which most faces were found."""
    # A face's portrait is called as its frame is, with a number: see `Project.portrait_file`.
    faces: Counter[str] = Counter()
    with suppress(OSError), os.scandir(folder) as entries:
        faces.update(entry.name.split("-")[0] for entry in entries if "-" in entry.name)
    # The earliest of the fullest, whatever order the disk lists them in.
    names = sorted(faces, key=lambda name: (-faces[name], name))
    stills = (folder / f"{name}.jpg" for name in names[:10])
    return next((still for still in stills if is_own_file(folder, still.name)), None)


def crops_of(project: OpenProject, footage: int) -> FootageCrops:
    """What has been made of a project's footage.

    Raises:
        NotFoundError: no such footage, or nothing has been made of it.
    """
    crops = read_crops(Project(project.folder).crops_folder(project.footage(footage).name))
    if crops is None:
        raise NotFoundError("nobody has a video in this footage yet; run crop-people")
    return crops


def person_of(crops: FootageCrops, person: int) -> PersonCrop:
    """The person of this id.

    Raises:
        NotFoundError: there is no video of them.
    """
    crop = crops.person(person)
    if crop is None:
        raise NotFoundError("there is no video of this person")
    return crop


# --- ranges ---------------------------------------------------------------------------------------

_ONE_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")


class Piecewise(FileResponse):
    """A file that a browser's player gets piece by piece.

    Chromium's player asks for everything from some byte on, reads as far as it needs, and keeps the
    request open until it needs more. Six may be open to a server at once: the seventh video would
    never start. It asks again by itself where a piece ends, and the others have their turn. Whoever
    else asks for a range gets it whole.

    Source: RFC 9110, 14.2 and 15.3.7: a server may send less than what was asked for.
    """

    # Every chunk is read in a thread: larger ones change threads less often.
    chunk_size = 256 * 1024

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, in turn with the other files that are being read."""
        turn = _Turn(scope["app"].state.readers)

        async def sending(message: Message) -> None:
            turn.give()  # a player takes its time
            await send(message)
            await turn.take()

        await turn.take()
        try:
            await super().__call__(_in_pieces(scope), receive, sending)
        finally:
            turn.give()


class _Turn:
    """One of the files that may be read at once."""

    def __init__(self, readers: Semaphore) -> None:
        self._readers = readers
        self._taken = False

    async def take(self) -> None:
        await self._readers.acquire()
        self._taken = True

    def give(self) -> None:
        # Who is cut off while sending has none.
        if self._taken:
            self._taken = False
            self._readers.release()


def _in_pieces(scope: Scope) -> Scope:
    """Ask for no more than a piece, where a player asks."""
    headers = Headers(scope=scope)
    asked = _ONE_RANGE.fullmatch(headers.get("range", ""))
    if not asked or not _is_player(headers):
        return scope
    start, end = int(asked[1]), int(asked[1]) + _PIECE_BYTES - 1
    end = min(end, int(asked[2])) if asked[2] else end
    piece = MutableHeaders(raw=list(scope["headers"]))
    piece["range"] = f"bytes={start}-{end}"
    return {**scope, "headers": piece.raw}


def _is_player(headers: Headers) -> bool:
    if headers.get("sec-fetch-dest") in {"video", "audio"}:
        return True
    # Browsers say that only to this machine and over TLS; Chromium's player gives itself away.
    return headers.get("accept-encoding", "").startswith("identity;q=1")
