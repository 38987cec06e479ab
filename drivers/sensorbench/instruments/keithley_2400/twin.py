"""Simulated Keithley 2400: sources a voltage into what hangs on it, and measures.

Sources: PyMeasure, keithley2400.py and its tests, QCoDeS, Keithley_2400.py, and a public summary of
the user's manual 2400S-900-01 (elements and their order, off states, errors 802, 803, 824 and 826,
status bits, that CONFigure switches the output on, that the terminals and remote sense switch it
off). Not confirmed: steps and reply of the voltage protection, that it is NONE after *RST, that
another source function switches the output off, the order of a query's parts where one is refused.
Not modelled: sourcing current (it can be set, but drives nothing), sweeps, lists, source memory,
math and limits, digital lines; they are refused and noted.
"""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

from sensorbench.instruments.keithley_2400.twin_buffer import NOT_MEASURED, Buffer
from sensorbench.instruments.keithley_2400.twin_settings import (
    SENSED,
    SOURCED,
    each,
    of_unit,
    shown,
)
from sensorbench.instruments.keithley_2400.twin_trigger import Reading
from sensorbench.instruments.simulated_smu import SourceOutput
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Choice, Flag, Limit, Maybe, Number, Text, bounded
from sensorbench.protocols.scpi_status import ScpiError
from sensorbench.world.faults import Suffering
from sensorbench.world.world import World

_MOST = {"VOLT": 210.0, "CURR": 1.05}
_LEAST_LIMIT = {"VOLT": 2e-4, "CURR": 1e-9}
_LOW_RANGE_V, _HIGH_RANGE_A = 21.0, 0.105
_RESET_LIMIT_A = 1.05e-4
_STEPS_V = (20.0, 40.0, 60.0, 80.0, 100.0, 120.0, 160.0)
_NO_PROTECTION_V = 210.0
_OVERFLOW = 9.9e37
_NAMES = {
    name.upper(): short
    for short, names in {
        "VOLT": ("VOLTage", "VOLT", "VOLTage:DC", "VOLT:DC"),
        "CURR": ("CURRent", "CURR", "CURRent:DC", "CURR:DC"),
        "RES": ("RESistance", "RES"),
    }.items()
    for name in names
}
_ANSWERED = {"VOLT": '"VOLT:DC"', "CURR": '"CURR:DC"', "RES": '"RES"'}
_REAL_COMPLIANCE, _OVP, _V_SOURCE, _I_SOURCE = 1 << 3, 1 << 4, 1 << 14, 1 << 15
_PROTECTED, _COMPLYING = 1 << 13, 1 << 14
_BLOCKED = ScpiError(802, "OUTPUT blocked by output enable")


class Protection:
    """A voltage, or NONE."""

    def parse(self, token: str) -> float | Limit:
        """Return the voltage, infinite for NONE."""
        return math.inf if token.upper() == "NONE" else Number("V").parse(token)


