"""How a failure is told to the person at the bench, and with which exit code."""

from __future__ import annotations

import typer

from sensorbench.core.errors import BenchError, EvidenceError, InputError
from sensorbench.core.operator import OperatorAbsent
from sensorbench.safety.limits import SafetyStop

BAD_INPUT, DEVICE_FAILED, STOPPED_BY_SAFETY, PARKED, NOT_SAFE, OUR_FAULT = 2, 3, 4, 5, 9, 70

UNSAFE = "NOT SAFE"
"""How a note begins that says what could not be made safe."""


def _our_fault(error: Exception) -> int:
    """Say that the program itself failed; SENSORBENCH_DEBUG shows where."""
    import os  # noqa: PLC0415 - only on errors
    import traceback  # noqa: PLC0415

    if os.environ.get("SENSORBENCH_DEBUG"):
        traceback.print_exception(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.filename.rpartition('sensorbench')[2]}:{frame.lineno}"
    typer.echo(
        f"a fault of sensorbench itself: {type(error).__name__}: {error} (at {place}). "
        "Set SENSORBENCH_DEBUG=1 to see more, and report it.",
        err=True,
    )
    for line in getattr(error, "__notes__", ()):
        typer.echo(line, err=True)
    return OUR_FAULT


def is_unsafe(error: BaseException) -> bool:
    """Return whether something could not be made safe when this ended a run."""
    return any(note.startswith(UNSAFE) for note in getattr(error, "__notes__", ()))


def report_failure(error: Exception) -> int:
    """Print what happened and return the exit code: whose fault it is, above all if not safe."""
    code = _told(error)
    return NOT_SAFE if is_unsafe(error) else code


def _told(error: Exception) -> int:
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"{where}{error.strerror or error}", err=True)
        return BAD_INPUT
    if isinstance(error, OperatorAbsent):
        typer.echo(str(error), err=True)
        return BAD_INPUT
    if not isinstance(error, BenchError):
        return _our_fault(error)
    for line in (str(error), *getattr(error, "__notes__", ())):
        typer.echo(line, err=True)
    if isinstance(error, InputError | EvidenceError):
        return BAD_INPUT
    if isinstance(error, SafetyStop):
        return STOPPED_BY_SAFETY
    return DEVICE_FAILED
