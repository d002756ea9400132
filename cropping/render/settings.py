"""Settings of `crop-people`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cropping.camera.window import WindowSettings
from cropping.camera.windows import AbsentName, CameraSettings
from cropping.render.encoder import EncoderSettings

OthersName = Literal["show", "blur"]


@dataclass(frozen=True, slots=True)
class CropSettings:
    """Settings of `crop-people`.

    Args:
        window: size and framing of the crop windows.
        camera: path planning of the camera.
        absent: window while the person is absent.
        others: whether to show or to blur other people's faces.
        encoder: H.264 encoder and quality.
        only_present: also write a video of only the intervals with the person.
        smiles: score smiles in the same decode, for the timeline and for smile-gifs.
        people: names; empty for all.
        threads: processor cores to use, 0 all.
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
        """Return a key of all settings that a video's content depends on."""
        key = repr((self.window, self.camera, self.absent, self.others, self.encoder))
        # The former name of the class: videos of earlier versions keep their key.
        return key.replace("PathSettings(", "Operator(")
