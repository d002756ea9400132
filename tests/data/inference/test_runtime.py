"""Networks that several threads run for the first time at the same moment."""

from __future__ import annotations

import subprocess
import sys

import pytest

from data.inference.runtime import available_runtimes

TIMEOUT_S = 60

CHILD = """
import sys, threading
import numpy as np
import onnx
from onnx import TensorProto, helper
from data.inference.runtime import runtime_named

sys.setswitchinterval(1e-6)
value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4])
graph = helper.make_graph(
    [helper.make_node("Identity", ["x"], ["y"])], "g", [value("x")], [value("y")]
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
start = runtime_named(sys.argv[1])
networks = [start(model.SerializeToString(), 1) for _ in range(8)]
barrier, sums = threading.Barrier(8), []

def run(network):
    barrier.wait()
    sums.append(float(network(np.ones((1, 4), np.float32)).sum()))

threads = [threading.Thread(target=run, args=(network,)) for network in networks]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sums)
"""


@pytest.mark.parametrize("runtime", available_runtimes())
@pytest.mark.parametrize("attempt", range(3))
def test_first_inferences_side_by_side_end(runtime: str, attempt: int) -> None:
    """OpenVINO's table of types, created by two threads, hung one process in twenty-five."""
    command = [sys.executable, "-c", CHILD, runtime]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    assert done.stdout.strip() == str([4.0] * 8), attempt
