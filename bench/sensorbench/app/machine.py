"""The machine under a run: kept awake while it is on, and its console not closed before it is safe.

Only means that each system has itself. Unproven on Windows and macOS until the windows-latest
pipeline and a Mac have run it.
"""

from __future__ import annotations

import ctypes
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol, cast

from sensorbench.safety.signals import urgent
from sensorbench.station.detaching import detached

SAFE_WITHIN_S = 5.0
"""So long Windows lets a program live whose console closes or whose user logs off, s."""
_TAKES_S = 3.0

# Console control events (learn.microsoft.com/windows/console/handlerroutine).
CTRL_C, CTRL_BREAK, CTRL_CLOSE, CTRL_LOGOFF, CTRL_SHUTDOWN = 0, 1, 2, 5, 6
# SetThreadExecutionState (winbase.h).
_CONTINUOUS, _SYSTEM_REQUIRED = 0x8000_0000, 0x0000_0001

Handler = Callable[[int], bool]


class Kernel32(Protocol):
    """What is used of Windows; tests have one of their own."""

    def SetConsoleCtrlHandler(self, handler: Handler, add: bool) -> int: ...  # noqa: N802
    def SetThreadExecutionState(self, flags: int) -> int: ...  # noqa: N802


# -- the console ---------------------------------------------------------------------------------


@contextmanager
def safe_before_the_console_goes(
    kernel: Kernel32 | None = None, within_s: float = SAFE_WITHIN_S
) -> Iterator[None]:
    """Stop the work inside when Windows is about to end the program, and hold that off meanwhile.

    Ctrl-C and Ctrl-Break are left to Python's own signals. A closed window, a log-off and a
    shutdown raise `Stopped` in the main thread as Ctrl-C does; Windows is not answered before the
    work inside has ended, or `within_s` is over: it ends the program upon the answer. On other
    systems signals do this, and nothing is done here.
    """
    windows = kernel or _kernel32()
    if windows is None:
        yield
        return
    ended = threading.Event()

    def came(event: int) -> bool:
        if event not in {CTRL_CLOSE, CTRL_LOGOFF, CTRL_SHUTDOWN}:
            return False  # the next handler is Python's
        urgent()  # this is a thread of Windows' own
        ended.wait(within_s)
        return True

    handler = _callback(came)  # kept as long as Windows may call it
    windows.SetConsoleCtrlHandler(handler, True)
    try:
        yield
    finally:
        ended.set()  # before it is taken away, which waits for one that is being called
        windows.SetConsoleCtrlHandler(handler, False)


def _kernel32() -> Kernel32 | None:
    """Return Windows' own functions, None on other systems."""
    found: Any = getattr(ctypes, "windll", None)
    return cast("Kernel32", found.kernel32) if found is not None else None


def _callback(function: Handler) -> Handler:
    """Return a function as Windows can call it."""
    make: Any = getattr(ctypes, "WINFUNCTYPE", None)
    if make is None:
        return function
    return cast("Handler", make(ctypes.c_int, ctypes.c_ulong)(function))


# -- sleep ---------------------------------------------------------------------------------------


@contextmanager
def kept_awake(
    why: str, kernel: Kernel32 | None = None, platform: str = sys.platform
) -> Iterator[str]:
    """Keep the machine from falling asleep while the work inside goes on.

    Gives "" where it is kept awake, else in words why it may fall asleep. Linux: an inhibitor of
    systemd, which holds a laptop's lid off, too. macOS: caffeinate. Windows: the execution state;
    its lid and its power button still send it to sleep. Whatever is held ends with this program.
    """
    windows = kernel or _kernel32()
    if windows is not None:
        taken = windows.SetThreadExecutionState(_CONTINUOUS | _SYSTEM_REQUIRED)
        try:
            yield "" if taken else "Windows did not take it"
        finally:
            windows.SetThreadExecutionState(_CONTINUOUS)
        return
    holder, problem = _holder(why, platform)
    try:
        yield problem
    finally:
        if holder is not None:
            _let_go(holder)


def _holder(why: str, platform: str) -> tuple[subprocess.Popen[bytes] | None, str]:
    """Start the program that keeps the machine awake; return it, or in words why there is none."""
    if platform == "darwin":
        words = ["caffeinate", "-i", "-s", "-w", str(os.getpid())]
    else:
        what = "--what=sleep:idle:handle-lid-switch"
        # It holds as long as cat runs, which ends with the pipe to it, and so with this program.
        words = [
            "systemd-inhibit",
            what,
            "--mode=block",
            "--who=sensorbench",
            f"--why={why}",
            "cat",
        ]
    try:
        holder = subprocess.Popen(  # noqa: S603 - words of ours, and no shell
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            **detached(leaves_job=False),
        )
    except OSError:
        return None, f"there is no {words[0]} on this machine"
    if platform != "darwin" and not _echoes(holder):
        _let_go(holder)
        return None, f"{words[0]} did not allow it"
    return holder, ""


def _echoes(holder: subprocess.Popen[bytes]) -> bool:
    """Return whether what comes after the inhibitor runs: only then it was taken."""
    assert holder.stdin is not None  # noqa: S101 - both are pipes
    assert holder.stdout is not None  # noqa: S101
    with suppress(OSError):
        holder.stdin.write(b"\n")
        holder.stdin.flush()
        ready, _, _ = select.select([holder.stdout], [], [], _TAKES_S)
        return bool(ready) and holder.stdout.read(1) == b"\n"
    return False


def _let_go(holder: subprocess.Popen[bytes]) -> None:
    for pipe in (holder.stdin, holder.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    with suppress(OSError):
        holder.terminate()
    with suppress(subprocess.TimeoutExpired):
        holder.wait(_TAKES_S)
