"""Ctrl-C in a process of its own: it is never lost, and a clean-up is not disturbed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.posix import needs_signals

pytestmark = needs_signals

START = """
import gc, os, signal, sys, time, weakref
from contextlib import contextmanager
from data.command.command import run
from data.command.interrupts import until_interrupt

def press():
    signal.raise_signal(signal.SIGINT)

def work(until_s=30):
    end_s = time.monotonic() + until_s
    while time.monotonic() < end_s:
        time.sleep(0.01)
    print("worked to the end")
    return 0
"""

LOST = {
    "finalizer": """
class Owner:
    def __del__(self):
        press()

def command():
    Owner()
    return work()
""",
    "callback of a weak reference": """
class Owner: ...

def command():
    owner = Owner()
    reference = weakref.ref(owner, lambda _: press())
    del owner
    return work()
""",
    "collection of garbage, twice": """
class Owner:
    def __init__(self):
        self.itself = self
    def __del__(self):
        press()

def command():
    Owner()
    gc.collect()
    Owner()
    gc.collect()
    return work()
""",
    "blocked system call": """
class Owner:
    def __del__(self):
        press()

def command():
    Owner()
    os.read(os.pipe()[0], 1)
""",
    "handler of all errors": """
def command():
    try:
        press()
    except:
        pass
    return work()
""",
}


def ended(code: str) -> subprocess.CompletedProcess[str]:
    """Run `command` of a script as a command of fancam."""
    script = START + code + '\nsys.exit(run("stage", command))'
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("case", LOST)
def test_a_lost_ctrl_c_is_raised_again(case: str) -> None:
    done = ended(LOST[case])
    assert done.returncode == 130, done.stderr
    assert done.stderr == "stage: stopped; run the same command again to resume\n"
    assert "to the end" not in done.stdout


CLEANED: dict[str, str] = {
    "finally": """
def command():
    try:
        press()
    finally:
        press()
        work(0.2)
""",
    "context manager": """
@contextmanager
def place():
    try:
        yield
    finally:
        press()
        work(0.2)

def command():
    with place():
        press()
""",
    "another error in between": """
def command():
    try:
        press()
    except KeyboardInterrupt as key:
        try:
            raise ValueError from None
        except ValueError:
            press()
            work(0.2)
        raise
""",
    "generator that is closed on the way": """
def frames():
    try:
        yield 1
    finally:
        press()
        work(0.2)

def consume():
    for _ in frames():
        press()

def command():
    consume()
""",
    "error of C code in its place": """
def command():
    try:
        try:
            press()
        except KeyboardInterrupt:
            pass
        raise KeyboardInterrupt
    finally:
        work(0.2)
""",
    "finalizer, and its clean-up": """
class Owner:
    def __del__(self):
        press()

def command():
    Owner()
    try:
        work()
    finally:
        press()
        work(0.2)
""",
}


@pytest.mark.parametrize("case", CLEANED)
def test_more_of_them_do_not_disturb_the_clean_up(case: str) -> None:
    done = ended(CLEANED[case])
    assert done.returncode == 130, done.stderr
    assert done.stdout == "worked to the end\n"
    assert done.stderr == "stage: stopped; run the same command again to resume\n"


FAILING_CLEAN_UP: dict[str, str] = {
    "of the command": """
def command():
    clean_up_that_fails()
""",
    "of the work on one footage of two": """
def command():
    failures = Failures()
    failures.expect(2)
    with failures.guard(Path("a.mp4")):
        clean_up_that_fails()
    return work()
""",
    "of a block that Ctrl-C ends": """
def command():
    with until_interrupt():
        clean_up_that_fails()
    raise KeyboardInterrupt
""",
}


@pytest.mark.parametrize("case", FAILING_CLEAN_UP)
def test_a_clean_up_that_fails(case: str) -> None:
    """As of `shutil.rmtree`, which Ctrl-C can make close a folder twice."""
    code = """
from pathlib import Path
from data.execution.failures import Failures

def clean_up_that_fails():
    try:
        press()
    finally:
        os.close(9999)
"""
    done = ended(code + FAILING_CLEAN_UP[case])
    assert (done.returncode, done.stdout) == (130, ""), done.stderr
    assert done.stderr == "stage: stopped; run the same command again to resume\n"


def test_a_block_that_ctrl_c_ends() -> None:
    code = """
def command():
    with until_interrupt():
        press()
    press()
    return work(0.1)
"""
    done = ended(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "worked to the end\n", "")


def test_other_errors_of_finalizers_are_shown_as_before() -> None:
    code = """
class Owner:
    def __del__(self):
        raise ValueError("of a library")

def command():
    Owner()
    return 0
"""
    done = ended(code)
    assert done.returncode == 0
    assert "Exception ignored" in done.stderr
    assert "ValueError: of a library" in done.stderr
