"""What a person asks of a run from another terminal: pause it, go on, end it.

The rules:
- A run says in the state folder that it goes on there; who asks leaves a file beside it, whole or
  not at all. The run looks a few times a second, takes the file away and acts on it.
- A wish is for one run by its id: one that came too late is not the next run's.
- Where the folder can't be written a run goes on without; only nobody can ask anything of it.
"""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from sensorbench.core.errors import BenchError, InputError
from sensorbench.station.locks import Held, file_name, held, run_key, state_folder

Kind = Literal["pause", "hold", "go on", "abort"]
_LOOK_S = 0.25
_EVERYBODY = 0o666


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a run, by whom and why; `hold` holds the bench as it is for `longest_s`."""

    run: str
    kind: Kind
    by: str
    because: str = ""
    longest_s: float = 0.0


def _place(workspace: Path, suffix: str) -> Path:
    return (state_folder() / file_name(run_key(workspace))).with_suffix(suffix)


class Wishes:
    """The wishes for one run, while it goes on. `close` says that it no longer does."""

    def __init__(self, workspace: Path, run: str) -> None:
        self._run, self._looked_s = run, 0.0
        self._thread = threading.current_thread()
        self._wish: Path | None = None
        self._said: Path | None = None
        with suppress(BenchError, OSError):
            self._wish, self._said = _place(workspace, ".wish"), _place(workspace, ".run")
            _write(self._said, {"run": run, "pid": os.getpid()})

    def look(self) -> Wish | None:
        """Return what is asked for now. In other threads than the run's own nothing is."""
        now = time.monotonic()
        if self._wish is None or now - self._looked_s < _LOOK_S:
            return None
        if threading.current_thread() is not self._thread:
            return None
        self._looked_s = now
        try:
            told = json.loads(self._wish.read_text(encoding="utf-8"))
            self._wish.unlink()
            wish = Wish(**told)
        except (OSError, ValueError, TypeError):
            return None
        return wish if wish.run == self._run else None

    def close(self) -> None:
        """Say that the run does not go on here any more."""
        for path in (self._wish, self._said):
            if path is not None:
                with suppress(OSError):
                    path.unlink()


def running(workspace: Path) -> str:
    """Return the run that goes on in a workspace just now, "" where none does."""
    try:
        with held([run_key(workspace)], "is a run going on?"):
            return ""
    except Held:
        pass
    try:
        told = json.loads(_place(workspace, ".run").read_text(encoding="utf-8"))
        return str(told["run"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def ask(workspace: Path, wish: Wish) -> None:
    """Leave a wish for the run that goes on. Raises InputError where it does not."""
    there = running(workspace)
    if there != wish.run:
        text = f"does not go on just now{f': {there} does' if there else ''}"
        raise InputError.one(wish.kind, wish.run, text)
    try:
        _write(_place(workspace, ".wish"), asdict(wish))
    except OSError as error:
        why = error.strerror or str(error)
        raise BenchError(f"{wish.run} can't be asked: {error.filename}: {why}") from None


def _write(path: Path, told: object) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(told), encoding="utf-8")
    part.chmod(_EVERYBODY)
    part.replace(path)
