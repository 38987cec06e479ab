"""Simulated Temptronic ATS-545: a head that blows air on parts, hot, ambient or cold.

Sources: the ATS-545's manual as PyMeasure 0.16 has it; TP04300 interface manual (IEEE 488.2, RSTO
takes 4 s). Estimates: how fast it is (15 K/s, 3 s), that a compressor takes 10 s to run, that
without it, or on another set point than cold, the air gets no colder than the room, that errors
stop the flow.
Not modelled: cycling, DUT control, learning; what is asked of them is refused or kept without
effect, and noted in `beyond`.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from sensorbench.core.quantity import components
from sensorbench.instruments.temptronic_ats545.twin_settings import NO_RAMP, Settings
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Limit, Number, bounded
from sensorbench.protocols.scpi_status import ScpiError
from sensorbench.world.faults import Suffering
from sensorbench.world.fields import Field, Moving
from sensorbench.world.world import World

_COLD = 2
_MANUAL, _PROGRAM, _INITIAL = 10, 0, 63
_LOW_PRESSURE, _SENSOR_OPEN = 16, 32
_LOCAL = {"%RM": "remote", "%LL": "locked", "%GL": "local"}


class SimTemptronicAts545(Settings):
    """An ATS-545 that was switched on and is ready, its head down unless `head_up`.

    Its sensor's error (sigma 0.3 K, the unit's own) is in the air; parts in it lag by 30 s.
    `initial` is the screen after power-up. What a person does at the panel are faults: a set point
    10 K lower (`setpoint_changed`), flow off and on, a program (`program_started`). Air that fails
    is `alarm`.
    """

    IDENTITY = "Temptronic Corporation,ATS-545-M,{serial},4.20"
    SIBLING: ClassVar[tuple[str, str]] = ("ATS-545-M", "ATS-710-M")
    FAULTS: ClassVar[tuple[str, ...]] = (
        "alarm", "sensor_open", "setpoint_changed", "output_off", "output_on", "program_started",
        "identity", "silent",
    )  # fmt: skip
    SENSOR_SIGMA_K: ClassVar[float] = 0.3
    NOISE_K: ClassVar[float] = 0.02
    FASTEST_K_PER_S: ClassVar[float] = 15.0
    TAU_S: ClassVar[float] = 3.0
    PASSIVE_TAU_S: ClassVar[float] = 300.0
    COMPRESSOR_S: ClassVar[float] = 10.0
    RESET_S: ClassVar[float] = 4.0

    terminators: tuple[bytes, ...] = (b"\r\n", b"\n")
    reply_terminator = b"\r\n"

    def __init__(
        self, world: World, serial: str, *, head_up: bool = False, initial: bool = False
    ) -> None:
        super().__init__(
            serial, fault=partial(world.fault_of, serial), beyond=world.beyond_of(serial)
        )
        self._world, self._clock = world, world.clock
        self._ambient_c = components(world.ambient_of("temperature"))[0]
        self._air = Moving(
            self._ambient_c,
            fastest_up=self.FASTEST_K_PER_S,
            tau_s=self.TAU_S,
            moves_before=world.changing,
            now=self._clock.now(),
            body_lag_s=30.0,
        )
        self.drives: dict[str, Field] = {"temperature": self._air}
        self._error_k = self.SENSOR_SIGMA_K * world.stream(serial, "sensor").normal()
        self._noise = world.stream(serial, "noise")
        self._begin_settings()
        self._events_asked_s = 0.0
        self.panel = "local"
        self.head_up, self.flow = head_up, False
        self.mode = _INITIAL if initial else _MANUAL
        self.errors = 0
        self._compressor_at: float | None = None
        self._ready_s = self._moved_s = self._clock.now()
        self._suffering = Suffering(world, serial, self._suffer)

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message; what happened to it is done by then."""
        self._suffering.catch_up()
        text = line.decode("ascii", "replace").strip().upper()
        if self.fault() == "silent" or text == "!":
            return None
        if text in _LOCAL:
            self.panel = _LOCAL[text]
            return None
        if self._clock.now() < self._ready_s:
            return None  # a reset takes its time
        return super().handle(line)

    def acknowledge(self) -> None:
        """Clear the errors, as the operator does."""
        self.errors = 0

    def _suffer(self, fault: str) -> None:
        if fault in {"setpoint_changed", "program_started"}:
            self.setup.set_points_c[self.setup.selected] -= 10.0
            if fault == "program_started":
                self.mode, self.flow = _PROGRAM, not self.head_up
        if fault in {"output_off", "output_on"}:
            self.flow = fault == "output_on" and not self.head_up and not self.errors
        self.errors |= {"alarm": _LOW_PRESSURE, "sensor_open": _SENSOR_OPEN}.get(fault, 0)
        self.flow = self.flow and not self.errors
        self._act()

    # -- the air ---------------------------------------------------------------------------

    def _compressor_runs(self) -> bool:
        now = self._suffering.now_s
        return self._compressor_at is not None and now >= self._compressor_at

    def _act(self) -> None:
        """Let the air do what is set now."""
        now = self._suffering.now_s
        if not self.flow:
            self._air.drift(self._ambient_c, now, self.PASSIVE_TAU_S)
            return
        target_c = self.setup.set_points_c[self.setup.selected] - self._error_k
        ramp = self.setup.ramps[self.setup.selected]
        rate = None if ramp >= NO_RAMP else ramp / 60.0
        warm_c = max(target_c, self._ambient_c - 5.0)
        starts_s = self._compressor_at
        if self.setup.selected != _COLD or starts_s is None:
            self._air.follow([(now, warm_c, rate)])
        elif starts_s <= now:
            self._air.follow([(now, target_c, rate)])
        else:
            self._air.follow([(now, warm_c, rate), (starts_s, target_c, rate)])
        self._moved_s = now

    def _air_c(self, at_s: float | None = None) -> float:
        return components(self._air.at(self._suffering.now_s if at_s is None else at_s))[0]

    def _at_temperature(self) -> bool:
        """Return whether it was in the window for the soak time: what is left only shrinks."""
        now, which = self._suffering.now_s, self.setup.selected
        began_s = now - self.setup.soaks[which]
        if not self.flow or began_s < self._moved_s:
            return False
        left = abs(self._air_c(began_s) + self._error_k - self.setup.set_points_c[which])
        return left <= self.setup.windows[which]

    @scpi("TMPA?")
    def _air_temperature(self) -> str:
        if self._suffering.kind == "sensor_open":
            return "999.9"
        noise = self.NOISE_K * self._noise.normal(round(self._clock.now() * 1e6))
        return f"{self._air_c() + self._error_k + noise:z.1f}"

    @scpi("TEMP?")
    def _temperature(self) -> str:
        return self._dut_temperature() if self.setup.dut_mode else self._air_temperature()

    @scpi("TMPD?")
    def _dut_temperature(self) -> str:
        if not self.setup.dut_type:
            return "999.9"
        return f"{components(self._air.felt(self._suffering.now_s))[0]:z.1f}"

    @scpi("SETD?")
    def _momentary(self) -> str:
        return f"{self.setup.set_points_c[self.setup.selected]:z.1f}"

    @scpi("FLWR?")
    def _flow_rate(self) -> str:
        return "18.0" if self.flow else "0.0"

    @scpi("FLRL?")
    def _flow_litres(self) -> str:
        return "8.5" if self.flow else "0.0"

    # -- what it is told -------------------------------------------------------------------

    @scpi("HEAD", Number())
    def _move_head(self, down: float | Limit) -> None:
        self.head_up = not bounded(down, 0, 1, 0)
        if self.head_up and self.flow:
            self.flow = False
            self._act()

    @scpi("HEAD?")
    def _head(self) -> str:
        return str(int(not self.head_up))

    @scpi("FLOW", Number())
    def _blow(self, on: float | Limit) -> None:
        wanted = bool(bounded(on, 0, 1, 0))
        if wanted and (self.head_up or self.errors):
            raise ScpiError(-221)
        if wanted != self.flow:
            self.flow = wanted
            self._act()

    @scpi("COOL", Number())
    def _cool(self, on: float | Limit) -> None:
        if not bounded(on, 0, 1, 0):
            self._compressor_at = None
        elif self._compressor_at is None:
            self._compressor_at = self._suffering.now_s + self.COMPRESSOR_S
        if self.flow:
            self._act()

    # -- what it tells ---------------------------------------------------------------------

    @scpi("WHAT?")
    def _what(self) -> str:
        return str(self.mode)

    @scpi("AUXC?")
    def _auxiliary(self) -> str:
        bits = {
            2: self.head_up,
            3: not self._compressor_runs(),
            4: bool(self.setup.dut_mode),
            5: self.flow,
            6: True,
            8: self.mode == _MANUAL,
            9: self.setup.ramps[self.setup.selected] < NO_RAMP,
        }
        return str(sum(1 << bit for bit, is_set in bits.items() if is_set))

    def _temperature_condition(self) -> int:
        return 1 if self._at_temperature() else 2

    @scpi("TECR?")
    def _condition(self) -> str:
        return str(self._temperature_condition())

    @scpi("TESR?")
    def _temperature_event(self) -> str:
        """Return the condition, and that it was on its way since this was asked last."""
        was_moving = self._moved_s >= self._events_asked_s
        self._events_asked_s = self._clock.now()
        events = self._temperature_condition() | 2 * was_moving
        return str(events)

    @scpi("EROR?")
    def _errors(self) -> str:
        return str(self.errors)

    @scpi("CLER")
    def _clear_errors(self) -> None:
        self.errors = {"alarm": _LOW_PRESSURE, "sensor_open": _SENSOR_OPEN}.get(
            self._suffering.kind, 0
        )

    @scpi("RSTO")
    def _to_operator(self) -> None:
        self.mode, self._ready_s = _MANUAL, self._clock.now() + self.RESET_S

    @scpi("*RST")
    def _reset(self) -> None:
        self._to_operator()

    @scpi("*CLS")
    def _clear_status(self) -> None:
        self.status.clear()

    @scpi("*ESR?")
    def _events(self) -> str:
        return str(self.status.read_events())

    @scpi("*OPC?")
    def _is_complete(self) -> str:
        return "1"
