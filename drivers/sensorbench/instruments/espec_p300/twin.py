"""Simulated Espec P300: a chamber that heats, cools and humidifies its air.

Source: EspecNorthAmerica/ChamberConnectLibrary, chamberconnectlibrary/p300.py (what is sent, how
replies are read). That library names no alarm numbers: those of this twin are its own.
Not modelled: stored programs and timers, product temperature control; what is unknown is
refused and noted in `beyond`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

from sensorbench.instruments.espec_p300.twin_panel import (
    ALARM,
    STATE_CHANGE,
    STEP_DONE,
    Controller,
    not_fitted,
)
from sensorbench.instruments.espec_p300.twin_program import Program, Refused, read_program
from sensorbench.instruments.simulated_air import (
    PASSIVE_TAU_S,
    Humidity,
    air_of,
    heater_percent,
    number,
)
from sensorbench.world.faults import Suffering
from sensorbench.world.fields import Field
from sensorbench.world.world import World

_NUMBER = r"(-?\d+(?:\.\d)?)"
_TEMP = re.compile(rf"TEMP, ?(?:S{_NUMBER})? ?(?:H{_NUMBER})? ?(?:L{_NUMBER})?")
_PERCENT = r"(\d+(?:\.\d)?)"
_HUMI = re.compile(rf"HUMI, ?(?:S(OFF|\d+(?:\.\d)?))? ?(?:H{_PERCENT})? ?(?:L{_PERCENT})?")


class SimEspecP300:
    """A P300, with humidity control or without.

    The controller drives its own sensors to the setpoints, so their errors (sigma 0.1 K and 1 %RH,
    the unit's own) are in the air. A ramp starts from where the air is. Alarms latch and stop the
    plant; `alarm` raises one, `acknowledge` is the operator at the panel. A temperature sensor that
    sticks keeps its last value, and the controller, which never sees it arrive, goes on heating
    (or cooling) by 40 K more; one that is open reads no number, and heats no more. Data protection
    is set at the panel: `panel.data_protected`. What a person does there are faults, too: other
    setpoints, 10 K and 10 %RH lower (`setpoint_changed`), STANDBY (`output_off`), CONSTANT
    (`output_on`), a stored program that leads there (`program_started`). With an `address` it hears
    only lines that begin with it, as on RS-485.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (
        "sensor_stuck", "sensor_open", "alarm", "setpoint_changed", "output_off",
        "output_on", "program_started", "identity", "silent",
    )  # fmt: skip
    HIGH_ALARM, LOW_ALARM, PLANT_ALARM = 1, 2, 9
    LOWEST_C: ClassVar[float] = -75.0
    HIGHEST_C: ClassVar[float] = 180.0
    SENSOR_SIGMA_K: ClassVar[float] = 0.1
    SENSOR_SIGMA_RH: ClassVar[float] = 1.0
    NOISE_K: ClassVar[float] = 0.02
    NOISE_RH: ClassVar[float] = 0.1
    RUNAWAY_K: ClassVar[float] = 40.0
    BY_HAND_K: ClassVar[float] = 10.0
    BY_HAND_RH: ClassVar[float] = 10.0

    terminators: tuple[bytes, ...] = (b"\r\n",)
    reply_terminator: bytes = b"\r\n"

    def __init__(
        self, world: World, serial: str, *, humidity: bool = True, address: int | None = None
    ) -> None:
        self.serial = serial
        self.beyond = world.beyond_of(serial)
        self._address = address
        self._world, self._clock = world, world.clock
        self._air = air_of(world)
        self._humidity = Humidity(world, self._air) if humidity else None
        self.drives: dict[str, Field] = {"temperature": self._air}
        if self._humidity:
            self.drives["humidity"] = self._humidity
        self._sensor_error_k = self.SENSOR_SIGMA_K * world.stream(serial, "sensor").normal()
        self._sensor_error_rh = self.SENSOR_SIGMA_RH * world.stream(serial, "wet sensor").normal()
        self._noise = world.stream(serial, "noise")
        self._wet_noise = world.stream(serial, "wet noise")
        self.panel = Controller(world.clock, lambda: self.running, lambda: self._mode == "OFF")
        self._mode = "STANDBY"
        self._setpoint_c, self._setpoint_rh, self._humidity_on = 23.0, 50.0, False
        self._high_c, self._low_c = self.HIGHEST_C, self.LOWEST_C
        self._high_rh, self._low_rh = 100.0, 0.0
        self._program: Program | None = None
        self._told: Program | None = None  # the one whose end was noted
        self._goal: tuple[float, float | None] | None = None  # setpoint and rate while it drives
        self._alarms: list[int] = []
        self._suffering = Suffering(world, serial, self._suffer)
        self._stuck_c = 0.0
        self._queries = self._all_queries()
        self._settings: dict[str, Callable[[str], None]] = {
            "TEMP,": self._set_temp,
            "HUMI,": self._set_humi,
            "RUN PRGM,": self._start_program,
        }
        self._modes: dict[str, Callable[[], None]] = {
            "MODE,OFF": lambda: self._stop("OFF"),
            "POWER,OFF": lambda: self._stop("OFF"),
            "POWER,off": lambda: self._stop("OFF"),
            "MODE,STANDBY": lambda: self._stop("STANDBY"),
            "MODE,CONSTANT": self._start_constant,
            "POWER,ON": self._start_constant,
        }

    def _all_queries(self) -> dict[str, Callable[[], str]]:
        return {
            "TEMP?": self._temp,
            "HUMI?": self._humi,
            "MON?": lambda: self._mon(self._mode),
            "MON?,DETAIL": lambda: self._mon(self._detail()),
            "MODE?": lambda: self._mode,
            "MODE?,DETAIL": self._detail,
            "ALARM?": lambda: ",".join(str(n) for n in (len(self._alarms), *self._alarms)),
            "TYPE?": self._type,
            "CONSTANT SET?,TEMP": lambda: f"{self._setpoint_c:z.1f},ON",
            "CONSTANT SET?,HUMI": self._constant_humidity,
            "RUN PRGM?": self._run_program,
            "RUN PRGM MON?": self._run_program_monitor,
            "%?": self._outputs,
            **self.panel.queries,
            "SRQ?": self._requests,
        }

    def _requests(self) -> str:
        self._note_end_of_program()
        return self.panel.queries["SRQ?"]()

    def _note_end_of_program(self) -> None:
        """Ask for service if the remote program has ended by now."""
        program = self._program
        if program and program is not self._told and not program.left_s(self._clock.now()):
            self._told = program
            self.panel.request(STEP_DONE)

    def _change_mode(self, mode: str, program: Program | None = None) -> None:
        self._note_end_of_program()
        if mode != self._mode:
            self.panel.request(STATE_CHANGE)
        self._mode, self._program = mode, program

    def understood(self) -> tuple[str, ...]:
        """Return every command it knows; a setting's is followed by its value."""
        settings = {**self._settings, **self.panel.settings}
        stored = ("TIMER LIST?,<n>", "PRGM USE?,RAM:<n>", "PRGM DATA?,RAM:<n>")
        return tuple(sorted({*self._queries, *self._modes, *settings, *stored, "MODE,RUN<n>"}))

    # -- the panel -------------------------------------------------------------------------

    def alarm(self, number: int) -> None:
        """Raise an alarm: it latches and stops the plant."""
        if number not in self._alarms:
            self._alarms.append(number)
            self.panel.request(ALARM)
        self._stop("OFF" if self._mode == "OFF" else "STANDBY")

    def acknowledge(self) -> None:
        """Clear all alarms, as the operator does at the panel."""
        self._alarms.clear()

    @property
    def running(self) -> bool:
        """Return whether the plant heats or cools."""
        return self._goal is not None

    # -- the line --------------------------------------------------------------------------

    def handle(self, line: bytes) -> bytes | None:
        """Answer one line; settings are answered too."""
        self._suffering.catch_up()
        self._watch()
        command = line.decode("ascii", "replace").strip()
        if not command or self._fault == "silent":
            return None
        if self._address is not None:
            # RS-485: who is not meant says nothing, so that one controller answers (recalled).
            before, comma, command = command.partition(",")
            if not comma or before.strip() != str(self._address):
                return None
        try:
            reply = self._answer(command)
        except Refused as refused:
            reply = f"NA:{refused}"
        if command not in self._queries:
            self._watch()  # limits that were narrowed alarm at once
        return reply.encode("ascii", "replace")

    def _answer(self, command: str) -> str:
        query = self._queries.get(command)
        if query:
            return query()
        if self.panel.stored(command) or re.fullmatch(r"MODE,RUN\d+", command):
            raise Refused("DATA NOT READY")
        name, comma, value = command.partition(",")
        known = self._settings.get(name + comma) or self.panel.settings.get(name + comma)
        mode = self._modes.get(command)
        if not known and not mode:
            self.beyond.note(name)
            raise Refused("CMD ERR")
        if known and self.panel.data_protected and name not in {"KEYPROTECT", "SRQ", "MASK"}:
            raise Refused("PROTECT ON")
        if mode:
            mode()
        elif known:
            known(command if name + comma in self._settings else value)
        return f"OK:{command}"

    # -- what goes wrong -------------------------------------------------------------------

    @property
    def _fault(self) -> str:
        return self._suffering.kind

    @property
    def _now_s(self) -> float:
        return self._suffering.now_s

    def _suffer(self, fault: str) -> None:
        """Let a fault begin or end."""
        self._by_hand(fault)
        self._stuck_c = self._true_c()
        if self._goal:
            self._drive(*self._goal)
        self._watch()

    def _by_hand(self, fault: str) -> None:
        """Do what a person does at the panel."""
        if fault == "output_off":
            self._stop("OFF" if self._mode == "OFF" else "STANDBY")
        if fault == "output_on":
            with suppress(Refused):  # the panel refuses as the line does
                self._start_constant()
        if fault in {"setpoint_changed", "program_started"}:
            was_c = self._goal[0] if self._goal else self._setpoint_c
            self._setpoint_c = max(self._low_c, was_c - self.BY_HAND_K)
            if self.running:
                self._change_mode("RUN" if fault == "program_started" else "CONSTANT")
                self._goal = self._setpoint_c, None
            if self._humidity_on:
                self._setpoint_rh = max(self._low_rh, self._setpoint_rh - self.BY_HAND_RH)
                self._humidify(self._setpoint_rh if self.running else None)

    def _watch(self) -> None:
        if self._fault == "alarm" and self.PLANT_ALARM not in self._alarms:
            self.alarm(self.PLANT_ALARM)
        if self._fault == "sensor_open":
            return
        felt_c = self._stuck_c if self._fault == "sensor_stuck" else self._true_c()
        measured_c = round(felt_c, 1)
        if measured_c > self._high_c and self.HIGH_ALARM not in self._alarms:
            self.alarm(self.HIGH_ALARM)
        if measured_c < self._low_c and self.LOW_ALARM not in self._alarms:
            self.alarm(self.LOW_ALARM)

    # -- what it measures ------------------------------------------------------------------

    def _true_c(self) -> float:
        return number(self._air.at(self._now_s)) + self._sensor_error_k

    def _measured_c(self) -> float:
        if self._fault == "sensor_stuck":
            return self._stuck_c
        noise = self._noise.normal(round(self._clock.now() * 1e6))
        return self._true_c() + self.NOISE_K * noise

    def _shown_c(self) -> str:
        return "NaN" if self._fault == "sensor_open" else f"{self._measured_c():z.1f}"

    def _shown_rh(self) -> str:
        if self._humidity is None:
            return ""
        now = self._clock.now()
        noise = self.NOISE_RH * self._wet_noise.normal(round(now * 1e6))
        true_rh = number(self._humidity.at(now))
        return f"{max(0.0, min(100.0, true_rh + self._sensor_error_rh + noise)):.0f}"

    def _temp(self) -> str:
        program, now = self._program, self._clock.now()
        setpoint_c = program.setpoint_c(now) if program else self._setpoint_c
        fields = (setpoint_c, self._high_c, self._low_c)
        return ",".join([self._shown_c(), *(f"{field:z.1f}" for field in fields)])

    def _humi(self) -> str:
        self._check_humidity()
        program, set_rh = self._program, self._setpoint_rh if self._humidity_on else None
        setpoint_rh = program.setpoint_rh(self._clock.now()) if program else set_rh
        shown = "OFF" if setpoint_rh is None else f"{setpoint_rh:.0f}"
        return f"{self._shown_rh()},{shown},{self._high_rh:.0f},{self._low_rh:.0f}"

    def _mon(self, mode: str) -> str:
        return f"{self._shown_c()},{self._shown_rh()},{mode},{len(self._alarms)}"

    def _detail(self) -> str:
        if not self._program:
            return self._mode
        return "RMT RUN" if self._program.left_s(self._clock.now()) else "RMT RUN END HOLD"

    def _type(self) -> str:
        controller = "SCP-220" if self._fault == "identity" else "P300"
        return f"T,T,{controller},200.0" if self._humidity else f"T,{controller},200.0"

    def _constant_humidity(self) -> str:
        self._check_humidity()
        return f"{self._setpoint_rh:.0f},{'ON' if self._humidity_on else 'OFF'}"

    def _outputs(self) -> str:
        if not self._humidity:
            return f"1,{self._heater_percent():.1f}"
        wet = 20.0 if self._humidity_on and self._goal else 0.0
        return f"2,{self._heater_percent():.1f},{wet:.1f}"

    def _heater_percent(self) -> float:
        return heater_percent(self._world, self._air, self._true_c()) if self._goal else 0.0

    # -- what it is told -------------------------------------------------------------------

    def _set_temp(self, command: str) -> None:
        match = _TEMP.fullmatch(command)
        if not match or not any(match.groups()):
            raise Refused("PARA ERR")
        setpoint_c = float(match[1]) if match[1] else self._setpoint_c
        high_c = float(match[2]) if match[2] else self._high_c
        low_c = float(match[3]) if match[3] else self._low_c
        if not self.LOWEST_C <= low_c < high_c <= self.HIGHEST_C:
            raise Refused("DATA OUT OF RANGE")
        if match[1] and not low_c <= setpoint_c <= high_c:
            raise Refused("DATA OUT OF RANGE")
        self._setpoint_c, self._high_c, self._low_c = setpoint_c, high_c, low_c
        if match[1] and self._mode == "CONSTANT":
            self._drive(setpoint_c)

    def _set_humi(self, command: str) -> None:
        self._check_humidity()
        match = _HUMI.fullmatch(command)
        if not match or not any(match.groups()):
            raise Refused("PARA ERR")
        high_rh = float(match[2]) if match[2] else self._high_rh
        low_rh = float(match[3]) if match[3] else self._low_rh
        setpoint_rh = float(match[1]) if match[1] not in {None, "OFF"} else self._setpoint_rh
        if not 0 <= low_rh < high_rh <= 100 or not low_rh <= setpoint_rh <= high_rh:
            raise Refused("DATA OUT OF RANGE")
        self._high_rh, self._low_rh, self._setpoint_rh = high_rh, low_rh, setpoint_rh
        if match[1]:
            self._humidity_on = match[1] != "OFF"
            if self._mode == "CONSTANT":
                self._humidify(setpoint_rh if self._humidity_on else None)

    def _start_constant(self) -> None:
        self._check_ready()
        self._change_mode("CONSTANT")
        self._drive(self._setpoint_c)
        self._humidify(self._setpoint_rh if self._humidity_on else None)

    def _start_program(self, command: str) -> None:
        program = read_program(command, self._clock.now())
        if not all(self._low_c <= end <= self._high_c for end in (program.start_c, program.end_c)):
            raise Refused("DATA OUT OF RANGE")
        if program.end_rh is not None:
            self._check_humidity()
            ends = (program.start_rh or 0.0, program.end_rh)
            if not all(self._low_rh <= end <= self._high_rh for end in ends):
                raise Refused("DATA OUT OF RANGE")
        self._check_ready()
        self.panel.switch(program.relays)
        self._change_mode("RUN", program)
        self._drive(program.end_c, abs(program.end_c - program.start_c) / program.duration_s)
        self._humidify(program.end_rh)

    def _check_ready(self) -> None:
        if self._alarms:
            raise Refused("CHB NOT READY")

    def _check_humidity(self) -> None:
        if self._humidity is None:
            not_fitted()

    def _drive(self, setpoint_c: float, rate_k_per_s: float | None = None) -> None:
        self._goal = (setpoint_c, rate_k_per_s)
        target_c = setpoint_c - self._sensor_error_k
        if self._fault == "sensor_open":
            self._coast()
            return
        if self._fault == "sensor_stuck":
            too_warm = self._stuck_c > setpoint_c + 0.5
            target_c += -self.RUNAWAY_K if too_warm else self.RUNAWAY_K
        self._air.go(target_c, self._now_s, rate_k_per_s)

    def _humidify(self, setpoint_rh: float | None) -> None:
        if self._humidity is None:
            return
        if setpoint_rh is None:
            self._humidity.let_go(self._now_s)
        else:
            self._humidity.control(setpoint_rh - self._sensor_error_rh, self._now_s)

    def _coast(self) -> None:
        ambient_c = number(self._world.ambient_of("temperature"))
        self._air.drift(ambient_c, self._now_s, PASSIVE_TAU_S)

    def _stop(self, mode: str) -> None:
        self._change_mode(mode)
        self._humidify(None)
        if self._goal:
            self._goal = None
            self._coast()

    # -- remote programs -------------------------------------------------------------------

    def _run_program(self) -> str:
        return self._running_program().shown() + self.panel.relays_shown()

    def _run_program_monitor(self) -> str:
        program, now = self._running_program(), self._clock.now()
        hours, minutes = divmod(int(program.left_s(now) / 60), 60)
        fields = ["1", f"{program.setpoint_c(now):z.1f}"]
        if self._humidity:
            setpoint_rh = program.setpoint_rh(now)
            fields.append("OFF" if setpoint_rh is None else f"{setpoint_rh:.0f}")
        return ",".join([*fields, f"{hours}:{minutes:02d}", "0"])

    def _running_program(self) -> Program:
        if not self._program:
            raise Refused("CONT NOT READY-2")
        return self._program
