"""How a failure is told to the person at the bench, and with which exit code."""

from __future__ import annotations

import typer

from sensorbench.core.errors import BenchError, EvidenceError, InputError
from sensorbench.safety.interlocks import SafetyStop

BAD_INPUT, DEVICE_FAILED, STOPPED_BY_SAFETY = 2, 3, 4


def report_failure(error: Exception) -> int:
    """Print what happened and return the exit code. Raises `error` again if it is not ours."""
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"{where}{error.strerror or error}", err=True)
        return BAD_INPUT
    if not isinstance(error, BenchError):
        raise error
    for line in (str(error), *getattr(error, "__notes__", ())):
        typer.echo(line, err=True)
    if isinstance(error, InputError | EvidenceError):
        return BAD_INPUT
    if isinstance(error, SafetyStop):
        return STOPPED_BY_SAFETY
    return DEVICE_FAILED