class SimKeithley2400(SourceOutput, Buffer):
    """A 2400 in a simulated world: its source feeds the field `source`.

    A person at the panel lowers the voltage by a tenth (`setpoint_changed`), presses OUTPUT
    (`output_off`, `output_on`), starts a sweep (`program_started`); a fixture's lid that is open
    (`lid`) switches the output off and keeps it so.
    """

    IDENTITY = "KEITHLEY INSTRUMENTS INC.,MODEL 2400,{serial},C32   Oct  4 2010 14:20:11/A02  /E/F"
    SIBLING = ("2400", "2410")
    ERROR_FORMAT = '{code:+d},"{text}"'
    ERROR_CAPACITY = 10
    VERSION = "1996.0"
    FAULTS: ClassVar[tuple[str, ...]] = (
        "identity", "overload", "lid", "setpoint_changed", "output_off", "output_on",
        "program_started", "silent",
    )  # fmt: skip

    terminators: tuple[bytes, ...] = (b"\r\n", b"\r", b"\n")
    reply_terminator: bytes = b"\r"

    def __init__(self, world: World, serial: str) -> None:
        super().__init__(
            serial, fault=partial(world.fault_of, serial), beyond=world.beyond_of(serial)
        )
        self._clock = world.clock
        self.wire(world, serial)
        self._suffering = Suffering(world, serial, self._suffer)
        self._begin_buffer()
        self.reset()

    def reset(self) -> None:
        super().reset()
        self._source, self._level = "VOLT", {"VOLT": 0.0, "CURR": 0.0}
        self._modes = dict.fromkeys(SOURCED, "FIX")
        self._limit_a, self._limit_v = _RESET_LIMIT_A, 21.0
        self._protection_v = math.inf
        self._on, self._clears = False, False
        self._concurrent = True
        self._regulate()

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message, with the rail where its load puts it now."""
        self._suffering.catch_up()
        if self._on:
            self._regulate()
        return super().handle(line)

    def _suffer(self, fault: str) -> None:
        if fault == "setpoint_changed":
            self._level["VOLT"] *= 0.9
        if fault in {"output_off", "output_on", "lid"}:
            self._on = fault == "output_on"
        if fault == "program_started":
            self._modes["VOLT"] = "SWE"
        self._regulate()

    def _switch_to(self, on: bool) -> None:
        if on and self._suffering.kind == "lid":
            raise _BLOCKED
        self._on = on
        if not on and not self._clears:
            self._go_idle()
        self._regulate()

    # -- source ----------------------------------------------------------------------------

    @scpi(":SOURce:FUNCtion[:MODE]", Choice("VOLTage", "CURRent", beyond=("MEM", "MEMORY")))
    def _set_source(self, function: str) -> None:
        if function != self._source:
            self._source, self._on = function, False
            if function == "CURR":
                self.not_modelled("source current")
            self._regulate()

    @scpi(":SOURce:FUNCtion[:MODE]?")
    def _get_source(self) -> str:
        return self._source

    @each(":SOURce:{}:MODE", SOURCED, lambda _: (
        Choice("FIXed", beyond=("SWE", "SWEEP", "LIST")),))  # fmt: skip
    def _set_mode(self, name: str, mode: str) -> None:
        self._modes[name] = mode

    @each(":SOURce:{}:MODE?", SOURCED)
    def _get_mode(self, name: str) -> str:
        return self._modes[name]

    @each(":SOURce:{}[:LEVel][:IMMediate][:AMPLitude]", SOURCED, of_unit)
    def _set_level(self, name: str, level: float | Limit) -> None:
        value = bounded(level, -_MOST[name], _MOST[name], 0.0)
        if name == "VOLT":
            self._check_power(value, self._limit_a)
        self._check_level(name, value)
        self._level[name] = value
        self._regulate()

    @each(":SOURce:{}[:LEVel][:IMMediate][:AMPLitude]?", SOURCED)
    def _get_level(self, name: str) -> str:
        return shown(self._level[name])

    @scpi(":SOURce:VOLTage:PROTection[:LEVel]", Protection())
    def _set_protection(self, voltage: float | Limit) -> None:
        wanted = _NO_PROTECTION_V if isinstance(voltage, Limit) else abs(voltage)
        self._protection_v = next((step for step in _STEPS_V if wanted <= step), math.inf)
        self._regulate()

    @scpi(":SOURce:VOLTage:PROTection[:LEVel]?")
    def _get_protection(self) -> str:
        return shown(min(self._protection_v, _NO_PROTECTION_V))

    @scpi("[:SENSe]:CURRent[:DC]:PROTection[:LEVel]", Number("A"))
    def _set_limit(self, limit: float | Limit) -> None:
        amperes = abs(bounded(limit, -_MOST["CURR"], _MOST["CURR"], _RESET_LIMIT_A))
        if amperes < _LEAST_LIMIT["CURR"]:
            raise ScpiError(-222)
        self._check_power(self._level["VOLT"], amperes)
        if not self._autorange["CURR"] and amperes < 1e-3 * self._range["CURR"]:
            raise ScpiError(822, "Too small for sense range")
        self._limit_a = amperes
        self._regulate()

    @scpi("[:SENSe]:CURRent[:DC]:PROTection[:LEVel]?")
    def _get_limit(self) -> str:
        return shown(self._limit_a)

    @scpi("[:SENSe]:CURRent[:DC]:PROTection:TRIPped?")
    def _is_limited(self) -> str:
        return str(int(self._is_complying))

    @scpi("[:SENSe]:VOLTage[:DC]:PROTection:TRIPped?")
    def _is_held_back(self) -> str:
        return "0"  # a sourced current drives nothing

    @scpi("[:SENSe]:VOLTage[:DC]:PROTection[:LEVel]", Number("V"))
    def _set_compliance(self, voltage: float | Limit) -> None:
        volts = abs(bounded(voltage, -_MOST["VOLT"], _MOST["VOLT"], 21.0))
        if volts < _LEAST_LIMIT["VOLT"]:
            raise ScpiError(-222)
        self._limit_v = volts

    @scpi("[:SENSe]:VOLTage[:DC]:PROTection[:LEVel]?")
    def _get_compliance(self) -> str:
        return shown(self._limit_v)

    def _check_power(self, volts: float, amperes: float) -> None:
        if abs(volts) > _LOW_RANGE_V and amperes > _HIGH_RANGE_A:
            raise ScpiError(826, "Attempt to exceed power limit")

    @scpi(":OUTPut[:STATe]", Flag())
    def _switch(self, on: bool) -> None:
        self._switch_to(on)

    @scpi(":OUTPut[:STATe]?")
    def _is_on(self) -> str:
        return str(int(self._on))

    @scpi(":SOURce:CLEar[:IMMediate]")
    def _clear(self) -> None:
        self._switch_to(False)

    @scpi(":SOURce:CLEar:AUTO", Flag())
    def _set_clears(self, on: bool) -> None:
        self._clears = on

    @scpi(":SOURce:CLEar:AUTO?")
    def _does_clear(self) -> str:
        return str(int(self._clears))

    @scpi(":ROUTe:TERMinals", Choice("FRONt", "REAR"))
    def _set_terminals(self, terminals: str) -> None:
        if terminals != self._terminals:
            self._switch_to(False)
        self._terminals = terminals

    @scpi(":SYSTem:RSENse", Flag())
    def _set_remote_sense(self, on: bool) -> None:
        if on != self._remote_sense:
            self._switch_to(False)
        self._remote_sense = on

    # -- readings --------------------------------------------------------------------------

    @scpi("[:SENSe]:FUNCtion:CONCurrent", Flag())
    def _set_concurrent(self, on: bool) -> None:
        self._concurrent = on
        if not on and len(self._measured) > 1:
            self._measured = {"CURR"}

    @scpi("[:SENSe]:FUNCtion:CONCurrent?")
    def _is_concurrent(self) -> str:
        return str(int(self._concurrent))

    @scpi("[:SENSe]:FUNCtion[:ON]", Text(), Maybe(Text()), Maybe(Text()))
    def _measure_these(self, *texts: str | None) -> None:
        names = self._functions(texts)
        if not self._concurrent and len(names) > 1:
            raise ScpiError(-221)
        self._measured = self._measured | names if self._concurrent else names

    @scpi("[:SENSe]:FUNCtion:OFF", Text(), Maybe(Text()), Maybe(Text()))
    def _measure_not(self, *texts: str | None) -> None:
        self._measured -= self._functions(texts)

    def _functions(self, texts: tuple[str | None, ...]) -> set[str]:
        names = {_NAMES.get(text.strip().upper(), "") for text in texts if text is not None}
        if "" in names:
            raise ScpiError(-224)
        return names

    @scpi("[:SENSe]:FUNCtion:ON:ALL")
    @scpi("[:SENSe]:FUNCtion:ALL")
    def _measure_all(self) -> None:
        self._measured = set(SENSED)

    @scpi("[:SENSe]:FUNCtion:OFF:ALL")
    def _measure_nothing(self) -> None:
        self._measured = set()

    @scpi("[:SENSe]:FUNCtion[:ON]?")
    def _get_measured(self) -> str:
        return ",".join(_ANSWERED[name] for name in SENSED if name in self._measured) or '""'

    @each(":CONFigure:{}", SENSED)
    def _configure(self, name: str) -> None:
        self._measured = {name}
        self._trigger_at_once()
        self._feeds, self._autozero = False, True
        self._autorange[name] = True
        self._switch_to(True)

    @each(":MEASure:{}?", SENSED)
    def _measure(self, name: str) -> str | None:
        self._configure(name)
        return self._read()

    def _may_measure(self) -> None:
        if not self._on and not self._clears:
            raise ScpiError(803, "Not permitted with OUTPUT off")

    def _measured_all(self) -> None:
        if self._clears:
            self._switch_to(False)

    def _take(self) -> Reading:
        """Take one reading of each function, which takes its time."""
        if not self._on:
            self._switch_to(True)
        conversions = max(1, len(self._measured)) * (3 if self._autozero else 1)
        averaged = self._filter_count if self._filtered and self._filter == "REP" else 1
        self._world.let_pass(self._delay_s + averaged * conversions * self._nplc / self._line_hz)
        reading = {
            **{name: self._value(name) for name in SENSED},
            "TIME": self._clock.now() % 99999.0,
            "STAT": float(self._status_word()),
        }
        self._keep(reading)
        return reading

    def _value(self, name: str) -> float:
        if name not in self._measured:
            return self._level[name] if name == self._source else NOT_MEASURED
        if self._suffering.kind == "overload":
            return _OVERFLOW
        value = self._what_is(name)
        return value if self._measured_in(name, value) else math.copysign(_OVERFLOW, value)

    def _what_is(self, name: str) -> float:
        noise = self._noise.normal(round(self._clock.now() * 1e6)) / math.sqrt(self._nplc)
        if name == "VOLT":
            return self.read_voltage(self._rail_v, noise)
        if name == "CURR":
            return self.read_current(noise)
        flows_a = self.flows_a
        return self._rail_v / flows_a if flows_a else _OVERFLOW

    # -- status ----------------------------------------------------------------------------

    @property
    def _is_protecting(self) -> bool:
        return self._on and abs(self._level["VOLT"]) > self._protection_v

    @property
    def _is_complying(self) -> bool:
        return self._on and self._is_limiting

    def _status_word(self) -> int:
        """Return the STATus element."""
        bits = _V_SOURCE if self._source == "VOLT" else _I_SOURCE
        return bits | _REAL_COMPLIANCE * self._is_complying | _OVP * self._is_protecting

    def _conditions(self) -> int:
        return _COMPLYING * self._is_complying | _PROTECTED * self._is_protecting
