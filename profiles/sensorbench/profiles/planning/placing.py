"""Placing: which units are loaded where, in batches where sockets are few."""

from __future__ import annotations

from collections.abc import Iterator

from sensorbench.profiles.layout import Purpose
from sensorbench.profiles.model import Phase
from sensorbench.profiles.planning.acting import Acting
from sensorbench.profiles.schedule import (
    Action,
    Band,
    Do,
    Settle,
)


class Placing(Acting):
    """Moves units between places."""

    # -- places and units ------------------------------------------------------------------

    def place(self, purpose: Purpose) -> str | None:
        """Return the place of the present phase for a purpose, None where there is none."""
        asked = (self.phase.at if self.phase else "") or self.at
        try:
            return self.layout.place_for(purpose, asked)
        except LookupError as error:
            self.problem(str(error), "at")
            return None

    def is_here(self, place: str | None) -> bool:
        """Return whether a place is a zone of this station."""
        return place is not None and place in self.layout.zones

    def be_at(self, place: str) -> Iterator[Action]:
        """Have the present group's units loaded in a zone, whatever was before."""
        if self.loaded == (place, self.group):
            return
        walked = self.loaded is not None and self.loaded[0] != place
        yield from self.unload()
        if walked:
            yield Do("park", {"until": "units", "at": place})
        self.zone = place
        yield from self._inside_handle()
        yield Do("load", {"units": self.group})
        self.loaded = (place, self.group)

    def unload(self) -> Iterator[Action]:
        """Release everything and take the units out, where people may touch."""
        if self.loaded is None:
            return
        yield from self.release()
        yield from self._inside_handle()
        yield Do("unload", {"units": self.loaded[1]})
        self.loaded = None

    def _inside_handle(self) -> Iterator[Action]:
        zone = self.layout.zones.get(self.zone)
        rows = zone.rows.items() if zone else ()
        bands = [Band(w, low=r.handle[0], high=r.handle[1]) for w, r in rows if r.handle]
        if bands and self.number:
            longest = max(self.soak(band.address).timeout_s for band in bands)
            yield Settle(tuple(bands), 0.0, longest)

    def batches(self, phase: Phase, place: str | None) -> list[str]:
        """Return the groups that a phase is done with, one after the other.

        One where all fit into the sockets of the place; else as many as are needed.
        """
        chosen = [n for n, u in enumerate(self.units) if not phase.units or u.group == phase.units]
        if not chosen:
            there = ", ".join(sorted({u.group for u in self.units if u.group})) or "none"
            self.problem(f"no unit is in the group {phase.units!r}; there are: {there}", "units")
            return []
        zone = self.layout.zones.get(place) if place is not None else None
        sockets = len(zone.sockets) if zone else len(chosen)
        if zone is not None and not sockets:
            self.problem("this place has no socket", "at")
            return []
        fixed = [self.units[n].socket for n in chosen if self.units[n].socket]
        if zone is not None and len(chosen) <= sockets and len(set(fixed)) == len(fixed):
            self.groups[phase.units] = tuple(chosen)
            return [phase.units]
        if zone is None:
            self.groups[phase.units] = tuple(chosen)
            return [phase.units]
        names = []
        for number, start in enumerate(range(0, len(chosen), sockets), 1):
            name = f"{phase.units}#{number}"
            self.groups[name] = tuple(chosen[start : start + sockets])
            names.append(name)
        return names
