"""What this machine lacks to reach the instruments of a station."""

from __future__ import annotations

from sensorbench.core.errors import Problem
from sensorbench.links.visa_line import missing_backend, missing_library
from sensorbench.station.links import VisaLink
from sensorbench.station.model import StationFile


def check_machine(file: StationFile) -> list[Problem]:
    """Return packages and VISA libraries that are missing here, and what to do about each."""
    links = {
        f"instrument.{name}.link": link
        for name, entry in file.instrument.items()
        if isinstance(link := entry.link, VisaLink)
    }
    packages = [
        Problem("station.toml", f"{key}.resource", f"{link.resource} {lacks}")
        for key, link in links.items()
        if (lacks := missing_backend(link.resource, link.library))
    ]
    libraries = [
        Problem("station.toml", f"{key}.library", lacks)
        for key, link in links.items()
        if (lacks := missing_library(link.library))
    ]
    return packages + libraries
