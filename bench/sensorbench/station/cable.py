"""A simulated RS-485 cable: every twin on it hears all that is sent, who is meant answers."""

from __future__ import annotations

from collections.abc import Sequence

from sensorbench.links.line import LineTwin
from sensorbench.protocols.modbus_device import ModbusDevice
from sensorbench.protocols.modbus_frames import AsciiSplitter, RtuSplitter, TcpFace

_NO_ANSWER = 11
"""A gateway's exception: the device behind it does not answer (Application Protocol 1.1b3)."""


class SimulatedCable:
    """A LineTwin of all that are on one cable. Two that answer at once garble each other."""

    def __init__(self, twins: Sequence[LineTwin]) -> None:
        self._twins = tuple(twins)
        self.terminators = twins[0].terminators
        self.reply_terminator = twins[0].reply_terminator

    def handle(self, line: bytes) -> bytes | None:
        """Let all hear it; return what is on the cable then."""
        replies = [reply for twin in self._twins if (reply := twin.handle(line)) is not None]
        if not replies:
            return None
        garbled, *others = replies
        for other in others:
            length = max(len(garbled), len(other))
            pairs = zip(garbled.ljust(length, b"\xff"), other.ljust(length, b"\xff"), strict=True)
            garbled = bytes(one & two for one, two in pairs)
        return garbled


class ModbusCable(SimulatedCable):
    """A cable of Modbus devices, which cut frames by what those are; on TCP behind a gateway."""

    def __init__(self, twins: Sequence[ModbusDevice]) -> None:
        super().__init__(twins)
        self._framing = twins[0].framing

    def splitter(self) -> RtuSplitter | AsciiSplitter:
        """Return what cuts the bytes on the cable."""
        return self._framing.splitter()

    def over_tcp(self) -> TcpFace:
        """Return the gateway: a LineTwin that speaks Modbus/TCP for all on the cable."""
        return TcpFace(self._through)

    def _through(self, unit: int, pdu: bytes) -> bytes:
        reply = self.handle(self._framing.closed(bytes([unit]) + pdu))
        message = b"" if reply is None else self._framing.opened(reply)
        if message[:1] != bytes([unit]):
            return bytes([pdu[0] | 0x80, _NO_ANSWER])
        return message[1:]


def cable_of(twins: Sequence[LineTwin]) -> SimulatedCable:
    """Return the cable that twins are on."""
    modbus = [twin for twin in twins if isinstance(twin, ModbusDevice)]
    if len(modbus) == len(twins) and len({twin.framing.splitter for twin in modbus}) == 1:
        return ModbusCable(modbus)
    return SimulatedCable(twins)
