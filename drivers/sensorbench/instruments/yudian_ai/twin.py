"""Simulated Yudian AI controller of version 8 at an oven, over AIBUS.

Sources: AIBUS communication protocol V8.0 and V7.0 of Yudian (frames, parameters 00h to 11h, alarms
by bit, the run word of version 7); kevinalliswell/yudian-ai-tool (15h, 1Bh, 7Fxxh for what is not
there). Estimates: that what it does not take it answers with what it holds; that an open sensor
reads 32000 and stops heating; that the oven's own limiter shows as HIAL and cuts the heat.
Not modelled: programs, tuning, manual output, other inputs than a Pt100, lines with parity; what is
asked of it is answered with 7FFFh, or with what it holds, and noted in `beyond`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

from sensorbench.instruments.simulated_chamber import FAULTS, SimulatedChamber
from sensorbench.protocols.aibus_frames import AibusSplitter, Asked, asked_in, told_by
from sensorbench.world.world import World

_NOT_THERE = 0x7FFF
_OVER_RANGE = 32000
_RUN, _STOP, _HOLD = 0, 1, 2
_VERSION_7_STOPPED = 0x0C
_PT100 = 21


class SimYudianAi:
    """A controller of a `model`, "AI-518" or another, in steps as `decimal_point` (dPt) says.

    129 is 0.1 degC shown, and hundredths on the wire. The `identity` fault is a controller of
    version 7, whose run word is where the model should be. `wearing_acts` counts writes.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (
        *(fault for fault in FAULTS if fault != "program_started"), "identity",
    )  # fmt: skip

    terminators: tuple[bytes, ...] = ()
    reply_terminator: bytes = b""

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        address: int = 1,
        model: str = "AI-518",
        decimal_point: int = 1,
    ) -> None:
        self.serial = serial
        self.beyond = world.beyond_of(serial)
        self.plant = SimulatedChamber(
            world, serial, humidity=False, lowest_c=-200.0, highest_c=800.0, suffers=self._suffer
        )
        self.drives = self.plant.drives
        self._address = address
        digits = model.removeprefix("AI-")
        self._model = 10 * int(digits.rstrip("P")) + 7 * digits.endswith("P")
        self.decimal_point, self.control, self.runs = decimal_point, 1, _STOP
        self.highest_c, self.lowest_c = 1000.0, -250.0  # HIAL and LoAL, as good as off
        self.wearing_acts = 0
        self._kept = {3: 32000, 4: 32000, 5: 20, 7: 300, 8: 100, 9: 250, 0x0A: 20, 0x0B: _PT100}
        self._read: dict[int, Callable[[], int]] = {
            0x00: lambda: self._steps_of(self.plant.set_point_c),
            0x01: lambda: self._steps_of(self.highest_c),
            0x02: lambda: self._steps_of(self.lowest_c),
            0x06: lambda: self.control,
            0x0C: lambda: self.decimal_point,
            0x15: self._who,
            0x16: lambda: self._address,
            0x1A: self._output,
            0x1B: lambda: self.runs,
        }
        self._written: dict[int, Callable[[int], None]] = {
            0x00: self._aim,
            0x01: lambda steps: setattr(self, "highest_c", self._celsius_of(steps)),
            0x02: lambda steps: setattr(self, "lowest_c", self._celsius_of(steps)),
            0x06: self._control_by,
            0x1B: self._run,
        }

    def understood(self) -> tuple[str, ...]:
        """Return the parameters that are read and written."""
        known = " ".join(f"{code:02X}h" for code in sorted([*self._read, *self._kept]))
        written = " ".join(f"{code:02X}h" for code in sorted(self._written))
        return (f"read: {known}", f"written: {written}")

    def _suffer(self, fault: str) -> None:
        if fault in {"output_on", "output_off"}:
            self.runs = _RUN if fault == "output_on" else _STOP

    def acknowledge(self) -> None:
        """Reset the oven's limiter, as the operator does; a controller that runs heats again."""
        self.plant.acknowledge()
        self.plant.switch(self.runs != _STOP)

    # -- the line --------------------------------------------------------------------------

    def splitter(self) -> AibusSplitter:
        """Return what cuts the bytes of a serial line into requests."""
        return AibusSplitter()

    def handle(self, line: bytes) -> bytes | None:
        """Take the bytes of one or several requests; return the replies, None where it has none."""
        self.plant.catch_up()
        if self.plant.fault == "silent":
            return None
        found = [asked_in(frame) for frame in self.splitter().feed(line)]
        replies = [self._answer(asked) for asked in found if asked and asked.unit == self._address]
        return b"".join(replies) or None

    def _answer(self, asked: Asked) -> bytes:
        if asked.kind == "write":
            self._take(asked)
        value = self._held(asked)
        measured_c = self.plant.measured_c()
        is_open = math.isnan(measured_c)
        return told_by(
            self._address,
            _OVER_RANGE if is_open else self._steps_of(measured_c),
            self._steps_of(self.plant.set_point_c),
            self._output(),
            self._alarms(measured_c),
            value,
        )

    def _take(self, asked: Asked) -> None:
        act = self._written.get(asked.parameter)
        if act is None:
            self.beyond.note(f"parameter {asked.parameter:02X}h, written")
            return
        self.wearing_acts += 1
        act(asked.value)
        self.plant.catch_up()

    def _held(self, asked: Asked) -> int:
        if asked.parameter in self._kept:
            return self._kept[asked.parameter]
        if asked.parameter not in self._read:
            self.beyond.note(f"parameter {asked.parameter:02X}h")
            return _NOT_THERE
        return self._read[asked.parameter]()

    # -- parameters ------------------------------------------------------------------------

    @property
    def _steps(self) -> int:
        shown = int(10 ** (self.decimal_point % 0x80))
        return 10 * shown if self.decimal_point >= 0x80 else shown

    def _steps_of(self, celsius: float) -> int:
        return max(-0x8000, min(_OVER_RANGE, round(celsius * self._steps)))

    def _celsius_of(self, steps: int) -> float:
        return steps / self._steps

    def _who(self) -> int:
        return _VERSION_7_STOPPED if self.plant.fault == "identity" else self._model

    def _output(self) -> int:
        return 50 if self.plant.running else 0

    def _alarms(self, measured_c: float) -> int:
        """Return HIAL, LoAL, two for deviations, and orAL, from bit 0 on."""
        if math.isnan(measured_c):
            return 0x10
        is_high = measured_c > self.highest_c or SimulatedChamber.LIMITER in self.plant.alarms
        return int(is_high) | int(measured_c < self.lowest_c) << 1

    def _aim(self, steps: int) -> None:
        celsius = self._celsius_of(steps)
        if self.plant.lowest_c <= celsius <= self.plant.highest_c:
            self.plant.aim(celsius)

    def _control_by(self, way: int) -> None:
        if 0 <= way <= 4:
            self.control = way

    def _run(self, order: int) -> None:
        if order in (_RUN, _STOP, _HOLD):
            self.runs = order
            self.plant.switch(order != _STOP)
