"""Simulated Keithley 2450: sources a voltage into what hangs on it, and measures.

Source: PyMeasure, keithley2450.py, and QCoDeS, Keithley_2450.yaml; ratings, protection, *RST values
and errors recalled from the 2450 reference manual. Not modelled: sourcing current (it can be set,
but drives nothing), sweeps but linear ones of voltage, trigger models, digital lines. A load is
taken as a resistor when the limit is reached.
"""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

from sensorbench.core.quantity import components
from sensorbench.instruments.keithley_2450.twin_settings import LINE_HZ, number
from sensorbench.instruments.keithley_2450.twin_sweep import Sweeps
from sensorbench.instruments.simulated_smu import SourceOutput
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import (
    Choice,
    Flag,
    Limit,
    Number,
    bounded,
)
from sensorbench.protocols.scpi_status import ScpiError
from sensorbench.world.faults import Suffering
from sensorbench.world.twins import Signal
from sensorbench.world.world import World

_MOST_V, _MOST_A, _LEAST_A = 210.0, 1.05, 1e-9
_LOW_RANGE_V, _HIGH_RANGE_A = 21.0, 0.105
_RESET_LIMIT_A = 1.05e-4
_STEPS_V = (2, 5, 10, 20, 40, 60, 80, 100, 120, 140, 160, 180)
_OVERFLOW = 9.9e37


