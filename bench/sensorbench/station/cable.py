"""A simulated RS-485 cable: every twin on it hears all that is sent, who is meant answers."""

from __future__ import annotations

from collections.abc import Sequence

from sensorbench.links.line import CutsFrames, FrameSplitter, LineTwin
from sensorbench.protocols.modbus_device import ModbusDevice
from sensorbench.protocols.modbus_frames import TcpFace

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


class FrameCable(SimulatedCable):
    """A cable of devices that cut frames alike, by what those are."""

    def __init__(self, twins: Sequence[LineTwin], cuts: CutsFrames) -> None:
        super().__init__(twins)
        self._cuts = cuts

    def splitter(self) -> FrameSplitter:
        """Return what cuts the bytes on the cable."""
        return self._cuts.splitter()


class ModbusCable(FrameCable):
    """A cable of Modbus devices; on TCP behind a gateway."""

    def __init__(self, twins: Sequence[ModbusDevice]) -> None:
        super().__init__(twins, twins[0])
        self._framing = twins[0].framing

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
    cutters = [twin for twin in twins if isinstance(twin, CutsFrames)]
    modbus = [twin for twin in twins if isinstance(twin, ModbusDevice)]
    if len(cutters) < len(twins) or len({type(twin.splitter()) for twin in cutters}) > 1:
        return SimulatedCable(twins)
    if len(modbus) == len(twins):
        return ModbusCable(modbus)
    return FrameCable(twins, cutters[0])
