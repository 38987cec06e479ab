"""A process that must survive its parent: nothing that ends the parent's session ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sensorbench.station.detaching import detached

_PARENT = """
import signal, subprocess, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may ignore it (nohup)
from sensorbench.station.detaching import detached
code = "import os, time; print(os.getpid(), os.getsid(0), flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", code], stdout=open(sys.argv[1], "w"), **detached())
import time; time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="sessions and process groups are of POSIX")
def test_the_whole_terminal_may_go_and_it_lives_on(tmp_path: Path) -> None:
    said = tmp_path / "said"
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, said], start_new_session=True)
    while not (said.exists() and said.read_text().endswith("\n")):
        assert parent.poll() is None, "the parent ended before it had started anything"
        time.sleep(0.02)
    pid, session = map(int, said.read_text().split())
    try:
        os.killpg(parent.pid, signal.SIGHUP)  # as a closed terminal does to all of its session
        parent.wait(10)
        assert session == pid
        os.kill(pid, 0)  # it is there
    finally:
        os.kill(pid, signal.SIGKILL)


def test_on_windows_it_leaves_console_group_and_job() -> None:
    flags = detached(platform="win32")["creationflags"]
    # DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP, CREATE_BREAKAWAY_FROM_JOB of "Process Creation
    # Flags", learn.microsoft.com/windows/win32/procthread/process-creation-flags.
    assert flags == 0x00000008 | 0x00000200 | 0x01000000
    # A job without JOB_OBJECT_LIMIT_BREAKAWAY_OK refuses the last.
    assert detached(leaves_job=False, platform="win32")["creationflags"] == 0x208


@pytest.mark.skipif(sys.platform != "win32", reason="subprocess has them on Windows only")
def test_the_flags_are_those_of_the_standard_library() -> None:
    assert detached()["creationflags"] == (
        getattr(subprocess, "DETACHED_PROCESS")  # noqa: B009 - typed for Windows only
        | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP")  # noqa: B009
        | getattr(subprocess, "CREATE_BREAKAWAY_FROM_JOB")  # noqa: B009
    )
