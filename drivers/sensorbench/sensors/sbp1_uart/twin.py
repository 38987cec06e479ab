"""A simulated SBP1-U on a serial line, written from its page and from nothing else.

Frames may come in pieces. Registers, memory and physics are the SBP1 twin's.
"""

from __future__ import annotations

import math
from typing import ClassVar

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.sbp1.twin import SimSbp1, crc8
from sensorbench.world.world import Place

_STOPS_S = 0.010
_DONE, _NOT_TAKEN, _WRONG_COUNT, _UNKNOWN = range(4)
_MOST = 64


class SimSbp1Uart:
    """One part at a place in the world. Its memory outlives a power cycle and the program run."""

    FAULTS: ClassVar[tuple[str, ...]] = SimSbp1.FAULTS

    terminators: tuple[bytes, ...] = ()
    reply_terminator = b""

    def __init__(self, place: Place) -> None:
        self._part, self._clock = SimSbp1(place), place.clock
        self._heard, self._heard_s = b"", math.inf

    def supply_current_a(self) -> float:
        """Return the current it draws: converting, or asleep."""
        return self._part.supply_current_a()

    def handle(self, line: bytes) -> bytes | None:
        """Take bytes as they come, and return the answer to the first frame that they complete."""
        now_s = self._clock.now()
        if now_s - self._heard_s > _STOPS_S:
            self._heard = b""
        answer = None
        try:
            self._part.wake()
        except NotAcknowledged:
            self._heard = b""
        else:
            self._heard += line
            answer = self._answered()
        self._heard_s = now_s if self._heard else math.inf
        return answer

    def _answered(self) -> bytes | None:
        while (found := self._next()) is not None:
            if found:
                self._heard = b""  # what came before the answer was sent
                return self._answer(found)
        return None

    def _next(self) -> bytes | None:
        """Return the next whole frame without its CRC, b"" for one that is damaged."""
        self._heard = self._heard[self._heard.find(0xA5) :] if 0xA5 in self._heard else b""
        if len(self._heard) < 4:
            return None
        # A count that can't be is answered, so it has no data to wait for.
        data = self._heard[3] if self._heard[1] == 0x57 and self._heard[3] <= _MOST else 0
        if len(self._heard) < 5 + data:
            return None
        frame, check = self._heard[: 4 + data], self._heard[4 + data]
        if crc8(frame) != check:
            self._heard = self._heard[1:]
            return b""
        self._heard = self._heard[5 + data :]
        return frame

    def _answer(self, frame: bytes) -> bytes:
        request, register, count = frame[1:4]
        told = b""
        if request not in (0x52, 0x57):
            state = _UNKNOWN
        elif not 1 <= count <= _MOST:
            state = _WRONG_COUNT
        else:
            state, told = self._do(request == 0x52, register, count, frame[4:])
        answer = bytes([0x5A, state, len(told)]) + told
        return answer + bytes([crc8(answer)])

    def _do(self, is_read: bool, register: int, count: int, data: bytes) -> tuple[int, bytes]:
        try:
            self._part.receive(bytes([register]) + data)
        except NotAcknowledged:
            return _NOT_TAKEN, b""
        return _DONE, self._part.send(count) if is_read else b""
