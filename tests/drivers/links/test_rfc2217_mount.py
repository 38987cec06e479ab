"""A twin behind a converter of RFC 2217, met by pyserial, minimalmodbus and our own link."""

from __future__ import annotations

import socket
from dataclasses import replace

import minimalmodbus
import pytest
import serial

from sensorbench.core.clock import RealClock
from sensorbench.core.errors import LinkTimeout
from sensorbench.instruments.espec_p300.driver import EspecP300
from sensorbench.instruments.espec_p300.twin import SimEspecP300
from sensorbench.instruments.watlow_f4t.twin import SimWatlowF4t
from sensorbench.links.mount import Fault
from sensorbench.links.rfc2217_mount import Rfc2217Mount
from sensorbench.links.serial_line import SerialLine
from sensorbench.world.world import World

pytestmark = pytest.mark.filterwarnings("ignore:setName:DeprecationWarning")


@pytest.fixture
def world() -> World:
    return World(RealClock(), 1)


class Echo:
    """Answers every line with itself."""

    terminators: tuple[bytes, ...] = (b"\n",)
    reply_terminator = b"\n"

    def handle(self, line: bytes) -> bytes | None:
        return line


def test_every_byte_travels_also_those_that_telnet_has_for_itself() -> None:
    with (
        Rfc2217Mount(Echo()) as mount,
        serial.serial_for_url(mount.url, 115_200, timeout=2.0) as port,
    ):
        every = bytes(byte for byte in range(256) if byte != 0x0A)
        port.write(every + b"\n")
        assert port.read(len(every) + 1) == every + b"\n"
        port.baudrate, port.parity = 9600, serial.PARITY_EVEN  # answered, or pyserial raises
        assert port.dsr
        port.write(b"again\n")
        assert port.read_until(b"\n") == b"again\n"


def test_our_driver_meets_the_chamber_there(world: World) -> None:
    with (
        Rfc2217Mount(SimEspecP300(world, "SIM-1")) as mount,
        SerialLine(mount.url, replace(EspecP300.LINE, timeout_s=0.5), "chamber") as line,
    ):
        chamber = EspecP300(line, world.clock)
        assert "P300" in chamber.identify().model
        mount.fail_next(Fault(cut_after=0))
        with pytest.raises(LinkTimeout):
            chamber.temperature.read()
        assert chamber.temperature.read() == pytest.approx(23.0, abs=5.0)


def test_minimalmodbus_reads_the_serial_face_of_a_twin_that_has_two(world: World) -> None:
    with Rfc2217Mount(SimWatlowF4t(world, "SIM-1")) as mount:
        port = serial.serial_for_url(mount.url, 38_400, timeout=2.0)
        client = minimalmodbus.Instrument(port, 1)
        order = minimalmodbus.BYTEORDER_LITTLE_SWAP
        assert client.read_float(2820, byteorder=order) == pytest.approx(23.0, abs=5.0)
        port.close()


def test_who_speaks_no_telnet_is_answered_too_and_may_go() -> None:
    with Rfc2217Mount(Echo()) as mount:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", mount.port), 2.0) as peer:
                peer.sendall(b"plain\n")
                heard = b""
                while not heard.endswith(b"plain\n"):
                    heard += peer.recv(100)
