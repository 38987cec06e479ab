"""A screen that goes away or is held: the run goes on, and its exit code says the worst."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensorbench.app.screen import Apart
from sensorbench.run.progress import Status

from .ports import one_session
from .served import PROGRAM, Served, served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")

OFTEN = """
import sys
from sensorbench.run import runner
from sensorbench.app import display, main
runner._PROGRESS_S, display._LINE_EVERY_S = 0.5, 0.0
main.main()
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as there:
        yield there


def begun(bench: Served, *, out: int) -> subprocess.Popen[bytes]:
    """Start a run that shows its progress often, and return once it holds."""
    program = subprocess.Popen(
        [sys.executable, "-c", OFTEN, "run", "profiles/bake.toml", "--lot", "a"],
        cwd=bench.root, stdout=out, stderr=out,
    )  # fmt: skip
    bench.programs.append(program)  # type: ignore[arg-type]
    os.close(out)
    end = time.monotonic() + 30
    while not (there := bench.journals()) or '"kind":"monitor"' not in there[-1].read_text("utf-8"):
        assert time.monotonic() < end
        assert program.poll() is None
        time.sleep(0.05)
    return program


@pytest.mark.chaos
def test_a_reader_that_is_gone_ends_no_run(bench: Served) -> None:
    reader, writer = os.pipe()
    program = begun(bench, out=writer)
    os.close(reader)
    time.sleep(3.0)
    assert program.poll() is None
    assert bench.is_on()
    program.send_signal(signal.SIGTERM)
    assert program.wait(30) == 128 + signal.SIGTERM
    ended = json.loads(bench.journals()[-1].read_text("utf-8").splitlines()[-1])
    assert ended["data"]["state"] == "interrupted"


@pytest.mark.chaos
@pytest.mark.slow
def test_what_is_not_safe_has_its_exit_code_where_nobody_reads(bench: Served) -> None:
    with one_session(bench, "psu", 0.1) as psu:
        reader, writer = os.pipe()
        program = begun(bench, out=writer)
        os.close(reader)
        psu.is_mute = True
        end = time.monotonic() + 60
        while program.poll() is None:  # and whatever comes until it is gone
            assert time.monotonic() < end
            program.send_signal(signal.SIGTERM)
            time.sleep(0.005)
        assert program.returncode == 9


def test_a_program_without_a_screen_works(bench: Served) -> None:
    words = " ".join([*PROGRAM, "safe", ">&-", "2>&-"])
    done = subprocess.run(["sh", "-c", words], cwd=bench.root, check=False)
    assert done.returncode == 0


def test_a_terminal_that_is_held_holds_up_no_run() -> None:
    goes_on = threading.Event()

    class Held:
        def show(self, status: Status) -> None:
            goes_on.wait(30)

    apart = Apart(Held())
    began = time.monotonic()
    for step in range(1000):
        apart.show(Status(step, 1000, "hold", 0.0, {}))
    apart.close()
    assert time.monotonic() - began < 5.0
    goes_on.set()
