"""A Modbus client: worked frames, and what comes back that is no reply to what was asked."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.errors import (
    ChecksumError,
    InstrumentError,
    LinkTimeout,
    ProtocolError,
    SetpointError,
)
from sensorbench.protocols.modbus import (
    Kind,
    Register,
    RtuReply,
    TcpReply,
    Words,
    decode,
    encode,
    reading,
    writing,
)
from sensorbench.protocols.modbus_client import ModbusClient
from sensorbench.protocols.modbus_frames import with_crc

from ..modbus_messages import COUNT, MODE, UNIT, VALUE, Medium, SimThing, Wire, told_client

KINDS: tuple[Kind, ...] = ("int16", "uint16", "int32", "uint32", "float32")
MEDIA: tuple[Medium, ...] = ("serial", "tcp")


def frame(text: str) -> bytes:
    return bytes.fromhex(text)


# Frames computed with the CRC-16/MODBUS algorithm from the tables of Watlow, Binder and Michell.
@pytest.mark.parametrize(
    ("pdu", "sent", "reply", "words"),
    [
        (reading("holding", 100, 1), "01 03 00 64 00 01 C5 D5", "01 03 02 00 EA 39 CB", (234,)),
        (writing(300, (850,), False), "01 06 01 2C 03 52 C8 F2", "01 06 01 2C 03 52 C8 F2", ()),
        (
            reading("holding", 2782, 2), "01 03 0A DE 00 02 A7 E9",
            "01 03 04 00 00 41 B8 CA 11", (0x0000, 0x41B8),
        ),
        (
            writing(2782, (0x0000, 0x42AA), True), "01 10 0A DE 00 02 04 00 00 42 AA B1 00",
            "01 10 0A DE 00 02 22 2A", (),
        ),
    ],
)  # fmt: skip
def test_worked_frames_are_sent_and_read(
    pdu: bytes, sent: str, reply: str, words: tuple[int, ...]
) -> None:
    asked = RtuReply(1, pdu)
    assert asked.frame == frame(sent)
    assert asked.length_of(frame(reply)) == len(frame(reply))
    assert asked.words(frame(reply)) == words


def test_the_same_over_tcp_has_a_header_and_no_checksum() -> None:
    asked = TcpReply(1, reading("holding", 2782, 2), 1)
    assert asked.frame == frame("00 01 00 00 00 06 01 03 0A DE 00 02")
    reply = frame("00 01 00 00 00 07 01 03 04 00 00 41 B8")
    assert asked.length_of(reply) == len(reply)
    assert asked.words(reply) == (0x0000, 0x41B8)


@pytest.mark.parametrize("words", ["high first", "low first"])
@pytest.mark.parametrize("kind", KINDS)
@given(raw=st.binary(min_size=4, max_size=4))
def test_what_is_written_is_what_is_read(kind: Kind, words: Words, raw: bytes) -> None:
    register = Register(0, kind)
    held = struct.unpack(f">{register.count}H", raw[: 2 * register.count])
    try:
        value = decode(register, held, words)
    except ProtocolError:
        assert kind == "float32"  # no number, or none that anything measures
        return
    assert decode(register, encode(register, value, words), words) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, 40_000.0, -40_000.0])
def test_what_does_not_fit_is_not_sent(value: float) -> None:
    wire = Wire(SimThing())
    with pytest.raises(SetpointError, match="Nothing was sent"):
        ModbusClient(wire, UNIT).write(Register(30, "int16"), value)
    assert wire.sent == []


@pytest.mark.parametrize("medium", MEDIA)
@pytest.mark.parametrize("words", ["high first", "low first"])
def test_registers_are_read_and_written_by_name(medium: Medium, words: Words) -> None:
    thing = SimThing(words=words)
    wire = Wire(thing, medium)
    client = ModbusClient(wire, UNIT, words=words)
    assert client.read_many([MODE, VALUE, VALUE.at(150), COUNT]) == (10.0, 23.5, -40.25, 4711.0)
    assert client.write(VALUE, 85.5) == 85.5
    assert client.write(MODE, 62) == 62
    assert (thing.values[0], thing.mode) == (85.5, 62)
    assert client.read(Register(9, "int16", 0.1)) == -0.3
    assert client.read_text(200, 8) == "THING"
    assert client.read_code(Register(7, space="input")) == 4711


def test_neighbours_are_read_in_one_request() -> None:
    wire = Wire(SimThing())
    client = ModbusClient(wire, UNIT)
    client.read_many([Register(101), Register(100)])
    assert len(wire.sent) == 1


@pytest.mark.parametrize("medium", MEDIA)
@pytest.mark.parametrize(
    ("register", "value", "code", "told"),
    [
        (Register(5), None, 2, "no such register"),
        (VALUE, 300.0, 3, "does not take the value"),
        (COUNT, 1.0, 2, "can't be written"),
    ],
)
def test_an_exception_says_what_was_refused(
    medium: Medium, register: Register, value: float | None, code: int, told: str
) -> None:
    client = ModbusClient(Wire(SimThing(), medium), UNIT)
    with pytest.raises(InstrumentError, match=told) as refused:
        client.read(register) if value is None else client.write(register, value)
    assert refused.value.code == code
    assert str(refused.value).startswith("thing: ")
    assert str(register.address) in str(refused.value)


def reply_to(pdu: bytes, unit: int = UNIT) -> bytes:
    return with_crc(bytes([unit]) + pdu)


RIGHT = reply_to(frame("03 02 12 67"))


@pytest.mark.parametrize(
    ("reply", "kind", "told"),
    [
        (reply_to(frame("03 02 12 67"), 5), ProtocolError, "is none to function 3 .*another dev"),
        (reply_to(frame("04 02 12 67")), ProtocolError, "another request's"),
        (reply_to(frame("03 04 12 67 00 00")), ProtocolError, "none to function 3"),
        (reply_to(frame("83 06")), InstrumentError, "busy"),
        (reply_to(frame("83 63")), InstrumentError, "no known reason"),
        (RIGHT[:-1] + b"\x00", ChecksumError, "Check ground"),
        (RIGHT[:-1], LinkTimeout, "came"),
        (b"", LinkTimeout, "nothing"),
        (b"\x00" + RIGHT, ProtocolError, "wrong baud rate"),
    ],
)
def test_what_is_no_reply_on_a_serial_line_is_an_error(
    reply: bytes, kind: type[Exception], told: str
) -> None:
    wire = Wire(SimThing())
    wire.spoil = lambda *_: reply
    with pytest.raises(kind, match=told):
        ModbusClient(wire, UNIT).read(COUNT)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("00 02 00 00 00 05 11 03 02 12 67", "to transaction 2 of unit 17, not to 1 .*late"),
        ("00 01 00 00 00 05 12 03 02 12 67", "of unit 18, not to 1 of unit 17"),
        ("00 01 00 09 00 05 11 03 02 12 67", "no Modbus/TCP.*socket://HOST:PORT"),
        ("00 01 00 00 00 05 11 04 02 12 67", "none to function 3"),
        ("00 01 00 00 00 07 11 03 04 12 67 00 00", "of another function, count or length"),
        ("00 01 00 00 00 09 11 03 02 12 67", "of another function, count or length"),
    ],
)
def test_what_is_no_reply_over_tcp_is_an_error(reply: str, told: str) -> None:
    wire = Wire(SimThing(), "tcp")
    wire.spoil = lambda *_: frame(reply)
    with pytest.raises(ProtocolError, match=told):
        ModbusClient(wire, UNIT).read(COUNT)


def test_a_gateway_says_who_does_not_answer() -> None:
    wire = Wire(SimThing(), "tcp")
    wire.spoil = lambda *_: frame("00 01 00 00 00 03 11 83 0B")
    with pytest.raises(InstrumentError, match="does not answer the gateway: check its power"):
        ModbusClient(wire, UNIT).read(COUNT)


@pytest.mark.parametrize("medium", MEDIA)
def test_an_acknowledgement_of_something_else_is_an_error(medium: Medium) -> None:
    wire = Wire(SimThing(), medium)

    def other(_: bytes, reply: bytes) -> bytes:
        if medium == "tcp":
            return reply[:-1] + b"\x63"
        return with_crc(reply[:-3] + b"\x63")

    wire.spoil = other
    client = ModbusClient(wire, UNIT)
    with pytest.raises(ProtocolError, match=r"was acknowledged by .* Read back what it holds"):
        client.write(VALUE, 20.0)


@pytest.mark.parametrize("register", [MODE, VALUE])
def test_an_adapter_that_echoes_is_coped_with(register: Register) -> None:
    thing = SimThing()
    wire = Wire(thing)
    wire.spoil = lambda sent, reply: sent + reply
    client = ModbusClient(wire, UNIT)
    client.write(register, 54.0)
    assert client.read(register) == 54.0
    # The echo of a write by function 6 looks as its reply: it is none.
    wire.spoil = lambda sent, _: sent
    with pytest.raises(LinkTimeout):
        client.write(register, 62.0)


@pytest.mark.parametrize(
    ("held", "told"), [(math.nan, "no measured value"), (5e8, "word order"), (1e-40, "word order")]
)
def test_a_value_that_can_not_be_is_an_error(held: float, told: str) -> None:
    thing = SimThing()
    thing.values[0] = held
    with pytest.raises(ProtocolError, match=f"thing: holding register 100 holds .*{told}"):
        ModbusClient(Wire(thing), UNIT).read(VALUE)


@pytest.mark.parametrize("unit", [0, 256, -1])
def test_a_unit_that_can_not_be_is_refused(unit: int) -> None:
    with pytest.raises(ValueError, match="1 to 247"):
        ModbusClient(Wire(SimThing()), unit)


@pytest.mark.parametrize("medium", MEDIA)
def test_no_spoilt_reply_becomes_a_value(medium: Medium) -> None:
    assert list(told_client(medium, 3000, seed=3)) == []
