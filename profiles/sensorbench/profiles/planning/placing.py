"""Placing: which units are loaded where, in batches where sockets are few."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sensorbench.profiles.layout import Purpose, Zone
from sensorbench.profiles.model import Phase
from sensorbench.profiles.planning.acting import Acting
from sensorbench.profiles.schedule import (
    Action,
    Do,
)


class Placing(Acting):
    """Moves units between places."""

    # -- places and units ------------------------------------------------------------------

    def place(self, purpose: Purpose, elsewhere: bool = False) -> str | None:
        """Return the place of the present phase for a purpose, None where there is none.

        Only what can be done by others, as tests, asks for places that are `elsewhere`.
        """
        asked = (self.phase.at if self.phase else "") or self.at
        try:
            return self.layout.place_for(purpose, asked, elsewhere)
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
        yield from self.inside_handle()
        yield Do("load", {"units": self.group})
        self.loaded = (place, self.group)

    def unload(self) -> Iterator[Action]:
        """Release everything and take the units out, where people may touch."""
        if self.loaded is None:
            return
        yield from self.release()
        yield from self.inside_handle()
        yield Do("unload", {"units": self.loaded[1]})
        self.loaded = None

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
        if zone is not None and not zone.sockets:
            self.problem("this place has no socket", "at")
            return []
        visited = [zone, *self._tested_at(phase)] if zone is not None else []
        filled = self._filled(chosen, visited) if visited else [tuple(chosen)]
        if len(filled) == 1:
            self.groups[phase.units] = filled[0]
            return [phase.units]
        names = [f"{phase.units}#{number}" for number in range(1, len(filled) + 1)]
        self.groups |= dict(zip(names, filled, strict=True))
        return names

    def numbers(self, group: str) -> tuple[int, ...]:
        """Return the units of a group by their place in the schedule; "" is all."""
        return self.groups.get(group) or tuple(range(len(self.units)))

    def _tested_at(self, phase: Phase) -> list[Zone]:
        """Return the zone in which a phase tests between what it does, if that is here."""
        test = getattr(phase, "test", None)
        if test is None or not (test.before or test.after):
            return []
        zone = self.layout.zones.get(self.place("test", elsewhere=True) or "")
        return [zone] if zone is not None else []

    def _filled(self, chosen: Sequence[int], zones: Sequence[Zone]) -> list[tuple[int, ...]]:
        """Return units in batches of what can be loaded at once in every zone, in their order."""
        batches: list[tuple[int, ...]] = []
        batch: list[int] = []
        taken: list[dict[str, int]] = [{} for _ in zones]
        for number in chosen:
            if {self._can_sit(number, zone) for zone in zones} != {True}:
                continue  # every zone was looked at: all that is wrong comes at once
            tried = [dict(seats) for seats in taken]
            if not self._seat_all(number, tried, zones):
                batches.append(tuple(batch))
                batch, tried = [], [{} for _ in zones]
                self._seat_all(number, tried, zones)
            batch.append(number)
            taken = tried
        return [*batches, tuple(batch)] if batch else batches

    def _seat_all(
        self, number: int, taken: Sequence[dict[str, int]], zones: Sequence[Zone]
    ) -> bool:
        return all(self._seat(number, s, zone) for s, zone in zip(taken, zones, strict=True))

    def _sockets_of(self, number: int, zone: Zone) -> tuple[str, ...]:
        driver = next(p.part.driver for p in self.parts if p.part.name == self.units[number].part)
        return zone.sockets_for(driver)

    def _can_sit(self, number: int, zone: Zone) -> bool:
        """Return whether a unit can be loaded here at all; a problem where it can't."""
        unit, there = self.units[number], self._sockets_of(number, zone)
        here = self.zone_name(zone)
        if unit.socket and unit.socket not in zone.sockets:
            self.problem(
                f"{unit.serial} is fixed in socket {unit.socket}, which is not {here}: leave "
                "`socket` out of the lot where units move",
                "at",
            )
            return False
        if not there:
            self.problem(f"no socket {here} fits a {unit.part}", "at")
        return bool(there)

    def zone_name(self, zone: Zone) -> str:
        """Return where a zone is, in words."""
        name = next((name for name, one in self.layout.zones.items() if one is zone), "")
        return f"in zone {name}" if name else "of this station"

    def _seat(self, number: int, taken: dict[str, int], zone: Zone) -> bool:
        """Give a unit a socket that is free, its own if it is fixed; False where none is."""
        own = self.units[number].socket
        there = [own] if own else list(self._sockets_of(number, zone))
        free = next((socket for socket in there if socket not in taken), None)
        if free is not None:
            taken[free] = number
            return True
        other = taken[own] if own else number
        if own and not self.units[other].socket:  # who sits there only by chance moves on
            spare = next((s for s in self._sockets_of(other, zone) if s not in taken), None)
            if spare is not None:
                taken[spare], taken[own] = other, number
                return True
        return False
