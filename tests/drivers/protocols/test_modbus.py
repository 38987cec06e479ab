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
    AsciiReply,
    Kind,
    Register,
    RtuReply,
    TcpReply,
    Words,
    decode,
    encode,
    reading,
    reading_bits,
    writing,
    writing_bit,
)
from sensorbench.protocols.modbus_client import ModbusClient
from sensorbench.protocols.modbus_frames import in_ascii, with_crc

from ..modbus_messages import (
    COUNT,
    MODE,
    UNIT,
    VALUE,
    Medium,
    SimThing,
    Wire,
    client_of,
    told_client,
)

KINDS: tuple[Kind, ...] = ("int16", "uint16", "int32", "uint32", "float32")
MEDIA: tuple[Medium, ...] = ("serial", "ascii", "tcp")


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
        (
            reading("holding", 0x1000, 2), "01 03 10 00 00 02 C0 CB",
            "01 03 04 00 FA 03 52 5B 0F", (250, 850),
        ),
        (writing(0x1001, (850,), False), "01 06 10 01 03 52 5D C7", "01 06 10 01 03 52 5D C7", ()),
        (writing_bit(0x0814, True), "01 05 08 14 FF 00 CE 5E", "01 05 08 14 FF 00 CE 5E", ()),
        (writing_bit(0x0814, False), "01 05 08 14 00 00 8F AE", "01 05 08 14 00 00 8F AE", ()),
        (
            reading_bits("discrete", 0x0800, 5), "01 02 08 00 00 05 BA 69",
            with_crc(frame("01 02 01 12")).hex(), (0, 1, 0, 0, 1),
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


# Delta DTB: the first two computed, the others as a public client of two DTB4848 notes them.
@pytest.mark.parametrize(
    ("unit", "pdu", "sent", "reply", "words"),
    [
        (1, reading("holding", 0x1000, 2), ":010310000002EA", ":01030400FA0352A9", (250, 850)),
        (1, writing(0x1001, (850,), False), ":01061001035293", ":01061001035293", ()),
        (1, reading("holding", 0x1000, 2), ":010310000002EA", ":01030401F80208F5", (504, 520)),
        (2, reading("holding", 0x1000, 2), ":020310000002E9", ":02030400FF007088", (255, 112)),
        (1, writing(0x1001, (546,), False), ":010610010222C4", ":010610010222C4", ()),
        (2, writing(0x1001, (255,), False), ":0206100100FFE8", ":0206100100FFE8", ()),
    ],
)
def test_worked_frames_in_ascii_are_sent_and_read(
    unit: int, pdu: bytes, sent: str, reply: str, words: tuple[int, ...]
) -> None:
    asked, came = AsciiReply(unit, pdu), f"{reply}\r\n".encode()
    assert asked.frame == f"{sent}\r\n".encode()
    assert all((asked.length_of(came[:n]) or len(came)) == len(came) for n in range(len(came)))
    assert asked.length_of(came) == len(came)
    assert asked.words(came) == words


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
    client, wire = client_of(medium, words)
    thing = wire.twin
    assert isinstance(thing, SimThing)
    assert client.read_many([MODE, VALUE, VALUE.at(150), COUNT]) == (10.0, 23.5, -40.25, 4711.0)
    assert client.write(VALUE, 85.5) == 85.5
    assert client.write(MODE, 62) == 62
    assert (thing.values[0], thing.mode) == (85.5, 62)
    assert client.read(Register(9, "int16", 0.1)) == -0.3
    assert client.read_text(200, 8) == "THING"
    assert client.read_code(Register(7, space="input")) == 4711


@pytest.mark.parametrize("medium", MEDIA)
def test_bits_are_read_and_written(medium: Medium) -> None:
    client, wire = client_of(medium)
    assert client.read_bits("discrete", 2048, 3) == (False, True, True)
    client.write_bit(2049, False, told_by="discrete")
    assert client.read_bits("discrete", 2049, 1) == (False,)
    with pytest.raises(InstrumentError, match=r"function 5 \(bit set at 2048\).*no such register"):
        client.write_bit(2048, True)
    with pytest.raises(InstrumentError, match="does not know the function"):
        client.read_bits("coil", 2048, 1)
    with pytest.raises(ValueError, match="2001 bits can't be read"):
        client.read_bits("discrete", 0, 2001)
    assert isinstance(wire.twin, SimThing)
    assert wire.twin.bits == [False, False, True]


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
    client, _ = client_of(medium)
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


IN_ASCII = in_ascii(frame("11 03 02 12 AB"))


@pytest.mark.parametrize(
    ("reply", "kind", "told"),
    [
        (in_ascii(frame("05 03 02 12 67")), ProtocolError, "is none to function 3 .*another dev"),
        (in_ascii(frame("11 04 02 12 67")), ProtocolError, "another request's"),
        (in_ascii(frame("11 83 06")), InstrumentError, "busy"),
        (IN_ASCII.replace(b"AB", b"AA"), ChecksumError, "Check ground"),
        (IN_ASCII.replace(b"\r", b"0"), ProtocolError, "no Modbus ASCII"),
        (IN_ASCII[:-1] + b"\r", ChecksumError, "Check ground"),
        (IN_ASCII[:-1], LinkTimeout, "came"),
        (IN_ASCII[:6] + b"\r\n", LinkTimeout, "came"),
        (IN_ASCII.lower(), ProtocolError, "no Modbus ASCII"),
        (IN_ASCII[:5] + b" " + IN_ASCII[6:], ProtocolError, "no Modbus ASCII"),
        (b"\xba" + IN_ASCII[1:], ProtocolError, "parity or number of data bits"),
        (with_crc(frame("11 03 02 12 67")), ProtocolError, "is the device set to RTU"),
        (b"\x00" + IN_ASCII, ProtocolError, "no Modbus ASCII"),
    ],
)
def test_what_is_no_reply_in_ascii_is_an_error(
    reply: bytes, kind: type[Exception], told: str
) -> None:
    client, wire = client_of("ascii")
    wire.spoil = lambda *_: reply
    with pytest.raises(kind, match=told):
        client.read(COUNT)


def test_a_framing_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="framing = 'bcd' is not allowed; allowed: rtu, ascii"):
        ModbusClient(Wire(SimThing()), UNIT, framing="bcd")  # type: ignore[arg-type]


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
    client, wire = client_of(medium)

    def other(_: bytes, reply: bytes) -> bytes:
        if medium == "tcp":
            return reply[:-1] + b"\x63"
        message = wire.twin.framing.opened(reply)
        return wire.twin.framing.closed(message[:-1] + b"\x63")

    wire.spoil = other
    with pytest.raises(ProtocolError, match=r"was acknowledged by .* Read back what it holds"):
        client.write(VALUE, 20.0)


@pytest.mark.parametrize("medium", ["serial", "ascii"])
@pytest.mark.parametrize("register", [MODE, VALUE])
def test_an_adapter_that_echoes_is_coped_with(register: Register, medium: Medium) -> None:
    client, wire = client_of(medium)
    wire.spoil = lambda sent, reply: sent + reply
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
