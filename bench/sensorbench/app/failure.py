"""How a failure is told to the person at the bench, and with which exit code."""

from __future__ import annotations

import errno
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

import sensorbench
from sensorbench.app.commands.common import quoted
from sensorbench.core.catalog import Device, devices
from sensorbench.core.errors import BenchError, DriverFault, EvidenceError, InputError
from sensorbench.core.operator import OperatorAbsent
from sensorbench.core.plugins import OURS
from sensorbench.safety.limits import SafetyStop
from sensorbench.safety.marks import Barred

BAD_INPUT, DEVICE_FAILED, STOPPED_BY_SAFETY, PARKED, NOT_SAFE, OUR_FAULT = 2, 3, 4, 5, 9, 70

MACHINE = frozenset({
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENODEV, errno.ENXIO, errno.ESTALE,
    errno.ENOTCONN, errno.EMFILE, errno.ENFILE, errno.ENOMEM,
})  # fmt: skip
"""Errors of a machine, whatever path was typed: its disk is full, read-only, broken or gone."""

UNSAFE = "NOT SAFE"
"""How a note begins that says what could not be made safe."""


def wants_json() -> bool:
    """Return whether whoever typed the command reads JSON, of errors, too."""
    return "--json" in sys.argv[1:]


def is_workspace(path: Path) -> bool:
    """Return whether a folder has a station.toml."""
    return (path / "station.toml").is_file()


def say_workspace(folder: str) -> str:
    """Return how the workspace that a command works in is given."""
    return f"go there, or write -w {quoted(folder)}"


def too_many(text: str) -> str:
    """Return what is told of a word too many on the command line, "" for another fault of usage.

    A workspace is what people most often name where a command has no place for it.
    """
    match = re.fullmatch(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", text)
    if not match:
        return ""
    words = match[1]
    if is_workspace(Path(words)):
        return f"{words} is a workspace: {say_workspace(words)}"
    return f"there is no place for {words}"


def is_unsafe(error: BaseException) -> bool:
    """Return whether something could not be made safe when this ended a run."""
    return any(note.startswith(UNSAFE) for note in getattr(error, "__notes__", ()))


def tell(error: BaseException, text: str, code: int) -> int:
    """Print what happened, and as JSON for who asked for it; return the exit code.

    An error that left something not safe has the code for that, above all others.
    """
    code = NOT_SAFE if is_unsafe(error) else code
    notes = [str(note) for note in getattr(error, "__notes__", ())]
    if wants_json():
        problems = error.problems if isinstance(error, InputError) else ()
        told = {
            "ok": False,
            "exit_code": code,
            "error": type(error).__name__,
            "text": text,
            "notes": notes,
            "problems": [{"file": p.file, "key": p.key, "text": p.text} for p in problems],
        }
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    for line in (text, *notes):  # the last that is read
        typer.echo(line, err=True)
    return code


def report_failure(error: BaseException) -> int:
    """Print what happened and return the exit code: whose fault it is, above all if not safe."""
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        code = DEVICE_FAILED if error.errno in MACHINE else BAD_INPUT
        return tell(error, f"{where}{error.strerror or error}", code)
    if isinstance(error, InputError | EvidenceError | OperatorAbsent):
        return tell(error, str(error), BAD_INPUT)
    if isinstance(error, DriverFault):
        return tell(error, str(error), OUR_FAULT)
    if not isinstance(error, BenchError):
        return tell(error, _our_fault(error), OUR_FAULT)
    by_safety = isinstance(error, SafetyStop | Barred)
    return tell(error, str(error), STOPPED_BY_SAFETY if by_safety else DEVICE_FAILED)


def _our_fault(error: BaseException) -> str:
    """Say that a program failed, and whose it is; SENSORBENCH_DEBUG shows where."""
    import os  # noqa: PLC0415 - only on errors
    import traceback  # noqa: PLC0415

    if os.environ.get("SENSORBENCH_DEBUG"):
        traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    told = f"{type(error).__name__}: {error}".removesuffix(": ")
    for frame in reversed(frames):
        if any(Path(frame.filename).is_relative_to(root) for root in sensorbench.__path__):
            break
        for device, folder in _devices_of_others():
            if Path(frame.filename).is_relative_to(folder):
                return (
                    f"a fault of the driver or twin of {device.name} (from {device.origin}), not "
                    f"of sensorbench: {told} (at {Path(frame.filename).name}:{frame.lineno}). "
                    f"`sensorbench check-device {device.name}` tries it; tell whoever wrote it."
                )
    place = f"{frames[-1].filename.rpartition('sensorbench')[2]}:{frames[-1].lineno}"
    return (
        f"a fault of sensorbench itself: {told} (at {place}). "
        "Set SENSORBENCH_DEBUG=1 to see more, and report it."
    )


def _devices_of_others() -> Iterator[tuple[Device, Path]]:
    """Yield the devices of plug-ins with their folders."""
    for device in devices().values():
        module = sys.modules.get(device.package) if device.origin != OURS else None
        for folder in getattr(module, "__path__", ()):
            yield device, Path(folder)
