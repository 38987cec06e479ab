"""FT232Hs at the USB layer: pyusb's backend, with the MPSSE's commands and the lines behind it.

Written from FTDI AN_108 rev 1.5; start and stop are seen at the edges of SCL and SDA (UM10204).
"""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any

from usb.backend import IBackend
from usb.core import USBError

from sensorbench.core.errors import LinkTimeout, NotAcknowledged
from sensorbench.links.i2c import SimulatedI2cBus

SCL, SDA = 1, 2
_ARGUMENTS = {0x80: 2, 0x82: 2, 0x86: 2, 0x9E: 2, 0x13: 2, 0x22: 1, 0x20: 2}


class Chip:
    """One FT232H. `read_length` is how long the read that comes next will be: a twin answers whole.

    `wire` is what was on the lines, `sent` the bytes of the address phases.
    """

    def __init__(self, serial: str, bus: SimulatedI2cBus, address: int = 1) -> None:
        self.serial, self.bus, self.address = serial, bus, address
        self.is_plugged = True
        self.read_length = 0
        self.wire: list[str] = []
        self.out = bytearray()
        self._pending = bytearray()
        self._scl = self._sda = True
        self._target = -1
        self._is_first = self._is_read = self._has_answer = False
        self._written: bytearray | None = None
        self._to_send = bytearray()
        self._acknowledged = False

    def take(self, data: bytes) -> None:
        """Take bytes of the MPSSE's command stream."""
        self._pending += data
        while self._pending:
            code = self._pending[0]
            length = 1 + _ARGUMENTS.get(code, 0)
            if code == 0x11:
                if len(self._pending) < 3:
                    return
                length = 4 + (self._pending[1] | self._pending[2] << 8)
            if len(self._pending) < length:
                return
            arguments = bytes(self._pending[1:length])
            del self._pending[:length]
            self._command(code, arguments)

    def _command(self, code: int, arguments: bytes) -> None:
        if code == 0x80:
            value, direction = arguments
            self._lines(bool(value & SCL or not direction & SCL),
                        bool(value & SDA or not direction & SDA))  # fmt: skip
        elif code == 0x81:
            low = self.bus.stuck
            self.out.append(SCL if low else SCL | SDA | 4)
        elif code == 0x11:
            self._write_byte(arguments[2])
        elif code == 0x22:
            acknowledged = self._acknowledged or self.bus.stuck
            self.out.append(0 if acknowledged else 1)
        elif code == 0x20:
            assert arguments == b"\0\0"
            self.out.append(self._to_send.pop(0) if self._to_send else 0xFF)
        elif code == 0x13:
            is_last = bool(arguments[1] & 0x80)
            assert is_last == (not self._to_send), "only the last byte is not acknowledged"
        elif code not in {0x82, 0x84, 0x85, 0x86, 0x87, 0x8A, 0x8B, 0x8C, 0x8D, 0x97, 0x9E}:
            self.out += bytes((0xFA, code))

    def _lines(self, scl: bool, sda: bool) -> None:
        if scl and self._scl and sda != self._sda:
            self._deliver()
            if sda:
                self.wire.append("P")
                self._target = -1
            else:
                self.wire.append("S" if self._target < 0 else "Sr")
                self._is_first = True
        self._scl, self._sda = scl, sda

    def _write_byte(self, byte: int) -> None:
        self._scl = False
        if not self._is_first:
            assert self._written is not None
            self._written.append(byte)
            self.wire.append(f"{byte:02x}")
            return
        self._is_first = False
        self._target, self._is_read = byte >> 1, bool(byte & 1)
        self.wire.append(f"{self._target:#04x}{'r' if self._is_read else 'w'}")
        self._acknowledged = False
        try:
            if self._is_read:
                self._to_send = bytearray(self.bus.transfer(self._target, b"", self.read_length))
            else:
                if not self.bus.reach(self._target):
                    return
                self._written = bytearray()
        except (NotAcknowledged, LinkTimeout):
            return
        self._acknowledged = True

    def _deliver(self) -> None:
        """Let the part have what was written to it."""
        written, self._written = self._written, None
        if written is not None and not self.bus.stuck:
            self.bus.transfer(self._target, bytes(written))


