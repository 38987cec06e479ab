"""Simulated Siglent SPD3303X: outputs 1 and 2, and the fixed third.

Source: the SPD3303X quick start as public drivers cite it (labmcp-bench-psu 0.1.3; siglent-spd-mcp
0.1.3; PyMeasure, siglent_spdbase.py); the manual of the PSD7303A, page 39, which is the same supply
by another name (SYSTem:VERSion?, TIMEr, a step as `3,0.5,2`).
Not confirmed: the digits of its replies, that a value beyond the range changes nothing, the limit
at power on, the timer bits of the status word while a timer runs, that *RCL leaves outputs switched
as they are.
Not modelled: series and parallel, a timer that runs, the network commands; they are noted, and like
all that it does not know, not answered and no error.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from sensorbench.instruments.simulated_output import Output, Rating
from sensorbench.instruments.simulated_supply import SimulatedSupply
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Choice, Flag, Limit, Maybe, Number, bounded
from sensorbench.protocols.scpi_status import Status
from sensorbench.world.fields import Constant, Driven
from sensorbench.world.world import World

_RATING = Rating(  # it has no protection that can be set
    32.0, 3.2, 64.0, least_amperes=0.0, reset_amperes=3.2, step_volts=1e-3, step_amperes=1e-3
)
_SETTABLE = Maybe(Choice("CH1", "CH2"))
_FIXED_V = 3.3
_STEPS, _MEMORIES, _LONGEST_STEP_S = 5, 5, 10_000.0


class _NoErrors(Status):
    """Nothing that it refuses is told."""

    def push(self, code: int, text: str) -> None:
        """Forget it."""


class SimSiglentSpd3303x(SimulatedSupply[Output]):
    """An SPD3303X. The third output has 3.3 V, and no part in what a person does to the others.

    A person at its panel starts the timers of outputs 1 and 2 (`program_started`), too, whose one
    step is what is set.
    """

    IDENTITY = "Siglent Technologies,SPD3303X,{serial},1.01.01.02.07R2,V3.0"
    SIBLING = ("SPD3303X", "SPD3303C")
    FAULTS: ClassVar[tuple[str, ...]] = (
        "setpoint_changed", "output_off", "output_on", "program_started", "identity", "silent",
    )  # fmt: skip

    def __init__(self, world: World, serial: str) -> None:
        outputs = {
            number: Output(_RATING, partial(world.stream, serial, number), world.changing)
            for number in (1, 2)
        }
        super().__init__(world, serial, outputs)
        self.status = _NoErrors(self.ERROR_CAPACITY)
        self._selected, self._timer = 1, False
        self._locked, self._waves = False, {1: False, 2: False}
        self._steps = {number: [(0.0, _RATING.most_amperes, 0.0)] * _STEPS for number in outputs}
        self._memories: dict[int, dict[int, tuple[float, float]]] = {}
        self._third, self._third_on = Driven(Constant(0.0)), False
        self.drives["out3"] = self._third

    def _suffer(self, fault: str) -> None:
        self._timer = fault == "program_started"
        super()._suffer(fault)

    def _of(self, number: int) -> Output:
        return self._outputs[number or self._selected]

    def _named(self, name: str | None) -> Output:
        return self._of(int(name[-1]) if name else 0)

    @scpi(":CH<2?>:VOLTage", Number("V"))
    @scpi(":VOLTage", Number("V"), bound=(0,))
    def _set_voltage(self, number: int, voltage: float | Limit) -> None:
        output = self._of(number)
        output.setpoint_v = output.round_v(bounded(voltage, 0.0, output.most_v, 0.0))
        output.regulate()

    @scpi(":CH<2?>:VOLTage?")
    @scpi(":VOLTage?", bound=(0,))
    def _get_voltage(self, number: int) -> str:
        return f"{self._of(number).setpoint_v:.3f}"

    @scpi(":CH<2?>:CURRent", Number("A"))
    @scpi(":CURRent", Number("A"), bound=(0,))
    def _set_current(self, number: int, current: float | Limit) -> None:
        output = self._of(number)
        output.limit_a = output.round_a(bounded(current, 0.0, output.most_a, output.most_a))
        output.regulate()

    @scpi(":CH<2?>:CURRent?")
    @scpi(":CURRent?", bound=(0,))
    def _get_current(self, number: int) -> str:
        return f"{self._of(number).limit_a:.3f}"

    @scpi(":INSTrument", Choice("CH1", "CH2"))
    def _select(self, name: str) -> None:
        self._selected = int(name[-1])

    @scpi(":INSTrument?")
    def _get_selected(self) -> str:
        return f"CH{self._selected}"

    @scpi(":OUTPut", Choice("CH1", "CH2", "CH3"), Flag())
    def _switch(self, name: str, on: bool) -> None:
        if name == "CH3":
            if on is not self._third_on:
                self._world.changing()
            self._third_on, self._third.field = on, Constant(_FIXED_V if on else 0.0)
            return
        output = self._named(name)
        output.on = on
        output.regulate()

    @scpi(":OUTPut:TRACK", Number())
    def _track(self, mode: float | Limit) -> None:
        if mode != 0:
            raise self.not_modelled(f":OUTP:TRACK {mode}")

    @scpi(":MEASure:VOLTage?", _SETTABLE)
    def _measure_voltage(self, name: str | None) -> str:
        return f"{max(0.0, self._named(name).read_voltage_v(self._now())):.3f}"

    @scpi(":MEASure:CURRent?", _SETTABLE)
    def _measure_current(self, name: str | None) -> str:
        return f"{max(0.0, self._named(name).read_current_a(self._now())):.3f}"

    @scpi(":MEASure:POWEr?", _SETTABLE)
    def _measure_power(self, name: str | None) -> str:
        output, now = self._named(name), self._now()
        return f"{max(0.0, output.read_voltage_v(now) * output.read_current_a(now)):.3f}"

    @scpi(":SYSTem:STATus?")
    def _get_status(self) -> str:
        word = 0b0100  # outputs 1 and 2 are independent
        for number, output in self._outputs.items():
            word |= (output.mode == 1) << (number - 1)
            word |= output.on << (3 + number) | self._timer << (5 + number)
            word |= self._waves[number] << (7 + number)
        return f"0x{word:x}"

    # -- what moves no output by itself ----------------------------------------------------

    @scpi(":TIMEr:SET", Choice("CH1", "CH2"), Number(), Number("V"), Number("A"), Number("S"))
    def _set_step(
        self,
        name: str,
        step: float | Limit,
        voltage: float | Limit,
        current: float | Limit,
        seconds: float | Limit,
    ) -> None:
        output = self._named(name)
        index = round(bounded(step, 1, _STEPS, 1)) - 1
        steps = [*self._steps[int(name[-1])]]
        steps[index] = (
            bounded(voltage, 0.0, output.most_v, 0.0),
            bounded(current, 0.0, output.most_a, output.most_a),
            bounded(seconds, 0.0, _LONGEST_STEP_S, 0.0),
        )
        self._steps[int(name[-1])] = steps

    @scpi(":TIMEr:SET?", Choice("CH1", "CH2"), Number())
    def _get_step(self, name: str, step: float | Limit) -> str:
        held = self._steps[int(name[-1])][round(bounded(step, 1, _STEPS, 1)) - 1]
        return ",".join(f"{value:g}" for value in held)

    @scpi(":TIMEr", Choice("CH1", "CH2"), Flag())
    def _run_timer(self, name: str, on: bool) -> None:
        if on:
            raise self.not_modelled(f":TIME {name},ON")

    @scpi(":OUTPut:WAVE", Choice("CH1", "CH2"), Flag())
    def _show_wave(self, name: str, on: bool) -> None:
        self._waves[int(name[-1])] = on

    @scpi("*SAV", Number())
    def _save(self, memory: float | Limit) -> None:
        self._memories[round(bounded(memory, 1, _MEMORIES, 1))] = {
            number: (output.setpoint_v, output.limit_a) for number, output in self._outputs.items()
        }

    @scpi("*RCL", Number())
    def _recall(self, memory: float | Limit) -> None:
        held = self._memories.get(round(bounded(memory, 1, _MEMORIES, 1)), {})
        for number, (volts, amperes) in held.items():
            output = self._outputs[number]
            output.setpoint_v, output.limit_a = volts, amperes
            output.regulate()

    @scpi("*LOCK", bound=(True,))
    @scpi("*UNLOCK", bound=(False,))
    def _lock(self, locked: bool) -> None:
        self._locked = locked

    @scpi(":SYSTem:VERSion?")
    def _version(self) -> str:
        return self.IDENTITY.split(",")[3]

    @scpi(":SYSTem:ERRor?")
    def _next_error(self) -> str:
        return "0  No Error"
