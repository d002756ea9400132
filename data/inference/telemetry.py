"""Disable the telemetry of libraries: nothing leaves the user's machine."""

from __future__ import annotations

import os
import sys


def silence_openvino() -> None:
    """Keep ``import openvino``, which sends an event by itself, from sending anything.

    OpenVINO takes its own stub where the package ``openvino_telemetry`` cannot be imported.
    """
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


def silence_onnxruntime() -> None:
    """Keep ONNX Runtime from reporting its use; call it before ``import onnxruntime``.

    Builds for Linux make an identifier of the machine as soon as they are imported, builds for
    Windows report events.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
