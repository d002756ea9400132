"""What `crop-people` can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cropping.camera.window import WindowSettings
from cropping.camera.windows import AbsentName, CameraSettings
from cropping.render.encoder import EncoderSettings

OthersName = Literal["show", "blur"]


@dataclass(frozen=True, slots=True)
class CropSettings:
    """What `crop-people` can be told.

    Args:
        window: what is cut out.
        camera: how it moves.
        absent: what is shown while the person is not there.
        others: what becomes of everybody else.
        encoder: how pictures are encoded.
        only_present: whether to write a video of just the parts with the person too.
        smiles: whether to look who smiles meanwhile, for the timeline and for smile-gifs.
        people: names; empty for everybody.
        threads: processor cores to use, 0 all.
        force: do again what is done.
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

    def of_video(self) -> str:
        """Everything that a video's content depends on."""
        return repr((self.window, self.camera, self.absent, self.others, self.encoder))
