"""SBP1-A through meters: the output as a share of the measured supply.

Source: SBP1-A datasheet 1.0 (docs/devices/sbp1_analog.md), section 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError, ProtocolError, Saturated
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import PRESSURE, SUPPLY, VOLTAGE, Value, components

LEAST_SHARE, MOST_SHARE = 0.05, 0.95  # beyond, the output is no reading
START_UP_S = 0.002


class Meter(Protocol):
    """What the driver needs of a meter."""

    @property
    def name(self) -> str:
        """Return what it is called in the station."""
        ...

    def read(self) -> Value:
        """Return a voltage in V. Raises ProtocolError for what is none."""
        ...


def pressure_pa(output_v: float, supply_v: float) -> float:
    """Return the pressure in Pa. Raises ProtocolError for an output that is no reading.

    >>> pressure_pa(2.5, 5.0), pressure_pa(0.495, 4.95)
    (70000.0, 20000.0)
    """
    share = output_v / supply_v
    if not LEAST_SHARE <= share <= MOST_SHARE:
        raise Saturated(
            f"the output is {share:.1%} of its supply ({output_v:.4g} V of {supply_v:.4g} V), "
            f"a reading has {LEAST_SHARE:.0%} to {MOST_SHARE:.0%}: is the pressure far outside "
            "20 to 120 kPa, is the part broken or its output not connected?"
        )
    return 20_000.0 + (share - 0.10) / 0.80 * 100_000.0


class Sbp1Analog:
    """SBP1-A, 20 to 120 kPa. `meters` are those of its socket: `output` and `supply`.

    Raises ValueError if one of them is missing.
    """

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("pressure", PRESSURE, accuracy=1500.0),
        Channel("output", VOLTAGE),
        Channel("supply", SUPPLY),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {}
    SUPPLY_V: ClassVar[tuple[float, float]] = (2.7, 5.5)
    METERS: ClassVar[tuple[str, ...]] = ("output", "supply")
    OPTIONAL_METERS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, meters: Mapping[str, Meter], clock: Clock) -> None:
        missing = [name for name in self.METERS if name not in meters]
        if missing:
            raise ValueError(
                f"an SBP1-A has no meter for {' and '.join(missing)}: its output is a share of its "
                "supply, so both are measured. Write, for example, supply = "
                '"dmm.voltage" at its socket'
            )
        self._output, self._supply = meters["output"], meters["supply"]
        self._clock = clock
        self._started = False

    def identify(self) -> Identity:
        """Return what it is meant to be: nothing can be read of the part, no serial either."""
        return Identity("sensorbench", "SBP1-A")

    def prepare(self, **settings: Any) -> None:
        """Wait until the output is valid. Raises SetpointError for any setting: it has none."""
        chosen(self.SETTINGS, settings)
        self._started = False
        self._clock.sleep(START_UP_S)

    def start(self) -> float:
        """Begin a reading; the output is always there."""
        self._started = True
        return 0.0

    def read(self) -> Block:
        """Return pressure in Pa, output and supply in V, measured right after each other.

        Raises ProtocolError for a supply outside its rating and an output that is no reading,
        BenchError before `start`.
        """
        if not self._started:
            raise BenchError(f"{self._output.name}: start() begins a reading; call it first")
        self._started = False
        before_s = self._clock.now()
        output_v = components(self._output.read())[0]
        supply_v = components(self._supply.read())[0]
        low_v, high_v = self.SUPPLY_V
        # A percent of grace: the meter has its own error at an end of the range.
        if not 0.99 * low_v <= supply_v <= 1.01 * high_v:
            raise ProtocolError(
                f"{self._supply.name}: the supply is {supply_v:.4g} V, an SBP1-A needs "
                f"{low_v:g} to {high_v:g} V"
            )
        try:
            pressure = pressure_pa(output_v, supply_v)
        except ProtocolError as error:
            raise type(error)(f"{self._output.name}: {error}") from error
        row = np.array([[pressure, output_v, supply_v]])
        return Block(row, before_s, self._clock.now())
