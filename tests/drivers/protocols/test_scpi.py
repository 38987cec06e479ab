"""The client side of SCPI: what is read, what is refused, and whether a command was accepted."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.errors import InstrumentError, ProtocolError
from sensorbench.protocols.scpi import (
    parse_error,
    parse_flag,
    parse_identity,
    parse_number,
    pending_errors,
    send,
    show_number,
    without_echo,
)


class Queue:
    """An instrument that only has an error queue."""

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.sent: list[str] = []

    def write(self, line: str) -> None:
        self.sent.append(line)

    def query(self, line: str, timeout_s: float | None = None) -> str:
        self.sent.append(line)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("+4.99987000E+00", 4.99987),
        ("1", 1.0),
        (" -.5e-3\r", -0.0005),
        (":SENS:PRES 101325.0", 101325.0),
        ("+9.80000000E+37", 9.8e37),
    ],
)
def test_numbers_are_read_in_every_form(reply: str, value: float) -> None:
    assert parse_number(reply, ":SENS:PRES?") == value


@pytest.mark.parametrize("reply", ["", "nan", "inf", "1_000", "1,2", "1 V", "OVER", "0x10"])
def test_what_is_no_number_is_a_protocol_error(reply: str) -> None:
    with pytest.raises(ProtocolError, match=r"'X\?' answered"):
        parse_number(reply, "X?")


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        ("+9.90000000E+37", "overload"),
        ("-9.90000000E+37", "overload"),
        ("9.91E37", "not a number"),
        ("1E300", "not a number"),
    ],
)
def test_values_that_the_instrument_does_not_know_are_never_returned(
    reply: str, meaning: str
) -> None:
    with pytest.raises(InstrumentError, match=meaning):
        parse_number(reply, "READ?")


@given(st.floats(-1e30, 1e30))
def test_a_number_survives_the_wire_to_nine_digits(value: float) -> None:
    back = parse_number(show_number(value), "X?")
    assert math.isclose(back, value, rel_tol=1e-8)


@pytest.mark.parametrize(
    ("reply", "flag"), [("1", True), ("0", False), ("ON", True), (":OUTP:STAT 0", False)]
)
def test_flags_are_read_in_every_form(reply: str, flag: bool) -> None:
    assert parse_flag(reply, "OUTP?") is flag


def test_another_word_is_no_flag() -> None:
    with pytest.raises(ProtocolError, match="expected 0 or 1"):
        parse_flag("2", "OUTP?")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ('+0,"No error"', (0, "No error")),
        ('0,"No error"', (0, "No error")),
        ('-113, "Undefined header"', (-113, "Undefined header")),
        (':SYST:ERR -222,"Data out of range"', (-222, "Data out of range")),
        ("-350", (-350, "")),
    ],
)
def test_errors_are_read_in_every_form(reply: str, error: tuple[int, str]) -> None:
    assert parse_error(reply) == error


def test_what_is_no_error_reply_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="SYST:ERR"):
        parse_error("+4.99987000E+00 V")


def test_an_identity_has_four_fields_and_zero_means_absent() -> None:
    identity = parse_identity("*IDN GE Druck,Pace5000 User Interface,3213201,0")
    assert identity.model == "Pace5000 User Interface"
    assert (identity.serial, identity.firmware) == ("3213201", "")
    with pytest.raises(ProtocolError, match="expected manufacturer"):
        parse_identity("A,B,C")


@pytest.mark.parametrize("serial", ["9" * 300, "\x1b[2J", "1\x002"])
def test_an_identity_that_no_person_could_read_is_none(serial: str) -> None:
    with pytest.raises(ProtocolError, match=r"\*IDN\? answered"):
        parse_identity(f"Keysight Technologies,E36312A,{serial},1.0")


@pytest.mark.parametrize(
    "text", ["1.5", "", '-113,"x"', '"VOLT 1,2"', "GE Druck,Pace", "12:30:00", ": 5"]
)
def test_a_reply_without_echo_is_left_alone(text: str) -> None:
    assert without_echo(text, "READ?") == text


def test_an_accepted_command_is_sent_and_asked_for_once() -> None:
    line = Queue('+0,"No error"')
    send(line, "VOLT 1")
    assert line.sent == ["VOLT 1", "SYST:ERR?"]


def test_a_refusal_names_command_code_and_every_error_and_leaves_an_empty_queue() -> None:
    line = Queue('-222,"Data out of range"', '-113,"Undefined header"', '+0,"No error"')
    with pytest.raises(InstrumentError, match="Data out of range; -113 Undefined header") as error:
        send(line, "VOLT 99")
    assert (error.value.command, error.value.code) == ("VOLT 99", -222)
    assert line.sent.count("SYST:ERR?") == 3


def test_a_queue_that_never_ends_does_not_hang_the_bench() -> None:
    assert len(pending_errors(Queue('-113,"Undefined header"'))) == 32


@pytest.mark.parametrize(
    "reply",
    [":SENS:PRESY 1.0", ":SENS:PRES: 1.0", ":SENS::PRES 1.0", ":SENS:PRE:S 1.0", ":SYST:PRES 1.0"],
)
def test_a_header_that_was_not_asked_for_makes_no_number(reply: str) -> None:
    with pytest.raises(ProtocolError):
        parse_number(reply, ":SENS:PRES?")


@pytest.mark.parametrize("reply", ['1_0,"x"', '+ 0,"No error"', "x", "", '0x0,"No error"'])
def test_a_code_is_digits(reply: str) -> None:
    with pytest.raises(ProtocolError):
        parse_error(reply)
