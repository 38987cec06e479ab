"""Simulated Ideal Aerosmith rate table on the world's angular rate.

Sources: a public client of the 1270VS and its tests (commands, limits, framing); PVE recalled. How
a real table words a refusal is not known: these are the twin's own. Not modelled, but taken:
homing, calibrating, the clutch; `beyond` lists them.
"""

from __future__ import annotations

import math
import re
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from sensorbench.core.quantity import Value, components
from sensorbench.world.faults import Suffering
from sensorbench.world.fields import Field, Moving, Times
from sensorbench.world.world import World

_MOST_DEG_PER_S = 360
_MOST_ACCELERATION = 1000.0
_SERVO_S, _FREEWHEEL_S = 0.05, 8.0
_NUMBER = r"-?\d+(?:\.\d+)?"
_COMMAND = re.compile(rf"([A-Z]{{3}})(\?|{_NUMBER})?")


class _Turning:
    """The table's rate: what its servo makes, with a ripple of 0.005 % a turn."""

    RIPPLE: ClassVar[float] = 5e-5

    def __init__(self, smooth: Moving, gain: float, phase: float) -> None:
        self._smooth, self._gain, self._phase = smooth, gain, phase

    def sample(self, times: Times) -> npt.NDArray[np.float64]:
        rate = self._smooth.sample(times)
        turns = rate * np.asarray(times) / 360.0
        ripple = self.RIPPLE * np.sin(2 * np.pi * turns + self._phase)
        return np.asarray(rate * (self._gain + ripple))

    def at(self, now: float) -> Value:
        return float(self.sample(np.array([now]))[0])

    def felt(self, now: float) -> Value:
        return self.at(now)

    def rising(self, now: float) -> bool:
        return self._smooth.rising(now)

    def still_from(self, now: float) -> float:
        return self._smooth.still_from(now)


class SimIdealAerosmith:
    """A table in a simulated world: it drives the field `angular_rate` about its axis, upwards.

    Its rate is 0.002 % off (one sigma, the unit's own). Faults: `seized` takes every command and
    does not turn faster or slower, `setpoint_changed` is a person who sets half the rate,
    `output_off` one who switches the servo off, `silent` does not answer.
    """

    FAULTS: ClassVar[tuple[str, ...]] = ("seized", "setpoint_changed", "output_off", "silent")

    terminators: tuple[bytes, ...] = (b"\r", b"\r\n")
    reply_terminator: bytes = b"\r\n>\r\n"

    def __init__(self, world: World, serial: str, *, acceleration: str = "100 deg/s2") -> None:  # noqa: ARG002
        self.serial = serial
        self.beyond = world.beyond_of(serial)
        self._world, self._clock = world, world.clock
        self._acceleration, self._servo, self._jog = 100.0, False, 0.0
        self._smooth = Moving(
            0.0,
            fastest_up=_MOST_ACCELERATION,
            tau_s=_SERVO_S,
            moves_before=world.changing,
            now=self._clock.now(),
        )
        gain = 1.0 + 2e-5 * world.stream(serial, "gain").normal()
        phase = 2 * math.pi * world.stream(serial, "phase").uniform()
        self._turning = _Turning(self._smooth, gain, phase)
        self._noise = world.stream(serial, "encoder")
        self.drives: dict[str, Field] = {"angular_rate": self._turning}
        self._suffering = Suffering(world, serial, self._suffer)

    def understood(self) -> tuple[str, ...]:
        """Return every command and query it knows."""
        return (
            "ACL <deg/s2>",
            "ACL ?",
            "JOG <deg/s>",
            "JOG ?",
            "PVE ?",
            "SRV <0|1>",
            "SRV ?",
            "STO",
        )

    def handle(self, line: bytes) -> bytes | None:
        """Answer one line; the prompt is the end of every answer."""
        self._suffering.catch_up()
        if self._suffering.kind == "silent":
            return None
        command = line.decode("ascii", "replace").strip()
        return self._answer(command).encode("ascii", "replace") if command else b""

    def _suffer(self, fault: str) -> None:
        if fault == "setpoint_changed":
            self._jog = float(round(self._jog / 2))
            if self._servo:
                self._drive(self._jog)
        if fault == "output_off":
            self._set_servo(0.0)

    def _answer(self, command: str) -> str:
        match = _COMMAND.fullmatch(command)
        if not match:
            self.beyond.note(command)
            return f"UNKNOWN COMMAND {command}"
        mnemonic, value = match.groups()
        if value == "?":
            return self._query(mnemonic)
        action = {
            "JOG": self._set_jog,
            "ACL": self._set_acceleration,
            "SRV": self._set_servo,
            "STO": self._stop,
        }.get(mnemonic)
        if action:
            return action(None if value is None else float(value))
        if mnemonic in {"HOM", "CAL", "CLU"}:
            self.beyond.note(command)
            return ""
        self.beyond.note(mnemonic)
        return f"UNKNOWN COMMAND {command}"

    def _query(self, mnemonic: str) -> str:
        if mnemonic == "PVE":
            rate = components(self._turning.at(self._clock.now()))[0]
            return f"{rate + 5e-4 * self._noise.normal(round(self._clock.now() * 1e6)):.4f}"
        known = {"ACL": self._acceleration, "JOG": self._jog, "SRV": float(self._servo)}
        if mnemonic in known:
            return f"{known[mnemonic]:g}"
        self.beyond.note(f"{mnemonic} ?")
        return f"UNKNOWN QUERY {mnemonic}"

    def _set_jog(self, rate: float | None) -> str:
        if rate is None or rate != round(rate) or abs(rate) > _MOST_DEG_PER_S:
            return "VALUE OUT OF RANGE"
        if not self._servo:
            return "SERVO IS OFF"
        self._jog = rate
        self._drive(rate)
        return ""

    def _set_acceleration(self, acceleration: float | None) -> str:
        if acceleration is None or not 0 < acceleration <= _MOST_ACCELERATION:
            return "VALUE OUT OF RANGE"
        self._acceleration = acceleration
        return ""

    def _set_servo(self, on: float | None) -> str:
        if on not in (0.0, 1.0):
            return "VALUE OUT OF RANGE"
        if self._servo and not on:
            self._jog = 0.0
            self._smooth.drift(0.0, self._suffering.now_s, _FREEWHEEL_S)
        self._servo = bool(on)
        return ""

    def _stop(self, value: float | None) -> str:
        if value is not None:
            return "VALUE NOT ALLOWED"
        self._jog = 0.0
        if self._servo:
            self._drive(0.0)
        return ""

    def _drive(self, rate: float) -> None:
        if self._world.fault_of(self.serial) != "seized":
            self._smooth.go(rate, self._suffering.now_s, self._acceleration)
