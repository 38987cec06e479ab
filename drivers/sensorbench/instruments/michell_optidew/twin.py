"""Simulated Michell Optidew chilled mirror hygrometer, over Modbus RTU or TCP.

Source: User's Manual 97551, issue 1, February 2018: registers of pages 49 to 51; operating cycle
of section 4.1 (a DCC of 4 min every 4 h, then data held for 4 min). Estimates: that the mirror
moves at 1 K/s, that registers go on showing it in a DCC and while data are held, that those of an
open Pt100 keep their value, errors of a unit (sigma 0.05 K of the mirror, 0.03 K of the air).
Not modelled: FAST, pressure, logging, outputs and alarms; registers of these are refused and noted
in `beyond`, or read 0 where status is read as one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

from sensorbench.core.quantity import Value, components
from sensorbench.protocols.modbus_device import (
    ILLEGAL_ADDRESS,
    ModbusDevice,
    Refused,
    Space,
    reads,
    writes,
)
from sensorbench.world.faults import Suffering
from sensorbench.world.place import dew_point
from sensorbench.world.world import World

_MAX_COOL, _DCC, _HOLD, _MEASURE, _STANDBY = 5, 6, 7, 8, 9
_IDLE, _IN_CONTROL, _HEATING, _COOLING = 0, 1, 2, 3
_BY_FAULT = {"dcc": _DCC, "standby": _STANDBY, "max_cool": _MAX_COOL}
_FAULT_WORDS = {"contaminated": (0, 512), "mirror_open": (16, 8), "sensor_open": (8, 1)}
_RATE_K_PER_S, _NEAR_K = 1.0, 0.05
_DCC_S, _HOLD_S, _HOTTER_K = 240.0, 240.0, 20.0
_MEMBERS = ("dew_point", "temperature", "humidity")


class SimMichellOptidew(ModbusDevice):
    """A mirror in the air that its members sense: by its dew point, or by its humidity.

    A DCC comes every `dcc_every_s`, first that long after it was switched on. `wmo` is whether %RH
    counts over water below 0 degC. Faults beside `silent` and `identity` (other registers): what a
    person does (`dcc`, `standby`, `max_cool`), `contaminated`, and an open Pt100 of mirror or air.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (*_BY_FAULT, *_FAULT_WORDS, "identity", "silent")
    FUNCTIONS: ClassVar[tuple[int, ...]] = (3, 6, 16)
    WORDS = "high first"

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        address: int = 1,
        dcc_every_s: float = 14_400.0,
        wmo: bool = True,
    ) -> None:
        self.serial = serial
        self.beyond = world.beyond_of(serial)
        super().__init__(address, self.beyond)
        self._clock, self._world = world.clock, world
        self._signals: dict[str, Callable[[], Value]] = {
            "temperature": lambda: world.ambient_of("temperature"),
            "humidity": lambda: world.ambient_of("humidity"),
        }
        self._errors_k = (
            0.05 * world.stream(serial, "mirror").normal(),
            0.03 * world.stream(serial, "air").normal(),
        )
        self._noise = world.stream(serial, "noise")
        self.in_fahrenheit, self.wmo, self.over_water = False, wmo, False
        self._every_s = dcc_every_s
        self._began_s = self._seen_s = world.clock.now()
        self._mirror_c = self._dew_c()
        self._suffering = Suffering(world, serial, lambda _: None)
        world.listen(self._catch_up)

    def sense(self, member: str, signal: Callable[[], Value]) -> None:
        """Put it into air: what a member reads there. The mirror has found its dew point."""
        if member not in _MEMBERS:
            raise KeyError(f"an Optidew has no meter {member!r}")
        self._signals[member] = signal
        self._mirror_c, self._seen_s = self._dew_c(), self._clock.now()

    # -- what happens to it ----------------------------------------------------------------

    def wakes(self) -> bool:
        """Bring it up to now; return whether it hears anything."""
        self._catch_up()
        return self._suffering.kind != "silent"

    def _catch_up(self) -> None:
        self._suffering.catch_up()
        now = self._clock.now()
        passed_s, self._seen_s = now - self._seen_s, now
        mode, since_s = self._mode()
        if mode != _DCC and self._since_a_dcc(now) is not None and since_s < passed_s:
            passed_s, self._mirror_c = since_s, self._air_c() + _HOTTER_K
        way_k = self._aim_c(mode) - self._mirror_c
        self._mirror_c += math.copysign(min(abs(way_k), _RATE_K_PER_S * passed_s), way_k)

    def _since_a_dcc(self, now: float) -> float | None:
        """Return how long ago a DCC by itself ended, below 0 in one; None before the first."""
        cycles, into_s = divmod(now - self._began_s, self._every_s + _DCC_S)
        if into_s >= self._every_s:
            return into_s - self._every_s - _DCC_S
        return into_s if cycles else None

    def _mode(self) -> tuple[int, float]:
        """Return what it does by now, and for how long it was not in a DCC."""
        if self._suffering.kind in _BY_FAULT:
            return _BY_FAULT[self._suffering.kind], 0.0
        ago_s = self._since_a_dcc(self._clock.now())
        if ago_s is None:
            return _MEASURE, math.inf
        if ago_s < 0:
            return _DCC, 0.0
        return (_HOLD if ago_s < _HOLD_S else _MEASURE), ago_s

    # -- the air and the mirror ------------------------------------------------------------

    def _felt(self, member: str) -> float:
        return components(self._signals[member]())[0]

    def _air_c(self) -> float:
        return self._felt("temperature")

    def _dew_c(self) -> float:
        if "dew_point" in self._signals:
            return self._felt("dew_point")
        return dew_point(self._air_c(), self._felt("humidity"))

    def _aim_c(self, mode: int) -> float:
        """Return where the mirror is led to."""
        air_c = self._air_c()
        aims = {_DCC: air_c + _HOTTER_K, _STANDBY: air_c, _MAX_COOL: air_c - 60.0}
        return aims[mode] if mode in aims else self._dew_c()

    def _measured_c(self, which: int) -> float:
        """Return what the Pt100 of the mirror (0) or of the air (1) measures."""
        true_c = (self._mirror_c, self._air_c())[which]
        noise = self._noise.normal(2 * round(self._clock.now() * 1e6) + which)
        return true_c + self._errors_k[which] + 0.003 * noise

    def _shown(self, celsius: float) -> float:
        return 1.8 * celsius + 32.0 if self.in_fahrenheit else celsius

    # -- registers -------------------------------------------------------------------------

    def may_read(self, space: Space, first: int, count: int) -> None:  # noqa: ARG002 - alike
        if self._suffering.kind == "identity":
            raise Refused(ILLEGAL_ADDRESS)

    @reads(0)
    def _address(self) -> int:
        return self.unit

    @reads(2, "uint32")
    def _number(self) -> int:
        digits = "".join(filter(str.isdigit, self.serial))
        return int(digits or 0) % 2**32

    @reads(4)
    def _firmware(self) -> int:
        return 104

    @reads(5)
    def _map(self) -> int:
        return 1

    @reads(6, "float32", every=2, times=2)
    def _temperatures(self, which: int) -> float:
        return self._shown(self._measured_c(which))

    @reads(10, "float32")
    def _pressure(self) -> float:
        return 0.0  # no transmitter is fitted

    @reads(12, "float32")
    def _relative(self) -> float:
        mirror_c, air_c = self._measured_c(0), self._measured_c(1)
        vapour = _vapour(mirror_c, over_ice=mirror_c < 0 and not self.over_water)
        return min(100.0, 100.0 * vapour / _vapour(air_c, over_ice=air_c < 0 and not self.wmo))

    @reads(30)
    @reads(100)
    def _unit(self) -> int:
        return int(self.in_fahrenheit)

    @writes(100, allowed=(0, 1))
    def _set_unit(self, unit: float) -> None:
        self.in_fahrenheit = bool(unit)

    @reads(33)
    def _operating_mode(self) -> int:
        return self._mode()[0]

    @reads(34, every=1, times=3)
    def _left(self, part: int) -> int:
        """Return hours, minutes and seconds until the next mode."""
        left_s = self._left_s()
        return (left_s // 3600, left_s // 60 % 60, left_s % 60)[part]

    def _left_s(self) -> int:
        if self._suffering.kind in _BY_FAULT:
            return 0
        ago_s = self._since_a_dcc(self._clock.now())
        if ago_s is None:
            return round(self._began_s + self._every_s - self._clock.now())
        until_s = 0.0 if ago_s < 0 else _HOLD_S if ago_s < _HOLD_S else self._every_s
        return round(until_s - ago_s)

    @reads(37)
    def _sensor(self) -> int:
        mode, _ = self._mode()
        way_k = self._aim_c(mode) - self._mirror_c
        if mode == _STANDBY:
            return _IDLE
        if mode == _DCC or way_k > _NEAR_K:
            return _HEATING
        return _COOLING if mode == _MAX_COOL or way_k < -_NEAR_K else _IN_CONTROL

    @reads(38, every=1, times=2)
    def _fault_word(self, which: int) -> int:
        return _FAULT_WORDS.get(self._suffering.kind, (0, 0))[which]

    @reads(40)
    def _alarm(self) -> int:
        return int(self._suffering.kind in _FAULT_WORDS)

    @reads(41)
    @reads(43)
    def _nothing(self) -> int:
        """Return logging, which is not fitted, and the display's hold, which is off."""
        return 0

    @reads(42)
    def _data_hold(self) -> int:
        return int(self._mode()[0] in (_DCC, _HOLD))

    @reads(103)
    def _vapour_over_water(self) -> int:
        return int(self.over_water)

    @writes(103, allowed=(0, 1))
    def _set_vapour_over_water(self, is_so: float) -> None:
        self.over_water = bool(is_so)

    @reads(104)
    def _by_wmo(self) -> int:
        return int(self.wmo)

    @writes(104, allowed=(0, 1))
    def _set_by_wmo(self, is_so: float) -> None:
        self.wmo = bool(is_so)


def _vapour(celsius: float, *, over_ice: bool) -> float:
    """Return the pressure of saturated vapour, up to a factor (WMO-No. 8, annex 4.B)."""
    slope, offset = (22.46, 272.62) if over_ice else (17.62, 243.12)
    return math.exp(slope * celsius / (offset + celsius))
