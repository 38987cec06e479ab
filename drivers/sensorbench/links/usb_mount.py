"""A mount for a bus of twins: a simulated USB-I2C adapter, which QEMU plugs into its guest.

`UsbMount` listens on a TCP port of this machine; QEMU's `usb-redir` connects to it, and Linux in
the guest sees the adapter, with every twin on the bus. One host at a time: another one waits until
that has gone. Its requests are answered in a thread of the mount; twins are asked under the bus's
lock, and nothing listens beyond loopback.
"""

from __future__ import annotations

import logging
import socket
import threading
from typing import TYPE_CHECKING

from sensorbench.core.errors import ProtocolError, TransportError
from sensorbench.links import usb_redirection as usb
from sensorbench.links.i2c import I2cBus
from sensorbench.links.mount import loopback
from sensorbench.links.ready import ready
from sensorbench.links.tiny_usb import PRODUCT, VENDOR, VENDOR_CLASS, TinyUsb

if TYPE_CHECKING:
    from typing import Self

_LOG = logging.getLogger(__name__)
_CHUNK = 65536


class UsbMount:
    """A bus as a USB adapter on a TCP port of this machine; port 0 picks a free one.

    Raises ValueError for a host beyond loopback, TransportError if the port is taken.
    """

    def __init__(self, bus: I2cBus, host: str = "127.0.0.1", port: int = 0) -> None:
        self._bus = bus
        family, self.host = loopback(host)
        try:
            self._listener = socket.create_server((self.host, port), family=family)
        except OSError as error:
            raise TransportError(
                f"{host}:{port} can't be listened on: {error.strerror}. "
                "Does another program, or another simulation, serve this port?"
            ) from error
        self.port: int = self._listener.getsockname()[1]
        self.address = f"[{self.host}]:{self.port}" if ":" in host else f"{self.host}:{self.port}"
        self._closing, self._close_now = socket.socketpair()
        self._thread = threading.Thread(
            target=self._listen, name=f"mount {self.address}", daemon=True
        )
        self._thread.start()

    def _listen(self) -> None:
        while self._closing not in ready([self._listener, self._closing]):
            host, _ = self._listener.accept()
            with host:
                host.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    self._serve(host)
                except OSError as error:
                    _LOG.info("%s: the host went away: %s", self.address, error)
                except ProtocolError as error:
                    _LOG.warning("%s: the host is sent away: %s", self.address, error)

    def _serve(self, host: socket.socket) -> None:
        device, splitter = TinyUsb(self._bus), usb.Splitter()
        first = [usb.hello("sensorbench"), *usb.plug_in(VENDOR, PRODUCT, VENDOR_CLASS)]
        host.sendall(b"".join(packet.encode() for packet in first))
        while self._closing not in ready([host, self._closing]):
            data = host.recv(_CHUNK)
            if not data:
                return
            for packet in splitter.feed(data):
                reply = _answer(device, packet)
                if reply is not None:
                    host.sendall(reply.encode())

    def close(self) -> None:
        """Stop serving: to the host the adapter is unplugged. Closing twice is fine."""
        if self._close_now.fileno() < 0:
            return
        self._close_now.close()
        self._thread.join()
        self._listener.close()
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _answer(device: TinyUsb, packet: usb.Packet) -> usb.Packet | None:
    """Return what a packet of the host is answered with; None for what needs no answer."""
    if packet.kind == usb.CONTROL_PACKET:
        setup = usb.parse_control(packet.payload)
        return usb.control_answer(packet.number, setup, device.control(setup))
    if packet.kind in (usb.SET_CONFIGURATION, usb.GET_CONFIGURATION):
        return usb.Packet(usb.CONFIGURATION_STATUS, packet.number, bytes([usb.SUCCESS, 1]))
    if packet.kind in (usb.SET_ALT_SETTING, usb.GET_ALT_SETTING):
        return usb.Packet(usb.ALT_SETTING_STATUS, packet.number, bytes([usb.SUCCESS, 0, 0]))
    return None
