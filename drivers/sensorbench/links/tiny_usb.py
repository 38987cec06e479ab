"""A USB-I2C adapter that is simulated: the i2c-tiny-usb, whose driver is part of Linux.

So the drivers of a kernel reach the twins on a bus, which to them are parts on an adapter.
Source: Till Harbaum, i2c_tiny_usb, firmware/main.c and usbconfig.h (descriptors, commands);
torvalds/linux drivers/i2c/busses/i2c-tiny-usb.c (what the host asks).
"""

from __future__ import annotations

import logging
import struct

from sensorbench.core.errors import NotAcknowledged, TransportError
from sensorbench.links.i2c import CombiningBus, I2cBus, Message
from sensorbench.links.usb_redirection import Setup

_LOG = logging.getLogger(__name__)

VENDOR, PRODUCT, VENDOR_CLASS = 0x0403, 0xC631, 0xFF
_STRINGS = ("", "sensorbench", "i2c-tiny-usb, SIMULATED")
_DEVICE = struct.pack(
    "<BBHBBBBHHHBBBB", 18, 1, 0x0110, VENDOR_CLASS, 0, 0, 8, VENDOR, PRODUCT, 0x0205, 1, 2, 0, 1
)
_CONFIGURATION = struct.pack("<BBHBBBBB", 9, 2, 18, 1, 1, 0, 0x80, 50) + struct.pack(
    "<BBBBBBBBB", 9, 4, 0, 0, 0, VENDOR_CLASS, 0, 0, 0
)

# Standard requests (USB 2.0, table 9-4), and the firmware's own.
_GET_STATUS, _GET_DESCRIPTOR = 0, 6
_ECHO, _GET_FUNCTIONS, _SET_DELAY, _GET_BUS_STATUS, _TRANSFER = 0, 1, 2, 3, 4
_BEGIN, _END = 1, 2
_VENDOR = 0x40
_READ_FLAG = 0x0001
_ACKNOWLEDGED, _REFUSED = 1, 2
# I2C_FUNC_I2C and all of SMBus that the kernel makes of it (include/uapi/linux/i2c.h).
_FUNCTIONS = 0x0EFF0009


class TinyUsb:
    """The adapter as USB sees it. What the host writes waits for what ends the transfer.

    So twins see one transfer with a repeated start where the host asks for one; each of its parts
    is acknowledged at once then, and a refusal is told at the last.
    """

    def __init__(self, bus: I2cBus) -> None:
        self._bus = bus
        self._waiting: list[Message] = []
        self._status = 0

    def control(self, setup: Setup) -> bytes | None:
        """Do one control transfer: return what is sent to the host, None to stall."""
        if setup.request_type & 0x60 == _VENDOR:
            return self._command(setup)
        if setup.request == _GET_DESCRIPTOR and setup.is_read:
            return _descriptor(setup.value >> 8, setup.value & 0xFF)
        if setup.request == _GET_STATUS and setup.is_read:
            return bytes(2)
        return None

    def _command(self, setup: Setup) -> bytes | None:
        if setup.request == _ECHO:
            return struct.pack("<H", setup.value)
        if setup.request == _GET_FUNCTIONS:
            return struct.pack("<I", _FUNCTIONS)
        if setup.request == _SET_DELAY:
            return b""
        if setup.request == _GET_BUS_STATUS:
            return bytes([self._status])
        if _TRANSFER <= setup.request <= _TRANSFER | _BEGIN | _END:
            return self._message(setup)
        return None

    def _message(self, setup: Setup) -> bytes:
        if setup.request & _BEGIN:
            self._waiting.clear()
        is_read = bool(setup.value & _READ_FLAG) and setup.is_read
        length = setup.length if is_read else 0
        before = self._waiting[-1] if self._waiting else None
        joins = is_read and before is not None and before.address == setup.index
        if joins and before is not None:
            self._waiting[-1] = Message(setup.index, before.write, length)
        else:
            self._waiting.append(Message(setup.index, setup.sent, length))
        self._status = _ACKNOWLEDGED
        if not is_read and not setup.request & _END:
            return b""
        messages, self._waiting = self._waiting, []
        try:
            return self._transfer(messages)
        except NotAcknowledged:
            pass
        except TransportError as error:
            _LOG.warning("%s", error)
        self._status = _REFUSED
        return b"\xff" * length  # the lines as nobody pulls them; the host asks for the status

    def _transfer(self, messages: list[Message]) -> bytes:
        if isinstance(self._bus, CombiningBus):
            return self._bus.combine(messages)[-1]
        with self._bus.lock:
            read = [self._bus.transfer(m.address, m.write, m.read_length) for m in messages]
        return read[-1]


def _descriptor(kind: int, index: int) -> bytes | None:
    """Return a descriptor (USB 2.0, section 9.6), None where the device has none of it."""
    if kind == 1:
        return _DEVICE
    if kind == 2:
        return _CONFIGURATION
    if kind == 3 and index == 0:
        return bytes([4, 3, 0x09, 0x04])  # English
    if kind == 3 and index < len(_STRINGS):
        text = _STRINGS[index].encode("utf-16-le")
        return bytes([2 + len(text), 3]) + text
    return None
