"""What this machine lacks to reach the instruments of a station."""

from __future__ import annotations

from sensorbench.core.errors import Problem
from sensorbench.links.visa_line import missing_backend
from sensorbench.station.links import VisaLink
from sensorbench.station.model import StationFile


def check_machine(file: StationFile) -> list[Problem]:
    """Return the packages that are missing here, with the command that installs each."""
    return [
        Problem("station.toml", f"instrument.{name}.link.resource", f"{link.resource} {lacks}")
        for name, entry in file.instrument.items()
        if isinstance(link := entry.link, VisaLink)
        and (lacks := missing_backend(link.resource, link.library))
    ]
