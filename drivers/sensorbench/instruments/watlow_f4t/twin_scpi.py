"""The simulated F4T's SCPI, at a port beside Modbus/TCP: the same loops, profiles and outputs.

Sources: F4T user's guide, p. 219; TestEquity F4T and 101H manuals, pp. 18, 48, 62; *IDN?, blank
lines and refusals as public clients meet them. Estimates: that every command is answered by a
blank line, the text behind a refusal, the words of a profile's state, two decimals, that outputs
are the events, and the unit that of Modbus/TCP.
Not modelled: idle set points, ramp times, cascade, keys; they are refused and noted in `beyond`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from sensorbench.instruments.watlow_f4t.twin_loops import OFF, ON_BOTH, ON_SETPOINT, Loop
from sensorbench.instruments.watlow_f4t.twin_plant import (
    CELSIUS,
    COMPLETE,
    FAHRENHEIT,
    NOT_STARTED,
    ON,
    PAUSED,
    RUNNING,
    TERMINATED,
    Plant,
)
from sensorbench.protocols.modbus_device import Refused
from sensorbench.protocols.scpi_device import Record, ScpiSpeaker, scpi
from sensorbench.protocols.scpi_parameters import Choice, Flag, Limit, Number, bounded
from sensorbench.protocols.scpi_status import ScpiError

_STATES = {
    PAUSED: "PAUSED", RUNNING: "RUNNING", NOT_STARTED: "NOT STARTED", COMPLETE: "COMPLETE",
    TERMINATED: "TERMINATED",
}  # fmt: skip
_ACTIONS = {"OFF": OFF, "STA": 88, "SETP": ON_SETPOINT, "BOTH": ON_BOTH}
_MINUTES, _HOURS = 57, 39
_FIRMWARE = "4.08"


class ScpiFace(ScpiSpeaker):
    """Lines of an F4T's port 5025. `measured` gives a loop's value in degC or %RH, with its noise.

    Without `tells_unit` it is old firmware, which gives Fahrenheit; without `blank` it does not
    answer commands at all.
    """

    IDENTITY = '"Watlow Electric","{serial}","' + _FIRMWARE + '"'
    terminators: tuple[bytes, ...] = (b"\r\n", b"\n", b"\r")
    reply_terminator: bytes = b"\n"

    def __init__(
        self,
        plant: Plant,
        wakes: Callable[[], bool],
        measured: Callable[[int], float],
        who: Callable[[], tuple[str, int]],
        beyond: Record,
        *,
        tells_unit: bool = True,
    ) -> None:
        super().__init__("", beyond=beyond)
        self.plant = plant
        self._wakes, self._measured, self._who = wakes, measured, who
        self._tells_unit = tells_unit
        self.blank = True

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one line: its replies, a blank line, or a line that refuses it."""
        if not self._wakes():
            return None
        if not line.strip():
            return None
        reply = super().handle(line)
        refusals = []
        while (error := self.status.pop())[0]:
            refusals.append(f"Inbound SCPI ERROR: {error[1]}".encode("ascii"))
        if refusals:
            return b"\n".join(refusals if reply is None else [*refusals, reply])
        return b"" if reply is None and self.blank else reply

    def take(self, data: bytes) -> bytes | None:
        """Answer bytes that travel with their terminators, as a link in process passes them on."""
        replies = [self.handle(line) for line in data.split(b"\n")]
        return b"".join(one + self.reply_terminator for one in replies if one is not None) or None

    # -- who it is, and in which unit it speaks --------------------------------------------

    @scpi("*IDN?")
    def _identify(self) -> str:
        part, number = self._who()
        return f'"Watlow Electric","{part}",{number},"{_FIRMWARE}"'

    def _is_f(self, loop: int) -> bool:
        return loop == 1 and self.plant.units["tcp"] == FAHRENHEIT

    def _shown(self, loop: int, value: float) -> str:
        return f"{value * 9.0 / 5.0 + 32.0 if self._is_f(loop) else value:z.2f}"

    def _meant(self, loop: int, value: float) -> float:
        return (value - 32.0) * 5.0 / 9.0 if self._is_f(loop) else value

    @scpi(":UNIT:TEMPerature?")
    def _unit(self) -> str:
        if not self._tells_unit:
            raise ScpiError(-113)
        return "F" if self.plant.units["tcp"] == FAHRENHEIT else "C"

    @scpi(":UNIT:TEMPerature", Choice("C", "F"))
    def _set_unit(self, unit: str) -> None:
        if not self._tells_unit:
            raise ScpiError(-113)
        self.plant.units["tcp"] = FAHRENHEIT if unit == "F" else CELSIUS

    # -- loops -----------------------------------------------------------------------------

    def _loop(self, loop: int) -> Loop:
        if loop > len(self.plant.loops):
            raise ScpiError(-114)
        return self.plant.loops[loop - 1]

    @scpi(":SOURce:CLOop<4>:PVALue?")
    def _value(self, loop: int) -> str:
        self._loop(loop)
        value = self._measured(loop - 1)
        return self._shown(loop, 0.0 if math.isnan(value) else value)  # ERRor? tells why

    @scpi(":SOURce:CLOop<4>:ERRor?")
    def _error(self, loop: int) -> str:
        self._loop(loop)
        return "ERROR" if math.isnan(self.plant.felt(loop - 1)) else "NONE"

    @scpi(":SOURce:CLOop<4>:SPOint?")
    def _set_point(self, loop: int) -> str:
        self._loop(loop)
        return self._shown(loop, self.plant.closed(loop - 1))

    @scpi(":SOURce:CLOop<4>:SPOint", Number())
    def _set_set_point(self, loop: int, value: float | Limit) -> None:
        found = self._loop(loop)
        meant = self._meant(loop, bounded(value, -1e5, 1e5, 0.0))
        if not found.lowest - 1e-4 <= meant <= found.highest + 1e-4:
            raise ScpiError(-222)
        found.aim(meant, self.plant.now_s)
        if self.plant.course is None or loop == 2:
            self.plant.act()

    @scpi(":SOURce:CLOop<4>:RACTion", Choice("OFF", "STArtup", "SETPoint", "BOTH"))
    def _set_ramp_action(self, loop: int, action: str) -> None:
        self._loop(loop).ramp_action = _ACTIONS[action]

    @scpi(":SOURce:CLOop<4>:RSCAle", Choice("MINutes", "HOURS"))
    def _set_ramp_scale(self, loop: int, scale: str) -> None:
        self._loop(loop).ramp_scale = _MINUTES if scale == "MIN" else _HOURS

    @scpi(":SOURce:CLOop<4>:RRATe", Number())
    def _set_ramp_rate(self, loop: int, rate: float | Limit) -> None:
        found = self._loop(loop)
        found.ramp_rate = bounded(rate, 0.0, 99_999.0, 1.0) / (1.8 if self._is_f(loop) else 1.0)

    @scpi(":SOURce:CLOop<4>:RRATe?")
    def _ramp_rate(self, loop: int) -> str:
        return f"{self._loop(loop).ramp_rate * (1.8 if self._is_f(loop) else 1.0):.2f}"

    # -- outputs and profiles --------------------------------------------------------------

    @scpi(":OUTPut<8>[:STATe]?")
    def _output(self, event: int) -> str:
        return "ON" if self.plant.events[event - 1] == ON else "OFF"

    @scpi(":OUTPut<8>[:STATe]", Flag())
    def _set_output(self, event: int, on: bool) -> None:
        self.plant.events[event - 1] = ON if on else OFF
        self.plant.act()

    @scpi(":PROGram[:SELected]:NUMBer", Number())
    def _choose(self, profile: float | Limit) -> None:
        self.plant.chosen = round(bounded(profile, 1.0, 40.0, 1.0))

    @scpi(":PROGram[:SELected]:NUMBer?")
    def _chosen(self) -> str:
        return str(self.plant.chosen)

    @scpi(":PROGram[:SELected]:NAME?")
    def _name(self) -> str:
        return (
            f'"PROFILE {self.plant.chosen}"' if self.plant.chosen in self.plant.profiles else '""'
        )

    @scpi(":PROGram[:SELected]:STATe?")
    def _state(self) -> str:
        return _STATES[self.plant.profile_state]

    @scpi(":PROGram[:SELected]:STATe", Choice("STArt", "STOP", "PAUSe", "RESume"))
    def _set_state(self, order: str) -> None:
        try:
            {
                "STA": self.plant.start_profile,
                "STOP": lambda: self.plant.leave_profile(TERMINATED),
                "PAUS": self.plant.pause_profile,
                "RES": self.plant.resume_profile,
            }[order]()
        except Refused:
            raise ScpiError(-221) from None
