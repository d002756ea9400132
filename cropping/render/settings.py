"""Settings of `crop-people`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cropping.camera.follow import CameraSettings
from cropping.camera.window import WindowSettings
from cropping.camera.windows import AbsentName
from cropping.render.encoder import EncoderSettings

OthersName = Literal["show", "blur"]


@dataclass(frozen=True, slots=True)
class CropSettings:
    """Settings of `crop-people`.

    Args:
        window: size and framing of the crop windows.
        camera: path planning of the camera.
        absent: window while the person is absent.
        others: whether to show or blur other people's faces.
        encoder: H.264 encoder and quality.
        only_present: also write a best-of of the intervals with the person.
        smiles: score smiles in the same decode, for the timeline and for smile-gifs.
        people: names of the people to crop, empty for all.
        threads: processor cores to use, 0 for all.
        force: render finished videos again.
    """

    window: WindowSettings = field(default_factory=WindowSettings)
    camera: CameraSettings = field(default_factory=CameraSettings)
    absent: AbsentName = "wide"
    others: OthersName = "show"
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    only_present: bool = False
    smiles: bool = True
    people: tuple[str, ...] = ()
    threads: int = 0
    force: bool = False

    def video_key(self) -> str:
        """Return a text of all settings that a video's content depends on, for its cache key."""
        key = repr((self.window, self.camera, self.absent, self.others, self.encoder))
        # Use the former name of the class, so that videos of earlier versions keep their keys.
        return key.replace("PathSettings(", "Operator(")
