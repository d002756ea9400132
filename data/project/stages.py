"""What the project stores of each finished stage, and under which key of ``project.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Self, TypeVar

from data.project.record import Record, SettingsValues

Spans = tuple[tuple[float, float], ...]
"""From and to, in seconds."""


@dataclass(frozen=True, slots=True)
class FacesRecord(Record):
    """What the faces table of a footage depends on."""

    version: int
    kind: str  # video, images or image
    size_bytes: int
    every_s: float  # from one sampled frame to the next
    detector: str
    backend: str
    min_face_px: float | None
    upsample: int | None
    spans: Spans | None = None  # that were sampled; None: all of it


@dataclass(frozen=True, slots=True)
class RecordingRecord(Record):
    """When a paired recording is on, and what that depends on."""

    version: int
    size_bytes: int
    shortest_s: float
    frozen_s: float | None
    on: Spans


@dataclass(frozen=True, slots=True)
class OffsetRecord(Record):
    """How much later the second recording of a pair was begun than the first."""

    seconds: float
    told_by: str  # the option or the metadata that it comes from
    starts: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class PairRecord(Record):
    """Two recordings of one lesson; stored under the name of the first."""

    names: tuple[str, str]  # of the footages
    offset: OffsetRecord
    later_s: float  # from the first's first frame to the second's
    on: tuple[Spans, Spans]
    version: int = 1


@dataclass(frozen=True, slots=True)
class PeopleRecord(Record):
    """What the people, their folder and the dataset depend on."""

    version: int
    faces: Mapping[str, FacesRecord]  # by footage
    grouping: SettingsValues
    label_margin: float  # share of the face that its label is larger by, on each side
    names: Mapping[int, str]
    decisions: str = ""  # key of the decisions that were in force
    stopped: bool = False  # writing was started, and is not finished


@dataclass(frozen=True, slots=True)
class TrackerRecord(Record):
    """What the trained detector depends on."""

    version: int
    person_id: tuple[int, ...]  # of each class
    dataset: str  # key
    weights: str  # key of those that the training began with
    epochs: int | None
    imgsz: int | None
    batch: int | None
    seed: int


@dataclass(frozen=True, slots=True)
class DetectionsRecord(Record):
    """What the detections of a footage depend on."""

    version: int
    size_bytes: int
    every_nth: int
    model: str  # key


@dataclass(frozen=True, slots=True)
class TracksRecord(Record):
    """What the tracks of a footage depend on."""

    detections: DetectionsRecord
    naming: SettingsValues  # settings of linking
    label_margin: float
    classes: tuple[int, ...]  # person of each class of the detector
    faces: str  # key of whose the faces are
    names: Mapping[int, str]
    version: int = 1


@dataclass(frozen=True, slots=True)
class CropsRecord(Record):
    """How the videos of a footage were made."""

    version: int
    settings: str
    others: str  # what becomes of the other people in a video


@dataclass(frozen=True, slots=True)
class SmilesRecord(Record):
    """What the smiles table of a footage depends on."""

    version: int
    model: str  # key
    tracks: str  # key


@dataclass(frozen=True, slots=True)
class GifsRecord(Record):
    """The GIFs of a footage; the files are the keys of the JSON object."""

    keys: Mapping[str, str] = field(default_factory=dict)  # by file; empty while it is written
    version: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object: the key of each file."""
        return {**self.keys, **({} if self.version == 1 else {"version": self.version})}

    @classmethod
    def from_json(cls, content: object) -> Self:
        """Read what `to_json` returned.

        Raises:
            ValueError: something else.
        """
        if not isinstance(content, Mapping):
            raise ValueError(f"{cls.__name__} must be an object, got {content!r}")
        keys = {str(file): str(key) for file, key in content.items() if file != "version"}
        return cls(keys, int(content.get("version", 1)))


RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True, slots=True)
class Stage(Generic[RecordT]):
    """A stage of a project, or of each of its footages."""

    record: type[RecordT]
    name: str  # in project.json; of a stage per footage, what is before the footage's name
    command: str  # that runs it
    per_footage: bool = True

    def key(self, footage: str | None = None) -> str:
        """Return the key of the record in ``project.json``.

        Raises:
            ValueError: the stage is one per footage and none is named, or the other way round.
        """
        if (footage is not None) != self.per_footage:
            raise ValueError(f"footage must be named if {self.name!r} has one, got {footage!r}")
        return self.name if footage is None else f"{self.name}{footage}"

    def footage_of(self, key: str) -> str | None:
        """Return the footage whose record has this key; None of another stage."""
        matches = self.per_footage and key.startswith(self.name)
        return key.removeprefix(self.name) if matches else None


FACES: Final = Stage(FacesRecord, "faces of ", "cluster-faces")
RECORDING: Final = Stage(RecordingRecord, "presence in ", "cluster-faces")
PAIR: Final = Stage(PairRecord, "pair of ", "cluster-faces")
PEOPLE: Final = Stage(PeopleRecord, "people", "cluster-faces", per_footage=False)
TRACKER: Final = Stage(TrackerRecord, "tracker", "train-tracker", per_footage=False)
DETECTIONS: Final = Stage(DetectionsRecord, "detections of ", "track-people")
TRACKS: Final = Stage(TracksRecord, "tracks of ", "track-people")
CROPS: Final = Stage(CropsRecord, "crops of ", "crop-people")
SMILES: Final = Stage(SmilesRecord, "smiles of ", "smile-gifs")
GIFS: Final = Stage(GifsRecord, "smile gifs of ", "smile-gifs")
