"""Routes of media files: videos, GIFs, sound and posters."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import FileResponse, Response

from data.core.digest import file_key
from data.project.filenames import CropKind
from web.core.caching import CACHE_FOREVER
from web.core.errors import NotFoundError
from web.core.library import NumberParameter, OpenProject, ProjectParameter
from web.core.thumbnails import cached_jpeg, frame_jpeg, small_jpeg
from web.watch.crops import FootageCrops, PersonCrop, current_crops, is_own_file
from web.watch.film import film_file
from web.watch.range_response import ONE_OF_THE_READERS, RangeResponse
from web.watch.sound import sound_file

POSTER_PX: Final = 480
"""Width, px: sharp as a card on high-resolution phone screens."""

SMALL_RANGE_BYTES: Final = 64 * 1024
"""Limit of a range of sound and small renditions: a few seconds, so that all begin early."""

_TYPES: Final = {
    CropKind.VIDEO: "video/mp4",
    CropKind.SMALL: "video/mp4",
    CropKind.BEST: "video/mp4",
    CropKind.GIF: "image/gif",
    CropKind.WEBP: "image/webp",
    CropKind.LOOP: "video/mp4",
}

router = APIRouter(prefix="/media/{project_id}/{footage}")
Version = Annotated[str | None, Query(max_length=64)]
"""Key of the file's content: a URL that contains it may be cached forever."""


@router.get("/people/{person}/poster", response_class=FileResponse)
def person_poster(
    project: ProjectParameter, footage: NumberParameter, person: NumberParameter
) -> Response:
    """Return a frame that shows the person."""
    return _person_frame(project, person_crop(footage_crops(project, footage), person))


@router.get(
    "/people/{person}/{kind}", response_class=FileResponse, dependencies=[ONE_OF_THE_READERS]
)
@router.head("/people/{person}/{kind}", include_in_schema=False, dependencies=[ONE_OF_THE_READERS])
def person_file(
    project: ProjectParameter,
    footage: NumberParameter,
    person: NumberParameter,
    kind: CropKind,
    v: Version = None,
    download: bool = False,
) -> Response:
    """Return a person's video or GIF, complete or in byte ranges."""
    crop = person_crop(footage_crops(project, footage), person)
    file = crop.file(kind)
    if file is None:
        raise NotFoundError("this person has no such file")
    name = f"{project.footage(footage).name} - {crop.download_name(kind)}" if download else None
    headers = CACHE_FOREVER if v == file_key(file) else None
    response = RangeResponse(file, media_type=_TYPES[kind], filename=name, headers=headers)
    if kind is CropKind.SMALL:
        response.max_range_bytes = SMALL_RANGE_BYTES
    return response


@router.get("/film", response_class=FileResponse, dependencies=[ONE_OF_THE_READERS])
def film(project: ProjectParameter, footage: NumberParameter, v: Version = None) -> Response:
    """Return the footage itself, complete or in byte ranges."""
    file, media_type = _film(project, footage)
    headers = CACHE_FOREVER if v == file_key(file) else None
    return RangeResponse(file, media_type=media_type, headers=headers)


@router.get("/film/poster", response_class=FileResponse)
def film_poster(project: ProjectParameter, footage: NumberParameter) -> Response:
    """Return the middle frame of the footage."""
    file, _ = _film(project, footage)
    time_s = project.footage(footage).duration_s / 2
    key = f"film {POSTER_PX} {file} {file_key(file)}"
    return cached_jpeg(project, key, lambda: frame_jpeg(file, time_s, width=POSTER_PX))


def _film(project: OpenProject, footage: int) -> tuple[Path, str]:
    found = film_file(project, footage)
    if found is None:
        raise NotFoundError("the page cannot play this footage")
    return found


@router.get("/sound", response_class=FileResponse, dependencies=[ONE_OF_THE_READERS])
def sound(project: ProjectParameter, footage: NumberParameter, v: Version = None) -> Response:
    """Return the footage's sound, to which the page syncs all videos."""
    file = sound_file(project, footage_crops(project, footage))
    if file is None:
        raise NotFoundError("this footage has no sound")
    headers = CACHE_FOREVER if v else None
    response = RangeResponse(file, media_type="audio/mp4", headers=headers)
    response.max_range_bytes = SMALL_RANGE_BYTES
    return response


@router.get("/poster", response_class=FileResponse)
def footage_poster(project: ProjectParameter, footage: NumberParameter) -> Response:
    """Return the sampled frame with the most faces, or a frame of the first person's video."""
    name = project.footage(footage).name
    files = project.read()
    still = _frame_with_most_faces(files.still_file(name, 0).parent)
    if still is not None and project.holds(still):
        key = f"poster {POSTER_PX} {name} {still.name} {file_key(still)}"
        return cached_jpeg(project, key, lambda: small_jpeg(still, width=POSTER_PX))
    crops = current_crops(files, name)
    if crops is None or not crops.people:
        raise NotFoundError("there is no picture of this footage yet")
    return _person_frame(project, crops.people[0])


def _person_frame(project: OpenProject, crop: PersonCrop) -> Response:
    """Return the middle frame of the longest interval of smiling, or of being seen."""
    file = crop.file(CropKind.VIDEO)
    if file is None:
        raise NotFoundError("there is no video of this person")
    start_s, end_s = max(
        crop.smiling or crop.seen or crop.body or ((0.0, 0.0),), key=lambda s: s[1] - s[0]
    )
    time_s = (start_s + end_s) / 2
    key = f"moment {POSTER_PX} {crop.folder.name} {file.name} {time_s} {file_key(file)}"
    return cached_jpeg(project, key, lambda: frame_jpeg(file, time_s, width=POSTER_PX))


def _frame_with_most_faces(folder: Path) -> Path | None:
    """Return the picture of the sampled frame with the most faces, if any."""
    # The name of a portrait is that of its frame plus a number: see `Project.portrait_file`.
    faces: Counter[str] = Counter()
    with suppress(OSError), os.scandir(folder) as entries:
        faces.update(entry.name.split("-")[0] for entry in entries if "-" in entry.name)
    # Break ties by the earliest frame: the order of a folder listing is arbitrary.
    names = sorted(faces, key=lambda name: (-faces[name], name))
    stills = (folder / f"{name}.jpg" for name in names[:10])
    return next((still for still in stills if is_own_file(folder, still.name)), None)


def footage_crops(project: OpenProject, footage: int) -> FootageCrops:
    """Return the people and videos of a footage.

    Raises:
        NotFoundError: no such footage, or no videos of it.
    """
    crops = current_crops(project.read(), project.footage(footage).name)
    if crops is None:
        raise NotFoundError("there are no videos of this footage yet; run crop-people")
    return crops


def person_crop(crops: FootageCrops, person: int) -> PersonCrop:
    """Return the person with this id.

    Raises:
        NotFoundError: no video of this person.
    """
    crop = crops.person(person)
    if crop is None:
        raise NotFoundError("there is no video of this person")
    return crop
