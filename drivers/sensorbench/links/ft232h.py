"""FTDI's FT232H as a USB-I2C adapter, by the serial engine (MPSSE) in it.

SCL is AD0, SDA is AD1 and AD2 wired together, both with pull-ups. The bytes are pyftdi's, over
libusb. The engine does not look at the lines before it drives them, and a part that holds SDA low
would acknowledge for all the others: the lines are read before each transfer, and after it.

Sources: FTDI AN_108 rev 1.5 (commands), AN_255 rev 1.0 (I2C); pyftdi 0.57, i2c.py.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any

from sensorbench.core.errors import LinkClosed, NotAcknowledged, TransportError
from sensorbench.links.i2c import bus_held, not_acknowledged
from sensorbench.links.i2c_limits import Limits
from sensorbench.links.usb_i2c import Plugged, UsbI2cBus, extra_missing

VENDOR, PRODUCT = 0x0403, 0x6014
_LONGEST_WRITE = 0xFF00  # I2cController.PAYLOAD_MAX_LENGTH
_LONGEST_READ = _LONGEST_WRITE // 3 - 1  # as `exchange` refuses more
_GET_BITS_LOW, _SEND_IMMEDIATE = 0x81, 0x87
_SCL_AND_SDA = 0b101
_DRIVERS = {
    "win32": "On Windows, give it the driver libusbK with Zadig (https://zadig.akeo.ie), once for "
    "each adapter; its COM port goes away with that.",
    "darwin": "On macOS, install libusb (brew install libusb).",
    "linux": "On Linux, install libusb-1.0, and let this user access it (a udev rule for "
    "0403:6014).",
}


class Ft232hI2cBus(UsbI2cBus):
    """An FT232H, found by its USB serial number.

    Clock stretching is not waited for: that needs AD7 wired to AD0, which boards don't have.
    """

    KIND, TITLE, EXTRA = "ft232h", "FT232H", "ft232h"
    LIMITS = Limits(_LONGEST_WRITE, _LONGEST_READ, slowest_hz=10e3, fastest_hz=1e6, stretch_s=0.0)

    _controller: Any = None

    @classmethod
    def plugged(cls) -> list[Plugged]:
        try:
            from pyftdi.ftdi import Ftdi  # noqa: PLC0415 - an extra
            from pyftdi.usbtools import UsbToolsError  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise extra_missing(cls.TITLE, cls.EXTRA, error) from error
        try:
            found = [row for row, _ in Ftdi.find_all([(VENDOR, PRODUCT)], nocache=True)]
        except (OSError, ValueError, NotImplementedError, UsbToolsError) as error:
            # pyusb raises ValueError without libusb, and where it may not ask for the number
            raise LinkClosed(f"USB can't be looked at ({error}). {driver_hint()}") from error
        return [Plugged(row.sn or "", f"{row.bus or 0:x}:{row.address or 0:x}") for row in found]

    def _connect(self, there: Plugged, speed_hz: float) -> None:
        try:
            from pyftdi.i2c import I2cController  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise extra_missing(self.TITLE, self.EXTRA, error) from error
        self._controller = controller = I2cController()
        controller.set_retry_count(1)  # nothing is sent twice
        controller.log = logging.getLogger("sensorbench.ft232h")
        controller.log.setLevel(logging.ERROR)  # it warns of every address that nobody has
        try:
            controller.configure(f"ftdi://ftdi:232h:{there.path}/1", frequency=speed_hz)
        except (OSError, ValueError, NotImplementedError) as error:
            self._disconnect()
            raise LinkClosed(f"{error}. Does another program use it? {driver_hint()}") from error

    def _disconnect(self) -> None:
        controller, self._controller = self._controller, None
        if controller is not None:
            with contextlib.suppress(OSError, ValueError):
                controller.close()

    def _exchange(self, address: int, write: bytes, read_length: int) -> bytes:
        from pyftdi.ftdi import FtdiError  # noqa: PLC0415 - an extra
        from pyftdi.i2c import I2cIOError, I2cNackError  # noqa: PLC0415 - an extra

        where = f"{self.name}, address {address:#04x}"
        try:
            self._check_lines(where)
            try:
                found = self._send(address, write, read_length)
            except (I2cNackError, NotAcknowledged) as error:
                self._check_lines(where)
                raise not_acknowledged(where) from error
            self._check_lines(where)
        except FtdiError as error:
            raise LinkClosed(f"{where}: the adapter is gone ({error}). Plug it in.") from error
        except I2cIOError as error:
            raise TransportError(f"{where}: {error}. Plug the adapter in again.") from error
        if len(found) != read_length:
            raise TransportError(
                f"{where}: {len(found)} bytes came of {read_length}. Plug the adapter in again."
            )
        return found

    def _send(self, address: int, write: bytes, read_length: int) -> bytes:
        controller = self._controller
        if write and read_length:
            return bytes(controller.exchange(address, write, read_length))
        if read_length:
            return bytes(controller.read(address, read_length))
        if write:
            controller.write(address, write)
        elif not controller.poll(address, write=True):
            raise NotAcknowledged("no answer")
        return b""

    def _check_lines(self, where: str) -> None:
        """Raise LinkTimeout while anybody holds SCL or SDA low between transfers."""
        ftdi = self._controller.ftdi
        ftdi.write_data(bytes((_GET_BITS_LOW, _SEND_IMMEDIATE)))
        pins = ftdi.read_data_bytes(1, 4)
        if not pins:
            raise TransportError(f"{where}: the FT232H does not answer. Plug it in again.")
        if pins[0] & _SCL_AND_SDA != _SCL_AND_SDA:
            raise bus_held(where)


def driver_hint(platform: str = sys.platform) -> str:
    """Return what a system needs so that libusb may open an adapter.

    >>> "Zadig" in driver_hint("win32")
    True
    """
    return _DRIVERS.get(platform, _DRIVERS["linux"])
