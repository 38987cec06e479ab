"""Simulated 34970A data acquisition unit: it scans channels of volts and temperature.

Source: Agilent 34970A user guide, pages 78, 104, 228 (READ? is not stored, INIT clears the memory,
FETCh?, R?, ABORt, fields of a reading); *IDN? and SYSTem:CTYPe? as public logs print them;
accuracy, times and the memory of 50 000 readings recalled. Not modelled beside what its modules
name: external and alarm triggers, absolute times; they are refused and noted.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import ClassVar, NamedTuple

from sensorbench.core.quantity import components
from sensorbench.instruments.keysight_34970a.twin_channels import (
    RANGES_V,
    SEEBECK,
    Channel,
    ScanList,
)
from sensorbench.instruments.keysight_34970a.twin_settings import Settings
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import (
    Choice,
    Limit,
    Maybe,
    Number,
    block,
    bounded,
    nr3,
)
from sensorbench.protocols.scpi_status import ScpiError
from sensorbench.world.conversions import reached
from sensorbench.world.twins import Signal
from sensorbench.world.world import World

_OVERLOAD = 9.9e37
_SHARE_OF_ACCURACY = 0.8
_THERMOCOUPLE_K, _OTHER_K, _JUNCTION_C = 1.0, 0.1, 23.0
_MOST_AWAITED = 100_000  # readings: a twin makes them one by one
_MOST_COUNT, _MOST_TIMER_S = 50_000, 360_000.0


class _Reading(NamedTuple):
    """A reading with what is told of it."""

    value: float
    unit: str
    after_s: float
    channel: int


class _Count:
    """A number of sweeps: a number, a limit, or INFinity."""

    def parse(self, token: str) -> float | Limit:
        """Return the number, the limit named, or inf."""
        return math.inf if token.upper() in {"INF", "INFINITY"} else Number().parse(token)


class SimKeysight34970a(Settings):
    """A 34970A with three 34901A in a simulated world: each channel has a signal.

    `ch101` senses volts, `temp101` the temperature of a probe at channel 101. `probes` says which
    probe is there, such as {"101:110" = "TC K"}: configured as another thermocouple it reads by
    that one's curve, as a resistor an overload. Nothing connected reads 0 V and 23 degC. Channels
    are scanned ascending, each takes its integration twice for autozero, its delay and 3 ms; READ?
    waits for them and stores nothing. INIT starts sweeps and does not wait; readings that ended
    unwatched have what the signals were when the world next changed, or the unit was next spoken
    to. Its own errors lie inside the one-year accuracy.
    """

    IDENTITY = "HEWLETT-PACKARD,34970A,0,13-2-2"
    SIBLING = ("34970A", "34972A")
    ERROR_CAPACITY = 10
    reply_terminator = b"\r\n"
    MEMORY: ClassVar[int] = 50_000
    FITTED = ("HEWLETT-PACKARD,34901A,0,2.3",) * 3
    FAULTS: ClassVar[tuple[str, ...]] = ("overload", "identity", "silent")

    def __init__(
        self, world: World, serial: str, *, probes: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(
            serial, fault=partial(world.fault_of, serial), beyond=world.beyond_of(serial)
        )
        self._world, self._clock = world, world.clock
        self._signals: dict[str, Signal] = {}
        self._fitted = {
            channel: tuple(probe.upper().split())
            for text, probe in (probes or {}).items()
            for channel in ScanList().parse(f"(@{text})")
        }
        self._noise = world.stream(serial, "noise")
        self._memory: deque[_Reading] = deque(maxlen=self.MEMORY)
        self.reset()
        world.listen(self._collect)

    def reset(self) -> None:
        super().reset()
        self._source, self._count, self._timer_s = "IMM", 1.0, 10.0
        self._memory.clear()
        self._end_scan()

    def sense(self, member: str, signal: Signal) -> None:
        """Connect a channel. Raises KeyError for a member that it does not have."""
        kind, number = member[:-3], member[-3:]
        if kind not in {"ch", "temp"} or int(number) not in self._channels:
            raise KeyError(f"it has no meter {member!r}")
        self._signals[member] = signal

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message, with the readings that have ended by now."""
        self._collect()
        return super().handle(line)

    # -- one reading -----------------------------------------------------------------------

    def _signal(self, member: str, otherwise: float) -> float:
        signal = self._signals.get(member)
        return otherwise if signal is None else components(signal())[0]

    def _measure(self, channel: Channel, ended_s: float) -> float:
        noise = self._noise.normal(round(ended_s * 1e6) + channel.number)
        if self._world.fault_of(self.serial, ended_s) == "overload":
            return _OVERLOAD
        value = (
            self._volts(channel, noise)
            if channel.function == "VOLT"
            else (self._degrees(channel, noise))
        )
        if abs(value) >= _OVERLOAD or not channel.scaled:
            return value
        return max(-_OVERLOAD, min(_OVERLOAD, channel.gain * value + channel.offset))

    def _share(self, *of: str) -> float:
        uniform = self._world.stream(self.serial, *of).uniform()
        return _SHARE_OF_ACCURACY * (2.0 * uniform - 1.0)

    def _volts(self, channel: Channel, noise: float) -> float:
        volts = self._signal(f"ch{channel.number}", 0.0)
        if not channel.shows(volts):
            return math.copysign(_OVERLOAD, volts)
        of_reading, of_range = RANGES_V[channel.range_now]
        zero = self._share("zero", f"{channel.range_now:g}") * of_range * channel.range_now
        error = (self._share("gain") * of_reading * volts + zero) / 100
        return volts + error + 2e-7 / math.sqrt(channel.nplc) * channel.range_now * noise

    def _degrees(self, channel: Channel, noise: float) -> float:
        celsius = self._signal(f"temp{channel.number}", _JUNCTION_C)
        kind, of = channel.probe
        there = self._fitted.get(channel.number, (kind, of))
        if there[0] != kind:
            return _OVERLOAD
        if kind == "TC" and there[1] != of:
            celsius = _JUNCTION_C + (celsius - _JUNCTION_C) * SEEBECK[there[1]] / SEEBECK[of]
        accuracy = _THERMOCOUPLE_K if kind == "TC" else _OTHER_K
        celsius += self._share(kind, str(channel.number)) * accuracy + 0.01 * noise
        if channel.unit == "F":
            return celsius * 1.8 + 32.0
        return celsius + (273.15 if channel.unit == "K" else 0.0)

    # -- sweeps ----------------------------------------------------------------------------

    def _end_scan(self) -> None:
        self._left, self._at, self._next_s, self._waits = 0.0, 0, math.inf, False

    def _begin(self) -> None:
        """Begin as many sweeps as TRIGger:COUNt says, as soon as there is a trigger."""
        if not self._scan:
            raise ScpiError(113, "Channel list: empty scan list")
        if self._source == "EXT":
            raise self.not_modelled("TRIG:SOUR EXT with INIT or READ?", -221)
        self._left, self._at, self._began_s = self._count, 0, self._clock.now()
        self._waits = self._source == "BUS"
        self._sweep_s = self._began_s
        self._next_s = math.inf if self._waits else self._ends_s(self._began_s)

    def _ends_s(self, begins_s: float) -> float:
        return begins_s + self._channels[self._scan[self._at]].lasts_s

    @property
    def _runs(self) -> bool:
        return self._next_s < math.inf

    def _take(self) -> _Reading:
        """Take the reading that ends next, and go on to the one after it."""
        ended_s, channel = self._next_s, self._channels[self._scan[self._at]]
        found = _Reading(
            self._measure(channel, ended_s), channel.shown_unit, ended_s - self._began_s,
            channel.number,
        )  # fmt: skip
        self._at += 1
        if self._at < len(self._scan):
            self._next_s = self._ends_s(ended_s)
            return found
        self._at, self._left = 0, self._left - 1
        if not self._left:
            self._end_scan()
        elif self._source == "BUS":
            self._next_s, self._waits = math.inf, True
        else:
            timed_s = self._sweep_s + (self._timer_s if self._source == "TIM" else 0.0)
            self._sweep_s = max(ended_s, timed_s)
            self._next_s = self._ends_s(self._sweep_s)
        return found

    def _collect(self) -> None:
        """Store the readings that have ended by now."""
        while self._runs and reached(self._clock.now(), self._next_s):
            if not self._at and self._source != "BUS":
                self._skip_overwritten()
            self._memory.append(self._take())

    def _skip_overwritten(self) -> None:
        """Leave out sweeps that nobody can ever see, as the memory holds the latest."""
        lasts_s = math.fsum(self._channels[number].lasts_s for number in self._scan)
        period_s = max(lasts_s, self._timer_s if self._source == "TIM" else 0.0)
        kept = self.MEMORY // len(self._scan) + 2
        due = math.floor((self._clock.now() - self._sweep_s) / period_s)
        skipped = min(due, self._left) - kept
        if skipped > 0:
            self._sweep_s, self._left = self._sweep_s + skipped * period_s, self._left - skipped
            self._next_s = self._ends_s(self._sweep_s)

    def _finished(self) -> bool:
        """Let what runs end; False where it never does, or not while anybody would wait."""
        if self._left * len(self._scan) > _MOST_AWAITED or self._waits:
            return not (self._runs or self._waits)
        while self._runs:
            self._world.let_pass(max(0.0, self._next_s - self._clock.now()))
            self._collect()
        return not self._waits

    def _told(self, readings: list[_Reading]) -> str:
        return ",".join(map(self._one, readings))

    def _one(self, reading: _Reading) -> str:
        fields = [nr3(reading.value) + (f" {reading.unit}" if self._fields["UNIT"] else "")]
        if self._fields["TIME"]:
            fields.append(f"{reading.after_s:013.3f}")
        if self._fields["CHAN"]:
            fields.append(str(reading.channel))
        if self._fields["ALAR"]:
            fields.append("0")
        return ",".join(fields)

    @scpi(":READ?")
    def _read(self) -> str | None:
        if self._source == "BUS":
            raise ScpiError(-214)
        if self._count * len(self._scan) > self.MEMORY:
            raise self.not_modelled("READ? of more than the memory", -221)
        self._end_scan()
        self._begin()
        found = []
        while self._runs:
            self._world.let_pass(max(0.0, self._next_s - self._clock.now()))
            if self._runs:
                found.append(self._take())
        return self._told(found)

    @scpi(":INITiate[:IMMediate]")
    def _initiate(self) -> None:
        if self._runs or self._waits:
            raise ScpiError(-213)
        self._memory.clear()
        self._begin()

    @scpi("*TRG")
    def _trigger(self) -> None:
        if not self._waits:
            raise ScpiError(-211)
        self._waits, self._sweep_s = False, self._clock.now()
        self._next_s = self._ends_s(self._sweep_s)

    @scpi(":ABORt")
    def _abort(self) -> None:
        self._end_scan()

    @scpi("*OPC?")
    def _is_complete(self) -> str | None:
        return "1" if self._finished() else None

    @scpi("*WAI")
    def _wait(self) -> None:
        self._finished()

    @scpi(":FETCh?")
    def _fetch(self) -> str | None:
        if not self._finished():
            return None
        if not self._memory:
            raise ScpiError(-230)
        return self._told(list(self._memory))

    @scpi(":R?", Maybe(Number()))
    def _remove(self, most: float | Limit | None) -> str:
        count = round(bounded(Limit.MAX if most is None else most, 1, self.MEMORY, self.MEMORY))
        return block(
            self._told([self._memory.popleft() for _ in range(min(count, len(self._memory)))])
        )

    @scpi(":DATA:POINts?")
    def _points(self) -> str:
        return str(len(self._memory))

    @scpi(":TRIGger:SOURce", Choice("IMMediate", "BUS", "TIMer", "EXTernal",
                                    beyond=("ALAR1", "ALAR2", "ALAR3", "ALAR4")))  # fmt: skip
    def _set_source(self, source: str) -> None:
        self._end_scan()
        self._source = source

    @scpi(":TRIGger:SOURce?")
    def _get_source(self) -> str:
        return self._source

    @scpi(":TRIGger:COUNt", _Count())
    def _set_count(self, count: float | Limit) -> None:
        endless = count == math.inf
        self._count = math.inf if endless else round(bounded(count, 1, _MOST_COUNT, 1))

    @scpi(":TRIGger:COUNt?")
    def _get_count(self) -> str:
        return nr3(min(self._count, _OVERLOAD))

    @scpi(":TRIGger:TIMer", Number("S"))
    def _set_timer(self, seconds: float | Limit) -> None:
        self._timer_s = bounded(seconds, 0.0, _MOST_TIMER_S, 10.0)

    @scpi(":TRIGger:TIMer?")
    def _get_timer(self) -> str:
        return nr3(self._timer_s)
