"""SBP1-L through a meter: the current of its loop as a share of its range.

Source: SBP1-L datasheet 1.0 (docs/devices/sbp1_loop.md), section 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError, ProtocolError
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import PRESSURE, SUPPLY_CURRENT, Value, components
from sensorbench.protocols.current_loop import share

LOWEST_PA, SPAN_PA = 20_000.0, 100_000.0
START_UP_S = 0.05


class Meter(Protocol):
    """What the driver needs of a meter."""

    @property
    def name(self) -> str:
        """Return what it is called in the station."""
        ...

    def read(self) -> Value:
        """Return a current in A. Raises ProtocolError for what is none."""
        ...


class Sbp1Loop:
    """SBP1-L, 20 to 120 kPa. `meters` are those of its socket: `loop`, in series with it.

    Raises ValueError if that is missing.
    """

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("pressure", PRESSURE, accuracy=500.0),
        Channel("loop", SUPPLY_CURRENT),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {}
    SUPPLY_V: ClassVar[tuple[float, float]] = (10.0, 30.0)
    METERS: ClassVar[tuple[str, ...]] = ("loop",)
    OPTIONAL_METERS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, meters: Mapping[str, Meter], clock: Clock) -> None:
        if "loop" not in meters:
            raise ValueError(
                "an SBP1-L has no meter for the current of its loop: write, for example, loop = "
                '"smu.current" at its socket'
            )
        self._loop = meters["loop"]
        self._clock = clock
        self._started = False

    def identify(self) -> Identity:
        """Return what it is meant to be: nothing can be read of the part, no serial either."""
        return Identity("sensorbench", "SBP1-L")

    def prepare(self, **settings: Any) -> None:
        """Wait until the current is valid. Raises SetpointError for any setting: it has none."""
        chosen(self.SETTINGS, settings)
        self._started = False
        self._clock.sleep(START_UP_S)

    def start(self) -> float:
        """Begin a reading; the current is always there."""
        self._started = True
        return 0.0

    def read(self) -> Block:
        """Return pressure in Pa and the current of the loop in A.

        Raises ProtocolError for a current that is no reading, BenchError before `start`.
        """
        if not self._started:
            raise BenchError(f"{self._loop.name}: start() begins a reading; call it first")
        self._started = False
        before_s = self._clock.now()
        current_a = components(self._loop.read())[0]
        try:
            pressure_pa = LOWEST_PA + share(current_a) * SPAN_PA
        except ProtocolError as error:
            raise type(error)(f"{self._loop.name}: {error}") from error
        return Block(np.array([[pressure_pa, current_a]]), before_s, self._clock.now())
