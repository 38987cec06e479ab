"""Starting the process of a simulated world, which outlives the program that starts it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from sensorbench.core.errors import BenchError
from sensorbench.station.detaching import detached
from sensorbench.station.world_record import GO, READY, record_path
from sensorbench.station.world_wire import unpack_error

IDLE_S = 7 * 24 * 3600.0
"""How long a world waits for somebody, s of real time."""
_STARTS_S, _ENDS_S = 60.0, 20.0


def start_world(
    workspace: Path, lots: Sequence[str], start_utc: datetime, idle_s: float = IDLE_S
) -> Callable[[], None]:
    """Start the process of a workspace's world, of its station and these lots' files.

    What is returned waits until it listens, and raises BenchError, or InputError for files that
    can't be used.
    """
    record = record_path(workspace)
    order = {
        "workspace": str(workspace.resolve()), "lots": list(lots), "idle_s": idle_s,
        "start_utc": start_utc.isoformat(), "record": str(record),
    }  # fmt: skip
    words = [sys.executable, "-P", "-m", "sensorbench.station.world_process"]
    process = _started(words, workspace)
    assert process.stdin is not None  # noqa: S101 - asked for
    with suppress(OSError):  # it ended at once: what it said is read later
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
    return partial(_await_start, process, record)


def _await_start(process: subprocess.Popen[bytes], record: Path) -> None:
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
    late = threading.Timer(_STARTS_S, process.kill)
    late.daemon = True
    late.start()
    with process.stdout as out:
        said = out.readline()
        with suppress(OSError), process.stdin as into:
            if said == READY:
                into.write(GO)
        if said == READY:
            said = out.readline()
    late.cancel()
    if said == READY:
        return
    process.wait(_ENDS_S)
    if not said:
        raise BenchError(
            f"the simulated world could not be started (exit code {process.returncode}); "
            f"{record.with_suffix('.log')} says more"
        )
    raise unpack_error(said.rstrip(b"\n"))


def _started(words: Sequence[str], workspace: Path) -> subprocess.Popen[bytes]:
    for leaves_job in (True, False):
        try:
            return subprocess.Popen(  # noqa: S603 - our own program, words of our own
                words,
                cwd=workspace,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                **detached(leaves_job=leaves_job),
            )
        except PermissionError:
            continue  # a job that nobody may leave
        except OSError as error:
            text = f"the simulated world can't be started: {error.strerror or error}"
            raise BenchError(text) from None
    raise BenchError("the simulated world can't be started: permission denied")
