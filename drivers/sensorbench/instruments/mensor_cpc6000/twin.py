"""Simulated CPC6000 with two channels, and the line from one of them to the parts.

Sources: Mensor/WIKA operating instructions CPC 6000, pages 49 and 50, and CPC6050, pages 73 and 74
(lines, case, the error flag, ten errors, A?, AS?, the active channel); WorkBench and its simulated
port, and pymensor (ID?, Chan, Units by code or name, Ptype, Mode, Setpt, RangeMin?). Estimates:
numbers of errors, digits, when it is stable (0.003 % of full scale for 4 s), rates and errors.
Not modelled: secondary sensors and turndowns, autorange, the delta channel, rates, limits, keylock,
tests, programs; they are refused and noted.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import ClassVar

from sensorbench.instruments.simulated_pressure import CONTROL, MEASURE, VENT, SimulatedPressure
from sensorbench.world.faults import Suffering
from sensorbench.world.fields import Field
from sensorbench.world.world import World

_UNITS: dict[str, tuple[int, float]] = {
    "psi": (1, 6894.757), "atm": (13, 101_325.0), "bar": (14, 1e5), "mbar": (15, 100.0),
    "mmHg @0C": (19, 133.322), "Torr": (21, 133.322), "kPa": (22, 1e3), "Pa": (23, 1.0),
    "kg/sq cm": (26, 98_066.47), "MPa": (36, 1e6),
}  # fmt: skip
_BY_NAME = {name.upper(): name for name in _UNITS} | {
    str(code): name for name, (code, _) in _UNITS.items()
}
_VALUE = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,2})?")
_UNKNOWN, _BAD_DATA, _BEYOND = (1, "Unknown command"), (2, "Bad data"), (3, "Out of range")
_BAND, _FOR_S = 3e-5, 4.0
_RANGE_IN_S = 20.0
_QUEUE = 10


class _Refused(Exception):
    """The instrument puts this error into its queue."""


class _Channel:
    """A channel: its sensor and valves, its unit, and from where it counts."""

    def __init__(self, controller: SimulatedPressure) -> None:
        self.controller = controller
        self.unit, self.gauge, self.standby = "kPa", False, False

    @property
    def factor(self) -> float:
        return _UNITS[self.unit][1]

    @property
    def zero_pa(self) -> float:
        return self.controller.ambient_pa if self.gauge else 0.0

    @property
    def mode(self) -> str:
        return "STANDBY" if self.standby else self.controller.mode

    def shown(self, pressure_pa: float, digits: int = 8) -> str:
        return f"{(pressure_pa - self.zero_pa) / self.factor:+.{digits}E}"

    def is_stable(self) -> str:
        band_pa = _BAND * self.controller.full_scale_pa
        return "YES" if self.controller.is_stable(band_pa, _FOR_S) else "NO"


class SimMensorCpc6000:
    """A CPC6000 in a simulated world; the parts are on `channel`, the other has a short line.

    It starts with channel A active, in kPa, absolute. A person at the panel sets a pressure a tenth
    lower (`setpoint_changed`), chooses measure (`output_off`), control (`output_on`), psi
    (`unit_changed`) or the other channel (`channel_changed`); `no_vent` is a valve that sticks.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (
        "no_vent", "setpoint_changed", "output_off", "output_on", "unit_changed",
        "channel_changed", "identity", "silent",
    )  # fmt: skip

    terminators = (b"\r\n", b"\n", b"\r")
    reply_terminator = b"\r\n"
    sessions = 1
    linger_s = 0.0

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        channel: str = "A",
        full_scale_pa: float = 200_000.0,
        gauge: bool = False,
    ) -> None:
        self.serial, self.beyond = serial, world.beyond_of(serial)
        self._world, self._used = world, channel
        self._suffering = Suffering(world, serial, self._suffer)
        self.channels = {
            name: _Channel(
                SimulatedPressure(
                    world,
                    serial if name == channel else f"{serial} {name}",
                    self._suffering,
                    full_scale_pa=full_scale_pa,
                    fastest_pa_per_s=full_scale_pa / _RANGE_IN_S,
                )
            )
            for name in ("A", "B")
        }
        self.channels[channel].gauge = gauge
        self.active = "A"
        self._errors: deque[tuple[int, str]] = deque(maxlen=_QUEUE)
        self.drives: dict[str, Field] = {"pressure": self.channels[channel].controller.outlet}
        self._queries: dict[str, Callable[[], str]] = {
            "ID?": self._identity,
            "*IDN?": self._identity,
            "CHAN?": lambda: self.active,
            "UNITS?": lambda: self._now.unit,
            "PTYPE?": lambda: "GAUGE" if self._now.gauge else "ABSOLUTE",
            "MODE?": lambda: self._now.mode,
            "SETPT?": lambda: self._now.shown(self._now.controller.setpoint_pa),
            "STABLE?": self._stable,
            "RANGEMIN?": lambda: self._now.shown(0.0),
            "RANGEMAX?": lambda: self._now.shown(self._now.controller.full_scale_pa),
            "BARO?": lambda: f"{self._now.controller.ambient_pa / self._now.factor:+.5E}",
            "OUTFORM?": lambda: "1",
            "?": lambda: self._reading(self.active),
        } | {
            query: answer
            for name in self.channels
            for query, answer in (
                (f"{name}?", lambda name=name: self._reading(name)),
                (f"{name}S?", lambda name=name: self.channels[name].is_stable()),
            )
        }  # fmt: skip
        self._commands: dict[str, Callable[[str], None]] = {
            "CHAN": self._set_channel,
            "UNITS": self._set_unit,
            "PTYPE": self._set_type,
            "MODE": self._set_mode,
            "SETPT": self._set_setpoint,
            "OUTFORM": self._set_form,
        }

    def understood(self) -> tuple[str, ...]:
        """Return every command and query, sorted."""
        return tuple(sorted([*self._queries, *self._commands, "ERRORNO?"]))

    def input_overrun(self) -> None:
        """Take that a message was lost, as it was too long."""
        if self._world.fault_of(self.serial) != "silent":
            self._errors.append(_UNKNOWN)

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one line; what a person did at the panel is done by then."""
        self._suffering.catch_up()
        text = line.decode("ascii", "replace").strip()
        if not text or self._world.fault_of(self.serial) == "silent":
            return None
        name, _, data = text.upper().partition(" ")
        if name == "ERRORNO?":
            return self._next_error()
        query, command = self._queries.get(text.upper()), self._commands.get(name)
        if query is not None:
            return f"{'E' if self._errors else ' '}{query()}".encode("ascii")
        try:
            if command is None:
                self.beyond.note(name)
                raise _Refused(*_UNKNOWN)
            command(data.strip())
        except _Refused as refused:
            self._errors.append((refused.args[0], refused.args[1]))
        return None

    def _suffer(self, fault: str) -> None:
        used = self.channels[self._used]
        used.controller.by_hand(fault)
        if fault == "unit_changed":
            used.unit = "psi"
        if fault == "channel_changed":
            self.active = "B" if self._used == "A" else "A"

    # -- what it tells ---------------------------------------------------------------------

    @property
    def _now(self) -> _Channel:
        """Return the active channel."""
        return self.channels[self.active]

    def _stable(self) -> str:
        return self._now.is_stable()

    def _identity(self) -> str:
        model = "610" if self._world.fault_of(self.serial) == "identity" else "600"
        return f"MENSOR, {model}, {self.serial}, 0.1.5"

    def _reading(self, name: str) -> str:
        channel = self.channels[name]
        return channel.shown(channel.controller.reading_pa(), 7)

    def _next_error(self) -> bytes:
        code, text = self._errors.popleft() if self._errors else (0, "No errors")
        return f"{'E' if code else ' '}{code:02d}-{text}".encode("ascii")

    # -- what it is told -------------------------------------------------------------------

    def _set_channel(self, data: str) -> None:
        if data == "D":
            self.beyond.note("CHAN D")
        if data not in self.channels:
            raise _Refused(*_BAD_DATA)
        self.active = data

    def _set_unit(self, data: str) -> None:
        if data not in _BY_NAME:
            if data.isdigit() and 0 < int(data[:3]) < 39:
                self.beyond.note(f"UNITS {data}")
            raise _Refused(*_BAD_DATA)
        self._now.unit = _BY_NAME[data]

    def _set_type(self, data: str) -> None:
        if data not in {"A", "ABSOLUTE", "G", "GAUGE"}:
            raise _Refused(*_BAD_DATA)
        self._now.gauge = data.startswith("G")

    def _set_mode(self, data: str) -> None:
        if data not in {"STANDBY", MEASURE, CONTROL, VENT}:
            raise _Refused(*_BAD_DATA)
        if data == VENT and self._world.fault_of(self.serial) == "no_vent":
            return
        self._now.standby = data == "STANDBY"
        self._now.controller.turn(MEASURE if self._now.standby else data)

    def _set_setpoint(self, data: str) -> None:
        if not _VALUE.fullmatch(data):
            raise _Refused(*_BAD_DATA)
        channel = self._now
        target_pa = float(data) * channel.factor + channel.zero_pa
        most_pa = channel.controller.full_scale_pa
        if not -1e-9 * most_pa <= target_pa <= (1 + 1e-9) * most_pa:
            raise _Refused(*_BEYOND)
        channel.controller.set(min(max(target_pa, 0.0), most_pa))

    def _set_form(self, data: str) -> None:
        if data != "1":
            self.beyond.note(f"OUTFORM {data[:8]}")
            raise _Refused(*_BAD_DATA)
