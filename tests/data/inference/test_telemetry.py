"""No telemetry: usage reporting of libraries is switched off before their import."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import socket, sys
import numpy as np

def refuse(*args, **kwargs):
    raise AssertionError("something tried to reach the network")

socket.socket.connect = refuse
socket.getaddrinfo = refuse
from clustering.faces.networks.graph_cache import load_network

network = load_network("detector", runtime=sys.argv[1])
network(np.zeros((1, 3, 120, 120), np.float32))
loaded = [name for name, module in sys.modules.items() if "telemetry" in name and module]
harmless = ("openvino.tools.ovc.telemetry_", "data.inference.telemetry")
loaded = [name for name in loaded if not name.startswith(harmless)]
assert not loaded, loaded
"""


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_running_a_network_sends_nothing(runtime: str, tmp_path: Path) -> None:
    if runtime == "openvino" and importlib.util.find_spec("openvino") is None:
        pytest.skip("OpenVINO is not installed here")
    command = [sys.executable, "-c", _SCRIPT, runtime]
    home = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    home.pop("ORT_DISABLE_TELEMETRY", None)
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=home
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["fancam"]
