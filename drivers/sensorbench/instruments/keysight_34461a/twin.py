"""Simulated Keysight 34461A: it measures the signal it is connected to.

Source: QCoDeS, instrument/sims/Keysight_34465A.yaml; accuracy: Agilent 34401A service guide (same
class); integration, resolution and trigger rules recalled from the Truevolt operating guide.
"""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

from sensorbench.core.quantity import components
from sensorbench.instruments.keysight_34461a.twin_functions import (
    OVERRANGE,
    RESOLUTION,
    nplc_for,
    ohms,
    volts,
)
from sensorbench.protocols.scpi_device import ScpiStatusDevice, scpi
from sensorbench.protocols.scpi_parameters import (
    Choice,
    Flag,
    Limit,
    Maybe,
    Number,
    Text,
    block,
    bounded,
    nr3,
)
from sensorbench.protocols.scpi_status import OPERATION_COMPLETE, ScpiError
from sensorbench.world.conversions import Conversions
from sensorbench.world.twins import Signal
from sensorbench.world.world import World

_OVERLOAD = 9.9e37
_MEMORY = 10_000


class _RangeParameter:
    """A number in the function's unit, or AUTO, which is the default."""

    def __init__(self, unit: str) -> None:
        self._number = Number(unit)

    def parse(self, token: str) -> float | Limit:
        """Return the number or the limit named."""
        return Limit.DEF if token.upper() == "AUTO" else self._number.parse(token)


_VOLT_RANGE, _OHM_RANGE = _RangeParameter("V"), _RangeParameter("OHM")
_VOLT_OPTIONS = (Maybe(_VOLT_RANGE), Maybe(Number("V")))
_OHM_OPTIONS = (Maybe(_OHM_RANGE), Maybe(Number("OHM")))


