"""A simulated Modbus device on real ports, judged by other people's clients and byte by byte."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import minimalmodbus
import pytest
import serial
from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from sensorbench.links.line import LineSettings
from sensorbench.links.mount import PtyMount, TcpMount
from sensorbench.links.serial_line import SerialLine
from sensorbench.links.tcp_line import TcpLine
from sensorbench.protocols.modbus_client import ModbusClient
from sensorbench.protocols.modbus_frames import (
    FRAMINGS,
    AsciiSplitter,
    RtuSplitter,
    in_ascii,
    with_crc,
)

from ..modbus_messages import COUNT, MODE, UNIT, VALUE, Medium, SimThing, told_device

posix = pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX")
FRAMES = LineSettings(write_terminator="", read_terminator="", timeout_s=1.0)
Clients = ModbusSerialClient | ModbusTcpClient


@pytest.fixture
def thing() -> SimThing:
    return SimThing(words="low first")


@pytest.fixture(
    params=["tcp", pytest.param("serial", marks=posix), pytest.param("ascii", marks=posix)]
)
def pymodbus_client(request: pytest.FixtureRequest, thing: SimThing) -> Iterator[Clients]:
    client: Clients
    if request.param == "tcp":
        with TcpMount(thing) as tcp:
            client = ModbusTcpClient(tcp.host, port=tcp.port, timeout=1.0, retries=0)
            assert client.connect()
            yield client
            client.close()
    else:
        framer = FramerType.ASCII if request.param == "ascii" else FramerType.RTU
        thing.framing = FRAMINGS["ascii" if request.param == "ascii" else "rtu"]
        with PtyMount(thing) as pty:
            client = ModbusSerialClient(
                pty.address, framer=framer, baudrate=38400, timeout=1.0, retries=0
            )
            assert client.connect()
            yield client
            client.close()


def test_pymodbus_reads_and_writes_it(pymodbus_client: Clients, thing: SimThing) -> None:
    client, kind = pymodbus_client, pymodbus_client.DATATYPE.FLOAT32
    found = client.read_holding_registers(100, count=2, device_id=UNIT)
    assert client.convert_from_registers(found.registers, kind, word_order="little") == 23.5
    words = client.convert_to_registers(85.5, kind, word_order="little")
    assert not client.write_registers(100, words, device_id=UNIT).isError()
    assert not client.write_register(30, 62, device_id=UNIT).isError()
    assert (thing.values[0], thing.mode) == (85.5, 62)
    assert client.read_input_registers(7, count=1, device_id=UNIT).registers == [4711]
    assert not client.write_coil(2049, False, device_id=UNIT).isError()
    assert client.read_discrete_inputs(2048, count=3, device_id=UNIT).bits[:3] == [0, 0, 1]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (lambda c: c.read_coils(0, count=1, device_id=UNIT), 1),
        (lambda c: c.read_device_information(device_id=UNIT), 1),
        (lambda c: c.read_holding_registers(5, count=1, device_id=UNIT), 2),
        (lambda c: c.read_holding_registers(101, count=2, device_id=UNIT), 2),
        (lambda c: c.write_register(7, 1, device_id=UNIT), 2),
        (lambda c: c.write_register(100, 1, device_id=UNIT), 2),
        (lambda c: c.write_register(30, 11, device_id=UNIT), 3),
        (lambda c: c.write_registers(100, [0, 0x7FC0], device_id=UNIT), 3),
    ],
)
def test_pymodbus_is_told_what_it_can_not_have(
    pymodbus_client: Clients, asked: object, code: int
) -> None:
    assert asked(pymodbus_client).exception_code == code  # type: ignore[operator]


@posix
@pytest.mark.parametrize("mode", [minimalmodbus.MODE_RTU, minimalmodbus.MODE_ASCII])
def test_minimalmodbus_reads_and_writes_it(mode: str) -> None:
    thing = SimThing(words="low first", medium="ascii" if mode == "ascii" else "serial")
    with PtyMount(thing) as mount:
        client = minimalmodbus.Instrument(mount.address, UNIT, mode)
        client.serial.baudrate, client.serial.timeout = 38400, 1.0
        order = minimalmodbus.BYTEORDER_LITTLE_SWAP
        assert client.read_float(100, byteorder=order) == 23.5
        client.write_float(150, -12.5, byteorder=order)
        client.write_register(30, 54, functioncode=6)
        assert (thing.values[1], thing.mode) == (-12.5, 54)
        assert client.read_register(9, signed=True) == -3
        client.write_bit(2049, 0)
        assert client.read_bits(2048, 3) == [0, 0, 1]
        with pytest.raises(minimalmodbus.IllegalRequestError):
            client.read_register(5)
        client.serial.close()


def test_our_client_speaks_to_it_over_tcp(thing: SimThing) -> None:
    with TcpMount(thing) as mount, TcpLine(mount.host, mount.port, FRAMES, "thing") as line:
        client = ModbusClient(line, UNIT, words="low first")
        assert client.read_many([VALUE, COUNT]) == (23.5, 4711.0)
        assert client.write(MODE, 62) == 62


@posix
def test_our_client_speaks_to_it_on_a_serial_line(thing: SimThing) -> None:
    with PtyMount(thing) as mount, SerialLine(mount.address, FRAMES, "thing") as line:
        client = ModbusClient(line, UNIT, words="low first")
        assert client.read_many([VALUE, COUNT]) == (23.5, 4711.0)
        assert client.write(MODE, 62) == 62


def request(text: str, unit: int = UNIT) -> bytes:
    return with_crc(bytes([unit]) + bytes.fromhex(text))


ASK_MODE = request("03 001E 0001")


def test_bytes_are_cut_into_frames_by_what_they_are_not_by_silence() -> None:
    joined = request("06 001E 003E") + request("10 0064 0002 04 0000 0000", 5) + ASK_MODE
    for step in (1, 3, 7, len(joined)):
        splitter = RtuSplitter()
        parts = [joined[k : k + step] for k in range(0, len(joined), step)]
        found = [frame for part in parts for frame in splitter.feed(part)]
        assert b"".join(found) == joined
        assert not splitter.is_waiting


@pytest.mark.parametrize(
    "noise", ["00", "11", "11 03", "ff ff ff", "11 10 00 00 00 7b f6", "11 99"]
)
def test_a_request_behind_noise_is_heard(thing: SimThing, noise: str) -> None:
    assert thing.handle(bytes.fromhex(noise) + ASK_MODE) == request("03 02 000A")


def in_ascii_request(text: str, unit: int = UNIT) -> bytes:
    return in_ascii(bytes([unit]) + bytes.fromhex(text))


ASK_IN_ASCII = in_ascii_request("03 001E 0001")


def test_ascii_is_cut_at_colon_and_line_end() -> None:
    joined = in_ascii_request("06 001E 003E") + ASK_IN_ASCII
    for step in (1, 3, 7, len(joined)):
        splitter = AsciiSplitter()
        parts = [joined[k : k + step] for k in range(0, len(joined), step)]
        found = [frame for part in parts for frame in splitter.feed(part)]
        assert b"".join(found) == joined
        assert splitter.silence() == []


@pytest.mark.parametrize("noise", [b"\x00", b":", b":11", b":1103\r\n", b"\n", b":" + b"0" * 600])
def test_a_request_in_ascii_behind_noise_is_heard(noise: bytes) -> None:
    thing = SimThing(medium="ascii")
    assert thing.handle(noise + ASK_IN_ASCII) == in_ascii_request("03 02 000A")


@pytest.mark.parametrize(
    "damaged",
    [
        ASK_IN_ASCII.lower(), ASK_IN_ASCII.replace(b"1E", b"1F"), ASK_IN_ASCII[:-2] + b"\n",
        ASK_IN_ASCII[:5] + b"G" + ASK_IN_ASCII[6:], b":11EF\r\n", ASK_MODE,
        in_ascii(bytes(300)),
    ],
)  # fmt: skip
def test_what_is_damaged_in_ascii_is_not_answered(damaged: bytes) -> None:
    assert SimThing(medium="ascii").handle(damaged) is None


@posix
def test_a_request_in_pieces_is_answered_and_the_beginning_of_one_is_forgotten(
    thing: SimThing,
) -> None:
    with PtyMount(thing) as mount, serial.Serial(mount.address, timeout=1.0) as port:
        for part in (ASK_MODE[:3], ASK_MODE[3:5], ASK_MODE[5:]):
            port.write(part)
            time.sleep(0.02)
        assert port.read(7) == request("03 02 000A")
        port.write(ASK_MODE + ASK_MODE)
        assert port.read(14) == 2 * request("03 02 000A")
        port.write(ASK_MODE[:5])
        time.sleep(0.3)
        port.write(ASK_MODE)
        assert port.read(7) == request("03 02 000A")


def test_a_broadcast_is_carried_out_and_not_answered(thing: SimThing) -> None:
    assert thing.handle(request("06 001E 0036", 0)) is None
    assert thing.mode == 54
    assert thing.handle(request("03 001E 0001", 0)) is None


def test_another_unit_is_not_answered(thing: SimThing) -> None:
    assert thing.handle(request("03 001E 0001", UNIT + 1)) is None
    over_tcp = thing.over_tcp()
    asked = bytes.fromhex("0001 0000 0006 12 03 001E 0001")
    assert over_tcp.handle(asked) is None
    # On TCP 255 and 0 are the device that is connected.
    own = bytes.fromhex("0001 0000 0006 FF 03 001E 0001")
    assert over_tcp.handle(own) == bytes.fromhex("0001 0000 0005 FF 03 02 000A")


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        ("03 001E 0000", "83 03"),
        ("03 001E 007E", "83 03"),
        ("10 001E 0002 02 0036", "90 03"),
        ("10 001E 0000 00", "90 03"),
        ("10 001E 0001 02 0036", "10 001E 0001"),
        ("41 01 02", "C1 01"),
        ("03 00C8 0006", "03 0C 0054 0048 0049 004E 0047 0000"),
    ],
)
def test_the_twin_answers_byte_by_byte(thing: SimThing, sent: str, reply: str) -> None:
    assert thing.handle(request(sent)) == request(reply)


def test_a_byte_count_that_is_wrong_is_refused(thing: SimThing) -> None:
    sent = bytes.fromhex("0001 0000 0008 11 10 001E 0001 02 00")
    assert thing.over_tcp().handle(sent) == bytes.fromhex("0001 0000 0003 11 90 03")


def test_what_was_refused_by_one_register_changed_no_other(thing: SimThing) -> None:
    thing.is_locked = True
    assert thing.handle(request("10 0064 0002 04 0000 41A0")) == request("90 04")
    assert thing.values == [23.5, -40.25]


def test_what_nobody_declared_is_on_record(thing: SimThing) -> None:
    thing.handle(request("03 0005 0001"))
    thing.handle(request("06 0005 0001"))
    thing.handle(request("2B 0E 01 00"))
    assert thing.beyond.noted == [
        "holding register 5",
        "holding register 5, written",
        "function 43",
    ]


def test_a_device_says_what_it_understands() -> None:
    told = SimThing.understood()
    assert told[0] == "functions 2, 3, 4, 5, 6, 16"
    assert "discrete 2048 and every 1 on, 3 in all: bit, read" in told
    assert "holding 100 and every 50 on, 2 in all: float32, read and written" in told


@pytest.mark.parametrize("medium", ["serial", "ascii", "tcp"])
def test_no_message_makes_it_fail(medium: Medium) -> None:
    assert list(told_device(medium, 3000, seed=1)) == []
