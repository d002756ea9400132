"""Networks and threads: first inferences side by side, and signals after a network is gone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from data.inference.runtime import available_runtimes

TIMEOUT_S = 60

MODEL = """
import os, signal, sys, threading, time
import numpy as np
import onnx
from onnx import TensorProto, helper
from data.inference.runtime import runtime_named

value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4])
graph = helper.make_graph(
    [helper.make_node("Identity", ["x"], ["y"])], "g", [value("x")], [value("y")]
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
start = runtime_named(sys.argv[1])
"""

SIDE_BY_SIDE = """
sys.setswitchinterval(1e-6)
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

FREED_ELSEWHERE = """
networks = [start(model.SerializeToString(), 1) for _ in range(4)]
for network in networks:
    network(np.ones((1, 4), np.float32))
del network
freeing = threading.Thread(target=networks.clear)
freeing.start()
freeing.join()
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(30)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("runtime", available_runtimes())
@pytest.mark.parametrize("attempt", range(3))
def test_first_inferences_side_by_side_end(runtime: str, attempt: int) -> None:
    """OpenVINO's table of types, created by two threads, hung one process in twenty-five."""
    command = [sys.executable, "-c", MODEL + SIDE_BY_SIDE, runtime]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    assert done.stdout.strip() == str([4.0] * 8), attempt


@pytest.mark.skipif(sys.platform == "win32", reason="no signal is sent to a process there")
@pytest.mark.parametrize("runtime", available_runtimes())
def test_ctrl_c_after_a_network_was_freed_by_another_thread(runtime: str) -> None:
    """OpenVINO left a freed signal stack behind: the process ended by a segmentation fault."""
    command = [sys.executable, "-c", MODEL + FREED_ELSEWHERE, runtime]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "interrupted"), done.stderr
