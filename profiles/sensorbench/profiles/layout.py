"""What a station offers, as far as planning must know it: pure data, made of station.toml.

`expand` and `check` work on this alone, so that a schedule can be planned and tested without a
station, and nothing is opened for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sensorbench.core.channel import Channel
from sensorbench.core.quantity import Value

Purpose = Literal["stress", "test"]


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One address of a zone: what sets it, what it may be, and how fast it gets there.

    `low` and `high` are the narrower of the instrument's rating and the bench's limits. `fastest`
    is the rate that can be asked for, `planned` how fast it moves by itself, `settling_s` how long
    it then takes. `wave_s` are the shortest and the longest period of a wave, None where none can
    be made. `steady` is the narrowest band, as a half-width, that the acting instrument's own
    reading keeps, `agree` how far the meters of the place may differ, `rest` about what is there
    while nothing acts, None where that is not known. `follows` are the addresses that must be set
    for it to have a value, as gravity needs a direction. `nonvolatile` says that the
    instrument keeps each value in a memory that wears.
    """

    how: Literal["set", "fixed", "watched"]
    fixed: Value | None = None
    low: float = -math.inf
    high: float = math.inf
    fastest: float | None = None
    planned: float | None = None
    settling_s: float = 0.0
    limit: tuple[float, float] | None = None
    vector: bool = False
    wave_s: tuple[float, float] | None = None
    reference: bool = False
    asks: bool = False
    handle: tuple[float, float] | None = None
    locked: bool = False
    against: str = ""
    steady: float = 0.0
    rest: Value | None = None
    agree: float = 0.0
    follows: tuple[str, ...] = ()
    nonvolatile: bool = False


@dataclass(frozen=True, slots=True)
class Zone:
    """One bench of the station; `purposes` is what it is `for`, () for everything.

    `fits` are by driver the sockets that its parts can be read in; None: all are alike.
    `extras` are channels that sockets' own meters add to a unit's, such as its supply current, and
    `having` are by channel the sockets that have one; None: all. `told` is the station's own
    description for the evidence, plain JSON.
    """

    rows: Mapping[str, BenchRow]
    sockets: tuple[str, ...] = ()
    fits: Mapping[str, tuple[str, ...]] | None = None
    purposes: tuple[Purpose, ...] = ()
    extras: tuple[Channel, ...] = ()
    having: Mapping[str, frozenset[str]] | None = None
    told: Mapping[str, Any] = field(default_factory=dict)

    def extras_for(self, driver: str) -> tuple[Channel, ...]:
        """Return the extras of a driver's parts: those of every socket that they may sit in."""
        if self.having is None:
            return self.extras
        seats = set(self.sockets_for(driver))
        return tuple(channel for channel in self.extras if seats <= self.having[channel.name])

    def sockets_for(self, driver: str) -> tuple[str, ...]:
        """Return the sockets that a driver's parts can be read in."""
        return self.sockets if self.fits is None else self.fits.get(driver, ())


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A place that is not of this station: a tester, another laboratory."""

    title: str
    purposes: tuple[Purpose, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """The zones of a station by name ("" where there is only one), and what is elsewhere."""

    zones: Mapping[str, Zone]
    elsewhere: Mapping[str, Elsewhere] = field(default_factory=dict)

    def place_for(self, purpose: Purpose, at: str = "", elsewhere: bool = False) -> str:
        """Return the name of the place for a purpose: the one asked for, or that is `for` it.

        What is done by steps is done in a zone, if one is for it; with `elsewhere` a place outside
        goes first, as a tester does for tests.

        Raises LookupError where there is none, or more than one.
        """
        names = [*self.zones, *self.elsewhere]
        if at:
            if at not in names:
                there = ", ".join(filter(None, names)) or "none, this station is one bench"
                raise LookupError(f"{at!r} is no place; there are: {there}")
            return at
        fits = [n for n, z in self.zones.items() if not z.purposes or purpose in z.purposes]
        fits = [n for n in fits if self.zones[n].purposes] or fits
        outside = [n for n, e in self.elsewhere.items() if purpose in e.purposes]
        found = (outside or fits) if elsewhere else (fits or outside)
        if len(found) == 1:
            return found[0]
        if not found:
            raise LookupError(f'no place of this station is for "{purpose}"')
        raise LookupError(
            f'{", ".join(found)} are all for "{purpose}"; say which with --at, or with `at` in the '
            "phase"
        )
