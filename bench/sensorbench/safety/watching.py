"""Whether a run is watched over: its watchdog holds its lock, and is heard.

The rules:
- A watchdog that was stopped, or hangs, holds its lock for ever and does nothing: whoever sees to
  it ends it, and starts another.
- It is heard by a heart of its own, as its run is by the watchdog. Where nothing is known of that,
  its lock speaks for it.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sensorbench.safety import marks
from sensorbench.safety.heart import Heart, Listener

HEARD_S = 30.0
"""How long a watchdog may be silent between two looks at its run, s."""
_GONE_S = 2.0


@contextmanager
def heard(mark: marks.Mark) -> Iterator[Heart]:
    """Return the heart of the watchdog of a run, which others hear from now on."""
    heart = Heart("watchdog", mark.file.with_suffix(".watchdog"), HEARD_S)
    told = {"pid": os.getpid(), "beat": heart.place}
    with suppress(OSError):  # a full disk: its lock speaks for it
        mark.heard_file.write_text(json.dumps(told), encoding="utf-8")
    try:
        yield heart
    finally:
        heart.close()


def is_watched(mark: marks.Mark) -> bool:
    """Return whether a watchdog stands by a run, and gets on."""
    return marks.is_locked(mark.watch_file) and _unheard(mark) is None


def end_what_is_not_heard(mark: marks.Mark) -> str:
    """End a watchdog that is there and does nothing; return in words why it can't be, or ""."""
    pid = _unheard(mark) if marks.is_locked(mark.watch_file) else None
    if pid is None:
        return ""
    why = "it does not end"
    try:
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    except OSError as error:
        why = error.strerror or str(error)
    end = time.monotonic() + _GONE_S
    while marks.is_locked(mark.watch_file):
        if time.monotonic() > end:
            return f"its watchdog, process {pid}, does nothing and can't be ended: {why}"
        time.sleep(0.02)
    return ""


def _unheard(mark: marks.Mark) -> int | None:
    """Return the process of a watchdog that broke its promise, None where nothing says so."""
    try:
        told = json.loads(mark.heard_file.read_text(encoding="utf-8"))
        place, pid = Path(told["beat"]), int(told["pid"])
        listener = Listener(str(place))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        return pid if time.monotonic() > listener.last().due else None
    except OSError:
        return None
    finally:
        listener.close()
