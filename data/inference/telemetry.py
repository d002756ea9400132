"""Disable the telemetry of libraries, so that nothing leaves the user's machine."""

from __future__ import annotations

import os
import sys


def silence_openvino() -> None:
    """Stop ``import openvino`` from sending an event; call before the import.

    OpenVINO uses its own stub if the package ``openvino_telemetry`` cannot be imported.
    """
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


def silence_onnxruntime() -> None:
    """Stop ONNX Runtime from reporting its use; call before ``import onnxruntime``.

    Linux builds create an identifier of the machine on import, Windows builds report events.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