class SimKeysight34461a(ScpiStatusDevice):
    """A 34461A in a simulated world: volts of a signal, 4-wire ohms of `resistance_ohm`.

    Nothing connected reads 0 V and infinitely many ohms. A reading takes its integration time on
    the clock; INIT and *TRG start them and do not wait, READ?, FETC?, *OPC? and *WAI do, ABOR ends
    them. A reading that ended unwatched has what the signal was when the world next changed, or
    when the meter was next spoken to. The unit's own errors lie inside the one-year accuracy.
    """

    IDENTITY = "Keysight Technologies,34461A,{serial},A.03.03-02.40-03.03-00.52-01-01"
    SIBLING = ("34461A", "34465A")
    FAULTS: ClassVar[tuple[str, ...]] = ("overload", "identity", "silent")
    LINE_HZ: ClassVar[float] = 50.0

    def __init__(self, world: World, serial: str, *, resistance_ohm: float = math.inf) -> None:
        super().__init__(
            serial, fault=partial(world.fault_of, serial), beyond=world.beyond_of(serial)
        )
        self.resistance_ohm = resistance_ohm
        self._volts: Signal = lambda: 0.0
        self._world, self._clock = world, world.clock
        self._functions = {"VOLT": volts(), "FRES": ohms()}
        self._noise = world.stream(serial, "noise")
        self._running, self._left, self._tells_completion = Conversions(), 0, False
        self._settings()
        world.listen(self._collect)

    def sense(self, member: str, signal: Signal) -> None:
        """Connect the leads to what `voltage` measures. Raises KeyError for another member."""
        if member != "voltage":
            raise KeyError(f"a 34461A has no meter {member!r}")
        self._volts = signal

    def _settings(self) -> None:
        self._function = "VOLT"
        for function in self._functions.values():
            function.reset()
        self._readings: list[float] = []
        self._triggers()

    def _triggers(self) -> None:
        self._source, self._trigger_count, self._sample_count = "IMM", 1, 1
        self._stop()

    def reset(self) -> None:
        self._settings()

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message, with the readings that have ended by now."""
        self._collect()
        return super().handle(line)

    # -- readings --------------------------------------------------------------------------

    def _error(self, name: str, value: float, range_: float, ended_s: float) -> float:
        """Return this unit's error: up to 0.8 of what the accuracy allows, and noise."""
        of_reading, of_range = self._functions[name].ranges[range_]
        gain = 1.6 * self._world.stream(self.serial, name, "gain").uniform() - 0.8
        zero = 1.6 * self._world.stream(self.serial, name, f"{range_:g}").uniform() - 0.8
        noise = self._noise.normal(round(ended_s * 1e6))
        noise_share = 1e-7 * math.sqrt(10.0 / self._functions[name].nplc)
        percent = gain * of_reading * value + zero * of_range * range_
        return percent / 100 + noise_share * range_ * noise

    def _reading(self, ended_s: float) -> float:
        name, function = self._function, self._functions[self._function]
        value = components(self._volts())[0] if name == "VOLT" else self.resistance_ohm
        if self._world.fault_of(self.serial, ended_s) == "overload":
            value = math.inf
        range_ = function.range_for(value)
        overload = abs(value) > OVERRANGE * range_
        self.status.questionable.update(function.overload_bit if overload else 0)
        if overload:
            return math.copysign(_OVERLOAD, value)
        return value + self._error(name, value, range_, ended_s)

    def _begin(self) -> None:
        self._armed = False
        count = self._trigger_count * self._sample_count
        if count > _MEMORY:
            raise ScpiError(-221)
        function = self._functions[self._function]
        lasts_s = function.nplc / self.LINE_HZ * (2 if function.autozero else 1)
        self._running = Conversions(self._clock.now(), lasts_s, lasts_s)
        self._readings, self._left = [], count

    def _collect(self) -> None:
        """Take the readings that have ended by now."""
        if not self._left:
            return
        for _ in range(min(self._left, self._running.due(self._clock.now()))):
            self._readings.append(self._reading(self._running.take()))
            self._left -= 1
        if not self._left:
            self._stop()

    def _wait(self) -> None:
        """Let the readings that run end, one after the other."""
        while self._left:
            next_s = self._running.end_s(self._running.taken)
            self._world.let_pass(max(0.0, next_s - self._clock.now()))
            self._collect()

    def _stop(self) -> None:
        self._armed, self._left = False, 0
        if self._tells_completion:
            self._tells_completion = False
            self.status.events |= OPERATION_COMPLETE

    @scpi("*OPC")
    def _complete(self) -> None:
        if self._left:
            self._tells_completion = True
        else:
            super()._complete()

    @scpi("*OPC?")
    def _is_complete(self) -> str:
        self._wait()
        return super()._is_complete()

    @scpi("*WAI")
    def _wait_for_all(self) -> None:
        self._wait()

    def _fetch(self) -> str:
        self._wait()
        if not self._readings:
            raise ScpiError(-230)
        return ",".join(map(nr3, self._readings))

    @scpi(":CONFigure:VOLTage[:DC]", *_VOLT_OPTIONS, bound=("VOLT",))
    @scpi(":CONFigure:FRESistance", *_OHM_OPTIONS, bound=("FRES",))
    def _configure(
        self, name: str, range_: float | Limit | None, resolution: float | Limit | None
    ) -> None:
        function = self._functions[name]
        fixed = None if range_ is None or range_ is Limit.DEF else function.range_holding(range_)
        nplc = nplc_for(resolution, fixed or function.default_range)
        self._triggers()
        self._readings.clear()
        function.reset()
        self._function, function.fixed_range, function.nplc = name, fixed, nplc

    @scpi(":CONFigure?")
    def _configuration(self) -> str:
        function = self._functions[self._function]
        range_ = function.fixed_range or function.default_range
        return f'"{self._function} {nr3(range_)},{nr3(range_ * RESOLUTION[function.nplc])}"'

    @scpi(":MEASure:VOLTage[:DC]?", *_VOLT_OPTIONS, bound=("VOLT",))
    @scpi(":MEASure:FRESistance?", *_OHM_OPTIONS, bound=("FRES",))
    def _measure_now(
        self, name: str, range_: float | Limit | None, resolution: float | Limit | None
    ) -> str:
        self._configure(name, range_, resolution)
        return self._read()

    @scpi(":READ?")
    def _read(self) -> str:
        if self._source == "BUS":
            raise ScpiError(-214)
        self._begin()
        return self._fetch()

    @scpi(":INITiate[:IMMediate]")
    def _initiate(self) -> None:
        if self._left or self._armed:
            raise ScpiError(-213)
        self._readings.clear()
        if self._source == "IMM":
            self._begin()
        else:
            self._armed = True

    @scpi("*TRG")
    def _trigger(self) -> None:
        if not self._armed:
            raise ScpiError(-211)
        self._begin()

    @scpi(":ABORt")
    def _abort(self) -> None:
        self._stop()

    @scpi(":FETCh?")
    def _fetch_query(self) -> str:
        return self._fetch()

    @scpi(":DATA:POINts?")
    def _points(self) -> str:
        return str(len(self._readings))

    @scpi(":R?", Maybe(Number()))
    def _remove(self, most: float | Limit | None) -> str:
        wanted = Limit.MAX if most is None else most
        count = round(bounded(wanted, 1, _MEMORY, _MEMORY))
        taken, self._readings = self._readings[:count], self._readings[count:]
        return block(",".join(map(nr3, taken)))

    @scpi("[:SENSe]:FUNCtion[:ON]", Text())
    def _set_function(self, name: str) -> None:
        known = {"VOLT": "VOLT", "VOLT:DC": "VOLT", "FRES": "FRES"}
        if name.upper() not in known:
            raise ScpiError(-224)
        self._stop()
        self._function = known[name.upper()]

    @scpi("[:SENSe]:FUNCtion[:ON]?")
    def _get_function(self) -> str:
        return f'"{self._function}"'

    @scpi("[:SENSe]:VOLTage[:DC]:NPLCycles", Number(), bound=("VOLT",))
    @scpi("[:SENSe]:FRESistance:NPLCycles", Number(), bound=("FRES",))
    def _set_nplc(self, name: str, nplc: float | Limit) -> None:
        wanted = bounded(nplc, 0.02, 100.0, 10.0)
        self._functions[name].nplc = next(known for known in RESOLUTION if known >= wanted)

    @scpi("[:SENSe]:VOLTage[:DC]:NPLCycles?", bound=("VOLT",))
    @scpi("[:SENSe]:FRESistance:NPLCycles?", bound=("FRES",))
    def _get_nplc(self, name: str) -> str:
        return nr3(self._functions[name].nplc)

    @scpi("[:SENSe]:VOLTage[:DC]:RANGe[:UPPer]", _VOLT_RANGE, bound=("VOLT",))
    @scpi("[:SENSe]:FRESistance:RANGe[:UPPer]", _OHM_RANGE, bound=("FRES",))
    def _set_range(self, name: str, value: float | Limit) -> None:
        function = self._functions[name]
        function.fixed_range = function.range_holding(value)

    @scpi("[:SENSe]:VOLTage[:DC]:RANGe[:UPPer]?", bound=("VOLT",))
    @scpi("[:SENSe]:FRESistance:RANGe[:UPPer]?", bound=("FRES",))
    def _get_range(self, name: str) -> str:
        function = self._functions[name]
        return nr3(function.fixed_range or function.default_range)

    @scpi("[:SENSe]:VOLTage[:DC]:RANGe:AUTO", Flag(), bound=("VOLT",))
    @scpi("[:SENSe]:FRESistance:RANGe:AUTO", Flag(), bound=("FRES",))
    def _set_autorange(self, name: str, on: bool) -> None:
        function = self._functions[name]
        function.fixed_range = None if on else function.fixed_range or function.default_range

    @scpi("[:SENSe]:VOLTage[:DC]:RANGe:AUTO?", bound=("VOLT",))
    @scpi("[:SENSe]:FRESistance:RANGe:AUTO?", bound=("FRES",))
    def _get_autorange(self, name: str) -> str:
        return str(int(self._functions[name].fixed_range is None))

    @scpi("[:SENSe]:VOLTage[:DC]:ZERO:AUTO", Flag(), bound=("VOLT",))
    def _set_autozero(self, name: str, on: bool) -> None:
        self._functions[name].autozero = on

    @scpi("[:SENSe]:VOLTage[:DC]:ZERO:AUTO?", bound=("VOLT",))
    def _get_autozero(self, name: str) -> str:
        return str(int(self._functions[name].autozero))

    @scpi(":TRIGger:SOURce", Choice("IMMediate", "BUS"))
    def _set_source(self, source: str) -> None:
        self._source = source

    @scpi(":TRIGger:SOURce?")
    def _get_source(self) -> str:
        return self._source

    @scpi(":TRIGger:COUNt", Number())
    def _set_trigger_count(self, count: float | Limit) -> None:
        self._trigger_count = round(bounded(count, 1, _MEMORY, 1))

    @scpi(":TRIGger:COUNt?")
    def _get_trigger_count(self) -> str:
        return str(self._trigger_count)

    @scpi(":SAMPle:COUNt", Number())
    def _set_sample_count(self, count: float | Limit) -> None:
        self._sample_count = round(bounded(count, 1, _MEMORY, 1))

    @scpi(":SAMPle:COUNt?")
    def _get_sample_count(self) -> str:
        return str(self._sample_count)
