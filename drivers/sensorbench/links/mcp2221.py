"""Microchip's MCP2221A, a USB-I2C adapter that every system drives by itself (HID).

The bytes are EasyMCP2221's. Nothing here writes its flash or resets it: speed and pins that are set
are those of its RAM.

Sources: Microchip DS20005565E, section 3.1 (reports); EasyMCP2221 1.8.4 (states of its engine);
Linux drivers/hid/hid-mcp2221.c, which sends an address alone as a write of no bytes.
"""

from __future__ import annotations

import time
from typing import Any

from sensorbench.core.errors import LinkClosed, NotAcknowledged, TransportError
from sensorbench.links.i2c import bus_held, not_acknowledged
from sensorbench.links.i2c_limits import Limits
from sensorbench.links.usb_i2c import Plugged, UsbI2cBus, extra_missing

VENDOR, PRODUCT = 0x04D8, 0x00DD
_WAIT_MS = 100
"""How long a report of 60 bytes may take: at 47 kHz they need 12 ms, the rest is for the part."""
_HID_MS = 1000
_STATUS, _WRITE = 0x10, 0x90
_RESULT, _STATE = 1, 8
_IDLE, _NO_ANSWER = 0x00, 0x25
_TIMED_OUT = (0x12, 0x17, 0x23, 0x44, 0x52, 0x62)


class Mcp2221I2cBus(UsbI2cBus):
    """An MCP2221 or MCP2221A, found by its USB serial number.

    A read of more than 60 bytes goes in several reports, with no stop between. The part tells no
    number while serial enumeration is off, as it leaves the factory.
    """

    KIND, TITLE, EXTRA = "mcp2221", "MCP2221", "mcp2221"
    # Both lengths are 16 bits; 12 MHz are divided by 8 bits. The engine itself gives up a clock
    # that is held after a time that its data sheet does not tell: none longer than usual is relied
    # on than what EasyMCP2221 waits by itself.
    LIMITS = Limits(0xFFFF, 0xFFFF, slowest_hz=47e3, fastest_hz=400e3, stretch_s=20e-3)

    _device: Any = None

    @classmethod
    def plugged(cls) -> list[Plugged]:
        try:
            import hid  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise extra_missing(cls.TITLE, cls.EXTRA, error) from error
        return [
            Plugged(row["serial_number"] or "", _text(row["path"]))
            for row in hid.enumerate(VENDOR, PRODUCT)
        ]

    def _connect(self, there: Plugged, speed_hz: float) -> None:
        try:
            import EasyMCP2221  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise extra_missing(self.TITLE, self.EXTRA, error) from error
        paths = [row.path for row in self.plugged()]
        try:
            # Not by its number, which those of the factory do not tell.
            self._device = EasyMCP2221.Device(
                devnum=paths.index(there.path), read_timeout=_HID_MS, cmd_retries=0
            )
            self._device.I2C_speed(round(speed_hz))
        except (OSError, ValueError, RuntimeError, EasyMCP2221.TimeoutError) as error:
            self._disconnect()
            raise LinkClosed(
                f"{error}. Is it still plugged in, does another program use it, and may this user "
                "access it (Linux: a udev rule for 04d8:00dd)?"
            ) from error

    def _disconnect(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            device.hidhandler.close()

    def _exchange(self, address: int, write: bytes, read_length: int) -> bytes:
        from EasyMCP2221 import exceptions as easy  # noqa: PLC0415 - an extra

        where = f"{self.name}, address {address:#04x}"
        try:
            if not write and not read_length:
                self._send_address(address)
                return b""
            if write:
                kind = "nonstop" if read_length else "regular"
                self._device.I2C_write(address, write, kind, _WAIT_MS)
            if not read_length:
                return b""
            kind = "restart" if write else "regular"
            return bytes(self._device.I2C_read(address, read_length, kind, _WAIT_MS))
        except (easy.NotAckError, NotAcknowledged) as error:
            raise not_acknowledged(where) from error
        except (easy.LowSCLError, easy.LowSDAError) as error:
            raise bus_held(where) from error
        except easy.TimeoutError as error:
            if "HID" in str(error):
                raise _gone(where) from error
            raise bus_held(where) from error
        except (OSError, ValueError) as error:  # hidapi: ValueError is "not open"
            raise _gone(where) from error
        except RuntimeError as error:
            if "engine timeout" in str(error):
                raise bus_held(where) from error
            raise TransportError(f"{where}: {error}") from error

    def _send_address(self, address: int) -> None:
        """Write no byte, which the library refuses and the chip does. Raises as the library."""
        device = self._device
        sent = device.send_cmd([_WRITE, 0, 0, address << 1])
        if sent[_RESULT]:
            device._i2c_release()  # as its own writes do
            sent = device.send_cmd([_WRITE, 0, 0, address << 1])
        end = time.monotonic() + _WAIT_MS / 1e3
        state = device.send_cmd([_STATUS])[_STATE]
        while state not in (_IDLE, _NO_ANSWER, *_TIMED_OUT):
            if time.monotonic() > end:
                break
            state = device.send_cmd([_STATUS])[_STATE]
        if state == _IDLE:
            return
        device._i2c_release()  # it names a line that is held low
        if state == _NO_ANSWER:
            raise NotAcknowledged("no answer")
        raise RuntimeError("engine timeout")


def _text(path: bytes | str) -> str:
    return path.decode("utf-8", "surrogateescape") if isinstance(path, bytes) else path


def _gone(where: str) -> LinkClosed:
    return LinkClosed(f"{where}: the adapter is gone. Plug it in.")