class Backend(IBackend):  # type: ignore[misc] - pyusb has no types
    """A libusb with these chips plugged in."""

    def __init__(self, *chips: Chip) -> None:
        self.chips = list(chips)
        self.is_refused = False

    def enumerate_devices(self) -> Any:
        return iter([chip for chip in self.chips if chip.is_plugged])

    def get_device_descriptor(self, dev: Chip) -> Any:
        return SimpleNamespace(
            bLength=18, bDescriptorType=1, bcdUSB=0x200, bDeviceClass=0, bDeviceSubClass=0,
            bDeviceProtocol=0, bMaxPacketSize0=64, idVendor=0x0403, idProduct=0x6014,
            bcdDevice=0x900, iManufacturer=1, iProduct=2, iSerialNumber=3, bNumConfigurations=1,
            address=dev.address, bus=1, port_number=1, port_numbers=(1,), speed=3,
        )  # fmt: skip

    def get_configuration_descriptor(self, dev: Chip, config: int) -> Any:
        if config:
            raise IndexError
        return SimpleNamespace(
            bLength=9, bDescriptorType=2, wTotalLength=32, bNumInterfaces=1,
            bConfigurationValue=1, iConfiguration=0, bmAttributes=0x80, bMaxPower=50,
            extra_descriptors=b"",
        )  # fmt: skip

    def get_interface_descriptor(self, dev: Chip, intf: int, alt: int, config: int) -> Any:
        if intf or alt or config:
            raise IndexError
        return SimpleNamespace(
            bLength=9, bDescriptorType=4, bInterfaceNumber=0, bAlternateSetting=0,
            bNumEndpoints=2, bInterfaceClass=255, bInterfaceSubClass=255,
            bInterfaceProtocol=255, iInterface=0, extra_descriptors=b"",
        )  # fmt: skip

    def get_endpoint_descriptor(self, dev: Chip, ep: int, intf: int, alt: int, config: int) -> Any:
        return SimpleNamespace(
            bLength=7, bDescriptorType=5, bEndpointAddress=(0x02, 0x81)[ep], bmAttributes=2,
            wMaxPacketSize=512, bInterval=0, bRefresh=0, bSynchAddress=0, extra_descriptors=b"",
        )  # fmt: skip

    def open_device(self, dev: Chip) -> Chip:
        if self.is_refused:
            raise USBError("Access denied (insufficient permissions)", -3, errno.EACCES)
        return self._there(dev)

    def close_device(self, handle: Chip) -> None: ...
    def set_configuration(self, handle: Chip, value: int) -> None: ...

    def get_configuration(self, handle: Chip) -> int:
        return 1

    def claim_interface(self, handle: Chip, intf: int) -> None: ...
    def release_interface(self, handle: Chip, intf: int) -> None: ...

    def is_kernel_driver_active(self, handle: Chip, intf: int) -> bool:
        return False

    def attach_kernel_driver(self, handle: Chip, intf: int) -> None: ...

    def bulk_write(self, handle: Chip, ep: int, intf: int, data: Any, timeout: int) -> int:
        assert ep == 0x02
        self._there(handle).take(bytes(data))
        return len(data)

    def bulk_read(self, handle: Chip, ep: int, intf: int, buff: Any, timeout: int) -> int:
        chip = self._there(handle)
        packets = bytearray()
        while True:
            packets += b"\x02\x60" + chip.out[:510]
            del chip.out[:510]
            if not chip.out or len(packets) + 512 > len(buff):
                break
        for k, byte in enumerate(packets):
            buff[k] = byte
        return len(packets)

    def ctrl_transfer(
        self, handle: Chip, kind: int, request: int, value: int, index: int, data: Any, timeout: int
    ) -> int:
        chip = self._there(handle)
        if (kind, request) != (0x80, 6):
            return len(data) if kind == 0x40 else 0
        text = ("", "FTDI", "FT232H", chip.serial)[value & 0xFF]
        raw = text.encode("utf-16-le") if value & 0xFF else b"\x09\x04"
        raw = bytes((len(raw) + 2, 3)) + raw
        for k, byte in enumerate(raw[: len(data)]):
            data[k] = byte
        return min(len(raw), len(data))

    def _there(self, chip: Chip) -> Chip:
        if not chip.is_plugged:
            raise USBError("No such device (it may have been disconnected)", -4, errno.ENODEV)
        return chip
