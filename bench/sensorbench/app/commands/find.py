"""A device by the name that somebody wrote."""

from __future__ import annotations

import difflib

from sensorbench.core.catalog import Device, devices
from sensorbench.core.errors import InputError
from sensorbench.core.plugins import broken


def device_named(command: str, name: str) -> Device:
    """Return a device. Raises InputError for a name that is none, with the nearest."""
    known = devices()
    if name in known:
        return known[name]
    hints = [str(problem) for problem in broken()]
    close = difflib.get_close_matches(name, known, 1)
    guess = f"; did you mean {close[0]}?" if close else "."
    text = f"is no device{guess} `sensorbench devices` lists them. Is its package installed?"
    raise InputError.one(command, name, " ".join([text, *hints]))