class SimKeithley2450(SourceOutput, Sweeps):
    """A 2450 in a simulated world: its source feeds the field `source`.

    `sense` says what the load draws ("current", in A at the present voltage) and what lies at the
    terminals while the output is off ("voltage"). A person at the panel lowers the voltage by a
    tenth (`setpoint_changed`), or presses OUTPUT (`output_off`, `output_on`). `beyond` lists what
    it took and does not model.
    """

    IDENTITY = "KEITHLEY INSTRUMENTS,MODEL 2450,{serial},1.7.12b"
    SIBLING = ("2450", "2460")
    ERROR_FORMAT = '{code},"{text}"'
    FAULTS: ClassVar[tuple[str, ...]] = (
        "identity", "language", "overload", "setpoint_changed", "output_off", "output_on",
        "silent",
    )  # fmt: skip

    def __init__(self, world: World, serial: str) -> None:
        super().__init__(
            serial, fault=partial(world.fault_of, serial), beyond=world.beyond_of(serial)
        )
        self.beyond = world.beyond_of(serial)
        self._clock = world.clock
        self._outside: Signal = lambda: 0.0
        self.wire(world, serial)
        self._suffering = Suffering(world, serial, self._suffer)
        self.reset()

    def reset(self) -> None:
        super().reset()
        self._source, self._level = "VOLT", {"VOLT": 0.0, "CURR": 0.0}
        self._limit_a, self._limit_v = _RESET_LIMIT_A, 21.0
        self._protection_v = math.inf
        self._on = False
        self._regulate()

    def sense(self, member: str, signal: Signal) -> None:
        """Connect the leads. Raises KeyError for another member."""
        if member == "current":
            self._draws = signal
        elif member == "voltage":
            self._outside = signal
        else:
            raise KeyError(f"a 2450 has no meter {member!r}")

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message, with the rail where its load puts it now."""
        self._suffering.catch_up()
        if self._on:
            self._regulate()
        return super().handle(line)

    def _suffer(self, fault: str) -> None:
        if fault == "setpoint_changed":
            self._level["VOLT"] *= 0.9
        if fault in {"output_off", "output_on"}:
            self._on = fault == "output_on"
        self._regulate()

    # -- readings --------------------------------------------------------------------------

    def _measure(self, function: str) -> float:
        times = 2 if self._autozero[function] else 1
        self._world.let_pass(times * self._nplc[function] / LINE_HZ)
        if self.fault() == "overload":
            return _OVERFLOW
        value = self._value(function)
        return value if self._measured_in(function, value) else math.copysign(_OVERFLOW, value)

    def _sourced(self) -> float:
        if self._read_back[self._source]:
            return self._value(self._source)
        return self._level[self._source]

    def _value(self, function: str) -> float:
        """Return what the unit makes of what is there."""
        noise = self._noise.normal(round(self._clock.now() * 1e6)) / math.sqrt(self._nplc[function])
        if function == "VOLT":
            return self.read_voltage(
                self._rail_v if self._on else components(self._outside())[0], noise
            )
        if function == "CURR":
            return self.read_current(noise)
        flows_a = self.flows_a
        return self._rail_v / flows_a if flows_a else _OVERFLOW

    # -- the wire --------------------------------------------------------------------------

    @scpi("*LANG?")
    def _language(self) -> str:
        return "SCPI2400" if self.fault() == "language" else "SCPI"

    @scpi(":SOURce:FUNCtion[:MODE]", Choice("VOLTage", "CURRent"))
    def _set_source(self, function: str) -> None:
        if function != self._source:
            self._source, self._on = function, False
            if function == "CURR":
                self.beyond.note("source current")
            self._regulate()

    @scpi(":SOURce:FUNCtion[:MODE]?")
    def _get_source(self) -> str:
        return self._source

    @scpi(":SOURce:VOLTage[:LEVel][:IMMediate][:AMPLitude]", Number("V"))
    def _set_voltage(self, voltage: float | Limit) -> None:
        volts = bounded(voltage, -_MOST_V, _MOST_V, 0.0)
        if abs(volts) > _LOW_RANGE_V and self._limit_a > _HIGH_RANGE_A:
            raise ScpiError(-221)
        self._check_level("VOLT", volts)
        self._level["VOLT"] = volts
        self._regulate()

    @scpi(":SOURce:VOLTage[:LEVel][:IMMediate][:AMPLitude]?")
    def _get_voltage(self) -> str:
        return number(self._level["VOLT"])

    @scpi(":SOURce:VOLTage:ILIMit[:LEVel]", Number("A"))
    def _set_limit(self, limit: float | Limit) -> None:
        amperes = bounded(limit, _LEAST_A, _MOST_A, _RESET_LIMIT_A)
        if abs(self._level["VOLT"]) > _LOW_RANGE_V and amperes > _HIGH_RANGE_A:
            raise ScpiError(-221)
        self._limit_a = amperes
        self._regulate()

    @scpi(":SOURce:VOLTage:ILIMit[:LEVel]?")
    def _get_limit(self) -> str:
        return number(self._limit_a)

    @scpi(":SOURce:VOLTage:ILIMit[:LEVel]:TRIPped?")
    def _is_limited(self) -> str:
        return str(int(self._is_limiting))

    @scpi(
        ":SOURce:VOLTage:PROTection[:LEVel]",
        Choice(*(f"PROT{step}" for step in _STEPS_V), "NONE"),
    )
    def _set_protection(self, step: str) -> None:
        self._protection_v = math.inf if step == "NONE" else float(step.removeprefix("PROT"))
        self._regulate()

    @scpi(":SOURce:VOLTage:PROTection[:LEVel]?")
    def _get_protection(self) -> str:
        return "NONE" if math.isinf(self._protection_v) else f"PROT{self._protection_v:.0f}"

    @scpi(":SOURce:VOLTage:PROTection[:LEVel]:TRIPped?")
    def _is_protecting(self) -> str:
        return str(int(self._on and abs(self._level["VOLT"]) > self._protection_v))

    @scpi(":SOURce:CURRent[:LEVel][:IMMediate][:AMPLitude]", Number("A"))
    def _set_current(self, current: float | Limit) -> None:
        amperes = bounded(current, -_MOST_A, _MOST_A, 0.0)
        self._check_level("CURR", amperes)
        self._level["CURR"] = amperes

    @scpi(":SOURce:CURRent[:LEVel][:IMMediate][:AMPLitude]?")
    def _get_current(self) -> str:
        return number(self._level["CURR"])

    @scpi(":SOURce:CURRent:VLIMit[:LEVel]", Number("V"))
    def _set_compliance(self, voltage: float | Limit) -> None:
        self._limit_v = bounded(voltage, 0.02, _MOST_V, 21.0)

    @scpi(":SOURce:CURRent:VLIMit[:LEVel]?")
    def _get_compliance(self) -> str:
        return number(self._limit_v)

    @scpi(":SOURce:CURRent:VLIMit[:LEVel]:TRIPped?")
    def _is_complying(self) -> str:
        return "0"  # a sourced current drives nothing

    @scpi(":OUTPut[:STATe]", Flag())
    def _switch(self, on: bool) -> None:
        self._on = on
        self._regulate()

    @scpi(":OUTPut[:STATe]?")
    def _is_on(self) -> str:
        return str(int(self._on))
