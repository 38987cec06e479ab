"""A run is not put to sleep, and a window that is closed waits until the bench is safe."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sensorbench.app.machine import (
    CTRL_BREAK,
    CTRL_C,
    CTRL_CLOSE,
    CTRL_LOGOFF,
    CTRL_SHUTDOWN,
    kept_awake,
    safe_before_the_console_goes,
)
from sensorbench.safety.signals import Stopped, stop_on_signals, unstoppable

ROOT = Path(__file__).parents[2]


class Windows:
    """The two functions as Windows documents them: handlers are called in threads of its own."""

    def __init__(self) -> None:
        self.handlers: list[Callable[[int], bool]] = []
        self.states: list[int] = []
        self.answers: list[tuple[bool, float]] = []
        self.thread = threading.Thread()

    def SetConsoleCtrlHandler(self, handler: Callable[[int], bool], add: bool) -> int:  # noqa: N802
        if add:
            self.handlers.append(handler)
        else:
            self.handlers.remove(handler)
        return 1

    def SetThreadExecutionState(self, flags: int) -> int:  # noqa: N802
        self.states.append(flags)
        return 0x80000000

    def sends(self, event: int) -> None:
        """Send an event: what the handler answers, and after how many s, comes into `answers`."""

        def call() -> None:
            begun = time.monotonic()
            taken = any(handler(event) for handler in reversed(self.handlers))
            self.answers.append((taken, time.monotonic() - begun))

        self.thread = threading.Thread(target=call)
        self.thread.start()


def until_stopped() -> None:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        time.sleep(0.01)
    raise AssertionError("it was not stopped")


@pytest.mark.parametrize("event", [CTRL_CLOSE, CTRL_LOGOFF, CTRL_SHUTDOWN])
def test_windows_waits_until_the_bench_is_safe(event: int) -> None:
    windows, safe_after_s = Windows(), 0.3
    with (  # noqa: PT012
        pytest.raises(Stopped), stop_on_signals(), safe_before_the_console_goes(windows)
    ):  # fmt: skip
        try:
            windows.sends(event)
            until_stopped()
        finally:
            with unstoppable():
                time.sleep(safe_after_s)
                assert windows.answers == []  # it would have ended the program
    windows.thread.join(5)
    ((taken, after_s),) = windows.answers
    assert taken
    assert after_s >= safe_after_s
    assert windows.handlers == []


def test_windows_is_answered_in_time_even_if_the_bench_is_not_safe() -> None:
    windows = Windows()
    with (  # noqa: PT012
        pytest.raises(Stopped), stop_on_signals(),
        safe_before_the_console_goes(windows, within_s=0.2), unstoppable(),
    ):  # fmt: skip
        windows.sends(CTRL_CLOSE)
        windows.thread.join(5)
        assert windows.answers[0][0]
        assert 0.2 <= windows.answers[0][1] < 1.0


@pytest.mark.parametrize("event", [CTRL_C, CTRL_BREAK])
def test_what_python_turns_into_signals_is_left_to_it(event: int) -> None:
    windows = Windows()
    with stop_on_signals(), safe_before_the_console_goes(windows):
        windows.sends(event)
        windows.thread.join(5)
    assert windows.answers[0][0] is False


def test_windows_is_told_that_the_system_is_needed_and_no_more_afterwards() -> None:
    windows = Windows()
    with kept_awake("a run", windows) as problem:
        assert problem == ""
        # ES_CONTINUOUS | ES_SYSTEM_REQUIRED of SetThreadExecutionState
        assert windows.states == [0x80000001]
    assert windows.states == [0x80000001, 0x80000000]


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


posix = pytest.mark.skipif(os.name != "posix", reason="programs of POSIX")
INHIBIT = 'echo "$@" >> {log}; while [ "$1" != cat ]; do shift; done; "$@"; echo gone >> {log}'


@posix
def test_linux_is_kept_awake_as_long_as_it_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    program(tmp_path, "systemd-inhibit", INHIBIT.format(log=log))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with kept_awake("a run on bench 1", platform="linux") as problem:
        assert problem == ""
        assert "--what=sleep:idle:handle-lid-switch --mode=block" in log.read_text()
        assert "--why=a run on bench 1" in log.read_text()
        assert "gone" not in log.read_text()


_ENDED = """
import os, sys
from sensorbench.app.machine import kept_awake
with kept_awake("a run", platform="linux") as problem:
    print(problem or "awake", flush=True)
    sys.stdin.read()
"""


@posix
def test_a_program_that_is_killed_keeps_nothing_awake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    program(tmp_path, "systemd-inhibit", INHIBIT.format(log=log))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    run = subprocess.Popen(
        [sys.executable, "-c", _ENDED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "awake\n"
    run.send_signal(signal.SIGKILL)
    run.communicate()
    end = time.monotonic() + 5
    while "gone" not in log.read_text():
        assert time.monotonic() < end
        time.sleep(0.02)


@posix
@pytest.mark.parametrize(
    ("there", "said"),
    [("exit 1", "systemd-inhibit did not allow it"), ("", "there is no systemd-inhibit")],
)
def test_what_may_fall_asleep_is_told(
    there: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if there:
        program(tmp_path, "systemd-inhibit", there)
    monkeypatch.setenv("PATH", str(tmp_path))
    with kept_awake("a run", platform="linux") as problem:
        assert said in problem


@posix
def test_macos_is_kept_awake_by_its_own_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    program(tmp_path, "caffeinate", f'echo "$@" >> {log}; exec sleep 30')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with kept_awake("a run", platform="darwin") as problem:
        assert problem == ""
        end = time.monotonic() + 5
        while not log.exists() and time.monotonic() < end:
            time.sleep(0.02)
    assert log.read_text() == f"-i -s -w {os.getpid()}\n"


def test_the_pipeline_of_windows_takes_the_test_command_of_the_readme() -> None:
    text = (ROOT / ".github" / "workflows" / "windows.yml").read_text(encoding="utf-8")
    pattern = re.search(r"-notmatch '(.+)'\)", text)
    assert pattern is not None
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(pattern[1], readme)
    assert found is not None
    assert found[1].startswith("python3.11 -m venv .venv && ")
    assert found[1].endswith("worksteal")
