"""Records of finished stages, and their keys in ``project.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Self, TypeVar

from data.project.record import Record, SettingsValues

Spans = tuple[tuple[float, float], ...]
"""Start and end of each interval, in seconds."""


@dataclass(frozen=True, slots=True)
class ContentRecord(Record):
    """Content of a footage, by which it is recognised after a move."""

    size_bytes: int
    digest: str  # of parts of the file


@dataclass(frozen=True, slots=True)
class FacesRecord(Record):
    """Inputs and settings of the faces table of a footage."""

    version: int
    kind: str  # video, images or image
    size_bytes: int
    every_s: float  # interval of sampled frames, in seconds
    detector: str
    backend: str
    min_face_px: float | None
    upsample: int | None
    spans: Spans | None = None  # sampled intervals; None for the whole footage
    embedder: str = "dlib"
    video_stream: int | None = None  # chosen by the user, from 1


@dataclass(frozen=True, slots=True)
class RecordingRecord(Record):
    """Intervals in which a paired recording is on air, and the settings that they depend on."""

    version: int
    size_bytes: int
    shortest_s: float
    frozen_s: float | None
    on: Spans


@dataclass(frozen=True, slots=True)
class OffsetRecord(Record):
    """Start of the second recording of a pair, relative to the start of the first."""

    seconds: float
    told_by: str  # source: the option or the metadata
    starts: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class PairRecord(Record):
    """Two recordings of one lesson; stored under the name of the first."""

    names: tuple[str, str]  # of the footages
    offset: OffsetRecord
    later_s: float  # from the first frame of the first recording to that of the second
    on: tuple[Spans, Spans]
    version: int = 1


@dataclass(frozen=True, slots=True)
class PeopleRecord(Record):
    """Inputs and settings of the people, their folder and the dataset."""

    version: int
    faces: Mapping[str, FacesRecord]  # by footage
    grouping: SettingsValues
    label_margin: float  # margin of a label on each side, as a share of the face size
    names: Mapping[int, str]
    decisions: str = ""  # key of the applied decisions
    stopped: bool = False  # the output is incomplete


@dataclass(frozen=True, slots=True)
class TrackerRecord(Record):
    """Inputs and settings of the trained detector."""

    version: int
    person_id: tuple[int, ...]  # of each class
    dataset: str  # key
    weights: str  # key of the initial weights
    epochs: int | None
    imgsz: int | None
    batch: int | None
    seed: int


@dataclass(frozen=True, slots=True)
class DetectionsRecord(Record):
    """Inputs and settings of the detections in a footage."""

    version: int
    size_bytes: int
    every_nth: int
    model: str  # key; empty without a trained detector
    video_stream: int | None = None  # chosen by the user, from 1
    bodies: str = ""  # key of the body detector; empty for none


@dataclass(frozen=True, slots=True)
class TracksRecord(Record):
    """Inputs and settings of the tracks in a footage."""

    detections: DetectionsRecord
    naming: SettingsValues  # settings of linking
    label_margin: float
    classes: tuple[int, ...]  # person id of each class of the detector
    faces: str  # key of the assignment of faces to people
    names: Mapping[int, str]
    version: int = 1
    training: bool | None = None  # chosen by the user: with the trained detector, or without


@dataclass(frozen=True, slots=True)
class CropsRecord(Record):
    """Settings of the videos of a footage."""

    version: int
    settings: str
    others: str  # treatment of other people in a video
    everybody: bool = False  # a run without --person wrote the video of each person


@dataclass(frozen=True, slots=True)
class SmilesRecord(Record):
    """Inputs of the smiles table of a footage."""

    version: int
    model: str  # key
    tracks: str  # key


@dataclass(frozen=True, slots=True)
class GifsRecord(Record):
    """GIFs of a footage; the keys of the JSON object are file names."""

    keys: Mapping[str, str] = field(default_factory=dict)  # by file name; "" while it is written
    version: int = 1
    merges: str = ""  # merges among the people of the footage, such as "2>3"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object: keys by file name."""
        others = {"version": self.version if self.version != 1 else "", "merges": self.merges}
        return {**self.keys, **{key: value for key, value in others.items() if value}}

    @classmethod
    def from_json(cls, content: object) -> Self:
        """Read a JSON object that `to_json` returned.

        Raises:
            ValueError: the content is not an object.
        """
        if not isinstance(content, Mapping):
            raise ValueError(f"{cls.__name__} must be an object, got {content!r}")
        others = ("version", "merges")
        keys = {str(file): str(key) for file, key in content.items() if file not in others}
        return cls(keys, int(content.get("version", 1)), str(content.get("merges", "")))


RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True, slots=True)
class Stage(Generic[RecordT]):
    """A stage that runs once per project or once per footage."""

    record: type[RecordT]
    name: str  # key in project.json; for a stage per footage, its prefix
    command: str  # command that runs the stage
    per_footage: bool = True

    def key(self, footage: str | None = None) -> str:
        """Return the key of the record in ``project.json``.

        Raises:
            ValueError: a stage per footage without a footage, or vice versa.
        """
        if (footage is not None) != self.per_footage:
            raise ValueError(
                f"footage must be set only for stages per footage: {self.name!r} got {footage!r}"
            )
        return self.name if footage is None else f"{self.name}{footage}"

    def footage_of(self, key: str) -> str | None:
        """Return the footage of a record's key; None for a key of another stage."""
        matches = self.per_footage and key.startswith(self.name)
        return key.removeprefix(self.name) if matches else None


CONTENT: Final = Stage(ContentRecord, "content of ", "cluster-faces")
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
FOOTAGE_STAGES: Final[tuple[Stage[Any], ...]] = (
    CONTENT,
    FACES,
    RECORDING,
    DETECTIONS,
    TRACKS,
    CROPS,
    SMILES,
    GIFS,
)
"""Stages with a record per footage; that of a pair is under the name of its first footage."""
