"""Simulated 1529: it measures its probes by itself, one channel after the other or all at once.

Source: Fluke 1529 user's guide, pages 84 to 90 (plain and stamped readings, SENSe:DATA?, syntax,
suffixes, input buffer); public clients (*IDN?, the line that it prints by itself, dots where a
probe is open). Estimates: its errors, curves of probes, TRIGger:TIMer and UNIT:TEMPerature as in
the guide's list of commands, codes of errors that are not in its text.
Not modelled: coefficients, statistics, logging, display, calibration, STATus:MEASure?, the codes of
which are not known; they are refused and noted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from sensorbench.core.quantity import components
from sensorbench.protocols.scpi_device import ScpiDevice, scpi
from sensorbench.protocols.scpi_parameters import Choice, Flag, Limit, Maybe, Number, bounded
from sensorbench.protocols.scpi_status import ERROR_TEXTS, ScpiError
from sensorbench.world.twins import Signal
from sensorbench.world.world import World

_CHANNELS = 4
_KINDS = ("PRT", "THER", "TC")
_ROOM_C, _OPEN = 23.0, "........"
_PERIODS_S = (0.1, 3600.0)
_INPUT_UNITS = {"PRT": ("O", 1.0), "THER": ("kO", 1e-3), "TC": ("mV", 1e3)}
"""How the input of a kind of probe is shown: its unit, and by how much of ohms or volts."""


class SimFluke1529(ScpiDevice):
    """A 1529 in a simulated world; `temp1` to `temp4` sense the temperatures of its probes.

    `probes` says what they are, such as {"2" = "TC"}: PRT, THER (10 kohm) or TC; PRT without it.
    Channels in `raw` show ohms or mV, as somebody set them. It starts to measure when it is made,
    one channel each `period_s` and then the next, all four at once if `simultaneous`. `open` is a
    probe's wire that broke, `stopped` a readout that measures no more, `prints` one that sends its
    readings by itself before an answer.
    """

    IDENTITY = "HART,1529,{serial},1.31"
    SIBLING = ("1529", "1502A")
    ERROR_FORMAT = '{code},"{text}"'
    FAULTS: ClassVar[tuple[str, ...]] = ("open", "stopped", "prints", "identity", "silent")

    terminators = (b"\r\n", b"\n", b"\r")
    reply_terminator = b"\r\n"

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        probes: Mapping[str, str] | None = None,
        raw: Sequence[int] = (),
        period_s: float = 1.0,
        simultaneous: bool = False,
    ) -> None:
        super().__init__(
            serial, fault=partial(world.fault_of, serial), beyond=world.beyond_of(serial)
        )
        kinds = {int(channel): kind.upper() for channel, kind in (probes or {}).items()}
        if not set(kinds.values()) <= set(_KINDS):
            raise ValueError(f"probes: {probes!r} has none of {', '.join(_KINDS)}")
        self._kinds = [kinds.get(channel, "PRT") for channel in range(1, _CHANNELS + 1)]
        self._raw, self._simultaneous = frozenset(raw), simultaneous
        self._world, self._clock = world, world.clock
        self._signals: dict[int, Signal] = {}
        self._noise = world.stream(serial, "noise")
        self._unit, self._stamped = "C", False
        self._latest_c = [_ROOM_C] * _CHANNELS
        self._set_period(period_s)
        world.listen(self._collect)

    def reset(self) -> None:
        self._stamped, self._unit = False, "C"

    def sense(self, member: str, signal: Signal) -> None:
        """Connect a probe. Raises KeyError for a member that it does not have."""
        if member not in {f"temp{channel}" for channel in range(1, _CHANNELS + 1)}:
            raise KeyError(f"a 1529 has no meter {member!r}")
        self._signals[int(member[-1]) - 1] = signal

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one command, with the measurements that have ended by now."""
        self._collect()
        if b";" in line:  # compound commands are not allowed
            if self.fault() != "silent":
                self.status.push(-102, ERROR_TEXTS[-102])
            return None
        reply = super().handle(line)
        if reply is None or self._has != "prints":
            return reply
        return self._printed().encode("ascii") + self.reply_terminator + reply

    # -- measurements ----------------------------------------------------------------------

    def _set_period(self, period_s: float) -> None:
        self._period_s, self._began_s = period_s, self._clock.now()
        self._ended_s = [self._began_s] * _CHANNELS
        # How many have ended of each channel since then, and how many had when it was fetched last.
        self._counts, self._fetched = [0] * _CHANNELS, [0] * _CHANNELS

    def _collect(self) -> None:
        """Take the measurements that ended last.

        By number and not one by one: what a driver waited for aside, others are yet to see.
        """
        for number in range(_CHANNELS):
            first = 1 if self._simultaneous else number + 1
            each_s = self._period_s * (1 if self._simultaneous else _CHANNELS)
            first_s = self._began_s + first * self._period_s
            count = max(0, math.floor((self._clock.now() - first_s) / each_s + 1e-9) + 1)
            ended_s = first_s + (count - 1) * each_s if count else self._began_s
            stopped = self._world.fault_of(self.serial, ended_s) == "stopped"
            if count == self._counts[number] or stopped:
                continue
            self._counts[number], self._ended_s[number] = count, ended_s
            self._latest_c[number] = self._measured_c(number, ended_s)

    @property
    def _last(self) -> int:
        """Return the channel that was measured last, the lowest of several."""
        return max(range(_CHANNELS), key=lambda number: self._ended_s[number])

    def _measured_c(self, number: int, ended_s: float) -> float:
        if self._world.fault_of(self.serial, ended_s) == "open":
            return math.nan
        signal = self._signals.get(number)
        true_c = _ROOM_C if signal is None else components(signal())[0]
        error_c = 0.002 * self._world.stream(self.serial, "channel", number).normal()
        noise_c = 0.0005 * self._noise.normal(round(ended_s * 1e6) + number)
        return true_c + error_c + 2e-6 * abs(true_c) * self._gain(number) + noise_c

    def _gain(self, number: int) -> float:
        return self._world.stream(self.serial, "gain", number).normal()

    def _input(self, number: int) -> float:
        """Return ohms or volts of a probe at what was measured last."""
        celsius, kind = self._latest_c[number], self._kinds[number]
        if kind == "PRT":
            return 100.0 * (1 + 3.9083e-3 * celsius - 5.775e-7 * celsius**2)
        if kind == "THER":
            return 1e4 * math.exp(min(50.0, 3892.0 * (1 / max(1.0, celsius + 273.15) - 1 / 298.15)))
        return 40.5e-6 * (celsius - _ROOM_C)

    def _shown(self, number: int) -> tuple[str, str]:
        """Return a measurement as a stamp has it: its value and its unit."""
        celsius = self._latest_c[number]
        unit, factor = self._unit, 1.0
        if number + 1 in self._raw:
            unit, factor = _INPUT_UNITS[self._kinds[number]]
        if math.isnan(celsius):
            return _OPEN, unit
        if number + 1 in self._raw:
            return f"{self._input(number) * factor:.4f}", unit
        value = {"C": celsius, "K": celsius + 273.15, "F": 1.8 * celsius + 32.0}[unit]
        return f"{value:.4f}", unit

    def _printed(self) -> str:
        value, unit = self._shown(self._last)
        return (
            f"{self._last + 1}  {value:>9} {unit}  {self._ended_at(self._last):%H:%M:%S %m-%d-%y}"
        )

    def _ended_at(self, number: int) -> datetime:
        """Return when a channel's measurement ended, by its own clock."""
        return self._clock.utc() - timedelta(seconds=self._clock.now() - self._ended_s[number])

    # -- the wire --------------------------------------------------------------------------

    @scpi(":FETCh?", Maybe(Number()))
    @scpi(":MEASure?", Maybe(Number()))
    @scpi(":READ?", Maybe(Number()))
    def _fetch(self, channel: float | Limit | None) -> str:
        number = self._last if channel is None else self._number(bounded(channel, 1, _CHANNELS, 1))
        is_new = self._counts[number] > self._fetched[number]
        self._fetched[number] = self._counts[number]
        value, unit = self._shown(number)
        if not self._stamped:
            return self._plain(number, value)
        ended = self._ended_at(number)
        stamp = (ended.hour, ended.minute, ended.second, ended.year, ended.month, ended.day)
        return ",".join([str(int(is_new)), str(number + 1), value, unit, *map(str, stamp)])

    def _plain(self, number: int, value: str) -> str:
        """Return a value without its stamp: kilohms and millivolts are ohms and volts there."""
        if number + 1 not in self._raw or value == _OPEN:
            return value
        volts = self._kinds[number] == "TC"
        return f"{self._input(number):.7f}" if volts else f"{self._input(number):.4f}"

    @scpi(":FORMat:STAMp", Flag())
    def _set_stamped(self, stamped: bool) -> None:
        self._stamped = stamped

    @scpi(":FORMat:STAMp?")
    def _get_stamped(self) -> str:
        return str(int(self._stamped))

    @scpi(":SENSe<4?>:DATA?")
    def _raw_input(self, channel: int) -> str:
        number = self._number(channel)
        if math.isnan(self._latest_c[number]):
            return f"{_OPEN}, 0.0000"
        millivolts = 1e3 if self._kinds[number] == "TC" else 1.0
        return f"{self._input(number) * millivolts:.4f}, 0.0000"

    @scpi(":UNIT:TEMPerature", Choice("C", "F", "K"))
    def _set_unit(self, unit: str) -> None:
        self._unit = unit

    @scpi(":UNIT:TEMPerature?")
    def _get_unit(self) -> str:
        return self._unit

    @scpi(":TRIGger:TIMer", Number())
    def _set_timer(self, period: float | Limit) -> None:
        self._set_period(bounded(period, *_PERIODS_S, 1.0))

    @scpi(":TRIGger:TIMer?", Maybe(Choice("MIN", "MAX", "DEF")))
    def _get_timer(self, which: str | None) -> str:
        named = {"MIN": _PERIODS_S[0], "MAX": _PERIODS_S[1], "DEF": 1.0}
        return f"{self._period_s if which is None else named[which]:g}"

    @scpi(":SYSTem:SNUMber?")
    def _get_serial(self) -> str:
        return self.serial

    def _number(self, channel: float) -> int:
        """Return a channel's place. Raises ScpiError -114 for one that is not there, or none."""
        if channel != round(channel) or not 1 <= channel <= _CHANNELS:
            raise ScpiError(-114)
        return round(channel) - 1
