"""A simulated SDP3x or SDP8xx on an I2C bus.

Sources: commands, times of measurements and of stopping: Sensirion driver sensirion-i2c-sdp
sdp/commands.py; sleep and the product identifier: SDP800 data sheet, page 9; that a part that
measures continuously refuses to begin anew: its users. Recalled: how long it takes to start, reset
by a general call, stretched measurements, currents. Estimates: that it acknowledges no command that
it does not know, and no second read of one measurement; that a unit's clock is 2 % off at most.
twin_signals.py says what it measures.

- While it measures continuously it takes only the command to stop; in a single measurement it
  acknowledges nothing, but a stretched one holds the bus until it has ended.
- Asleep it acknowledges nothing; its address with a write wakes it up within 2 ms.
- `beyond` lists compensation for mass flow, which reads here as differential pressure does, and
  commands that nobody knows.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.sdp.twin_signals import Mean, Signals
from sensorbench.sensors.simulated import PowerOnReset, factory_number, screened
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_POWER_ON_V, _START_S, _RESET_S, _WAKE_S, _STOP_S = 2.4, 0.025, 0.020, 0.002, 0.5e-3
_SINGLE_S, _FIRST_S, _UPDATE_S = 0.045, 0.008, 0.5e-3
_AVERAGED = 9.0  # by how much a single measurement is quieter than one of the continuous ones
_CONTINUOUS = {0x3603: True, 0x3608: False, 0x3615: True, 0x361E: False}  # whether it averages
_SINGLE = {0x3624: False, 0x3726: True, 0x362F: False, 0x372D: True}  # whether it stretches
_MASS_FLOW = frozenset((0x3603, 0x3608, 0x3624, 0x3726))
_MEASURING_A, _IDLE_A, _ASLEEP_A = 3.8e-3, 1.1e-3, 1e-6
# Product numbers (of SDP32 and SDP33 recalled) and counts a pascal.
_MODELS = {
    "SDP31": (0x03010101, 60), "SDP32": (0x03010201, 240), "SDP33": (0x03010301, 20),
    "SDP800-500Pa": (0x03020101, 60), "SDP810-500Pa": (0x03020A01, 60),
    "SDP801-500Pa": (0x03020401, 60), "SDP811-500Pa": (0x03020D01, 60),
    "SDP800-125Pa": (0x03020201, 240), "SDP810-125Pa": (0x03020B01, 240),
}  # fmt: skip
_STRANGER = 0x04020611


class SimSdp:
    """One part at a place in the world, with its own errors, noise and clock.

    `model` is one of the family: SDP31, SDP810-125Pa and so on.
    """

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "crc", "identity", "silent")

    def __init__(self, place: Place, *, model: str = "SDP810-500Pa") -> None:
        if model not in _MODELS:
            raise ValueError(f"model can't be {model!r}; allowed: {', '.join(_MODELS)}")
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._product, self._scale = _MODELS[model]
        self._number = factory_number(place, 8)
        self._signals = Signals(place)
        self._speed = 1.0 + screened(place, "clock", 0.02 / 3)
        self._mean = Mean()
        self._reply, self._measurements = b"", Conversions()
        self._is_asleep = self._is_armed = self._averages = self._stretches = False
        self._awake_s = -math.inf
        self._power = PowerOnReset(place, _POWER_ON_V, self._supplied, self._catch_up)
        self._reset(self._power.since_s + _START_S)

    def supply_current_a(self) -> float:
        """Return the current it draws: measuring, idle, asleep (recalled, typical)."""
        if not self._power.is_on():
            return 0.0
        self._catch_up()
        if self._measurements.go_on:
            return _MEASURING_A
        return _ASLEEP_A if self._is_asleep else _IDLE_A

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._power.check()
        self._catch_up()
        if self._is_asleep and self._place.fault() != "silent":
            self._is_asleep, self._awake_s = False, self._clock.now() + _WAKE_S / self._speed
            raise self._refusal("wakes up")
        self._answer()
        if self._is_single:
            raise self._refusal("is busy")
        if not data:
            return
        self._command(int.from_bytes(data, "big") if len(data) == 2 else -1)

    def send(self, length: int) -> bytes:
        self._power.check()
        self._catch_up()
        self._answer()
        if self._is_single:
            if not self._stretches:
                raise self._refusal("is busy")
            # It holds the clock line, and with it the bus, until it is done.
            self._clock.sleep(self._measurements.end_s(0) - self._clock.now())
            self._catch_up()
        if not self._reply:
            raise self._refusal("has nothing to give")
        reply = self._reply
        if self._measurements.go_on:
            self._mean.begin()
        else:
            self._reply = b""
        return reply[:length].ljust(length, b"\xff")  # beyond its end nobody pulls the line

    def general_call(self, data: bytes) -> None:
        """Reset on a 0x06, unless it sleeps; anything else is not for it."""
        self._power.check()
        self._catch_up()
        if self._place.fault() == "silent" or self._is_asleep or data[:1] != b"\x06":
            raise self._refusal("knows one general call, reset")
        self._reset(self._clock.now() + _RESET_S)

    def _answer(self) -> None:
        """Raise NotAcknowledged for a part that does not answer now."""
        if self._place.fault() == "silent":
            raise self._refusal("is silent")
        if self._is_asleep or not reached(self._clock.now(), self._awake_s):
            raise self._refusal("sleeps or starts")

    def _refusal(self, why: str) -> NotAcknowledged:
        return NotAcknowledged(f"part {self._place.serial} {why}")

    # -- commands --------------------------------------------------------------------------

    def _command(self, command: int) -> None:
        armed, self._is_armed = self._is_armed, False
        if command == 0x3FF9:
            self._measurements, self._reply = Conversions(), b""
            self._awake_s = self._clock.now() + _STOP_S / self._speed
        elif self._measurements.go_on:
            raise self._refusal("measures continuously: it takes only the command to stop")
        elif command in _CONTINUOUS or command in _SINGLE:
            self._measure(command)
        elif command == 0x3677:
            self._is_asleep, self._reply = True, b""
        elif command == 0x367C:
            self._is_armed = True
        elif command == 0xE102 and armed:
            stranger = self._place.fault() == "identity"
            product = _STRANGER if stranger else self._product
            self._reply = self._framed(product.to_bytes(4, "big") + self._number)
        else:
            self.beyond.note(f"command {command:#06x}")
            raise self._refusal(f"knows no command {command:#06x}")

    def _measure(self, command: int) -> None:
        if command in _MASS_FLOW:
            self.beyond.note(f"compensation for mass flow, command {command:#06x}")
        now_s = self._clock.now()
        self._reply = b""
        self._averages = _CONTINUOUS.get(command, False)
        self._stretches = _SINGLE.get(command, False)
        if command in _SINGLE:
            self._measurements = Conversions(now_s, _SINGLE_S / self._speed)
        else:
            self._mean.begin()
            update_s = _UPDATE_S / self._speed
            self._measurements = Conversions(now_s, _FIRST_S / self._speed, update_s)

    def _supplied(self) -> None:
        self._reset(self._power.since_s + _START_S)

    def _reset(self, awake_s: float) -> None:
        self._awake_s = awake_s
        self._is_asleep = self._is_armed = self._averages = self._stretches = False
        self._reply = b""
        self._measurements = Conversions()

    @property
    def _is_single(self) -> bool:
        return self._measurements.go_on and self._measurements.period_s == math.inf

    # -- measurements ----------------------------------------------------------------------

    def _catch_up(self) -> None:
        """Take the measurements that have ended by now."""
        measurements, now_s = self._measurements, self._clock.now()
        while due := measurements.due(now_s):  # not what ends while this is computed
            left_out = max(0, due - (Mean.MEMORY if self._averages else 1))
            numbers = np.arange(measurements.taken + left_out, measurements.taken + due)
            single = self._is_single
            times = np.array([measurements.end_s(0)]) if single else measurements.ends_s(numbers)
            ended_s = measurements.take(due)
            key, began_s = f"{round(measurements.began_s * 1e6)}", measurements.began_s
            pressures_pa, temperatures_c = self._signals.values(
                times, int(numbers[0]), key, -math.inf if single else began_s,
                _AVERAGED if single else 1.0,
            )  # fmt: skip
            pressure_pa = float(pressures_pa[-1])
            if self._averages:
                pressure_pa = self._mean.feed(pressures_pa, left_out=bool(left_out))
            words = (pressure_pa * self._scale, float(temperatures_c[-1]) * 200.0, self._scale)
            data = b"".join(
                max(-0x8000, min(0x7FFF, round(word))).to_bytes(2, "big", signed=True)
                for word in words
            )
            self._reply = self._framed(data, ended_s)

    def _framed(self, words: bytes, at_s: float | None = None) -> bytes:
        """Return words, each with its checksum behind it; with the fault the first's is wrong."""
        pairs = [words[start : start + 2] for start in range(0, len(words), 2)]
        framed = bytearray(b"".join(word + bytes([_checksum(word)]) for word in pairs))
        framed[2] ^= 0x10 if self._place.fault(at_s) == "crc" else 0
        return bytes(framed)


def _checksum(word: bytes) -> int:
    """Sensirion: x8 + x5 + x4 + 1 from all ones, bit by bit."""
    rest = 0xFF
    for byte in word:
        rest ^= byte
        for _ in range(8):
            rest = (rest << 1 ^ 0x131) if rest & 0x80 else rest << 1
    return rest
