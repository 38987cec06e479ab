"""AIBUS: worked frames on either side, and what comes back that is no reply of the unit asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.errors import ChecksumError, InstrumentError, LinkTimeout, SetpointError
from sensorbench.protocols.aibus import READ, WRITE, AibusClient, AibusReply, Answer, request
from sensorbench.protocols.aibus_frames import AibusSplitter, Asked, asked_in, told_by

from ..aibus_messages import told_splitter

# Computed from the rules of the protocol; the last of the examples is below zero.
REPLY = bytes.fromhex("FA 00 52 03 32 00 52 03 D1 07")
EXAMPLES = [
    ("81 81 52 00 00 00 53 00", READ, 0, REPLY, Answer(250, 850, 50, 0, 850)),
    ("81 81 43 00 52 03 96 03", WRITE, 850, REPLY, Answer(250, 850, 50, 0, 850)),
    (
        "81 81 43 00 70 FE B4 FE", WRITE, -400, bytes.fromhex("06 FF 70 FE 00 00 70 FE E7 FB"),
        Answer(-250, -400, 0, 0, -400),
    ),
]  # fmt: skip


class Wire:
    """A line whose unit replies as the test says, handed over byte by byte."""

    name = "oven"

    def __init__(self, reply: Callable[[bytes], bytes]) -> None:
        self.reply = reply
        self.sent: list[bytes] = []

    def exchange(
        self,
        frame: bytes,
        length_of: Callable[[bytes], int | None],
        timeout_s: float | None = None,
    ) -> bytes:
        self.sent.append(frame)
        reply = self.reply(frame)
        for end in range(len(reply) + 1):
            length = length_of(reply[:end])
            if length is not None and length <= end:
                return reply[:length]
        raise LinkTimeout(f"{self.name}: came {reply.hex() or 'nothing'}")


@pytest.mark.parametrize(("sent", "command", "value", "reply", "answer"), EXAMPLES)
def test_worked_frames_are_sent_and_read(
    sent: str, command: int, value: int, reply: bytes, answer: Answer
) -> None:
    wire = Wire(lambda _: reply)
    client = AibusClient(wire, 1)
    assert (client.read(0) if command == READ else client.write(0, value)) == answer
    assert wire.sent == [bytes.fromhex(sent)]


@pytest.mark.parametrize(("sent", "command", "value", "reply", "answer"), EXAMPLES)
def test_worked_frames_are_heard_and_answered(
    sent: str, command: int, value: int, reply: bytes, answer: Answer
) -> None:
    kind = "read" if command == READ else "write"
    held = 0 if command == READ else value
    assert asked_in(bytes.fromhex(sent)) == Asked(1, kind, 0, held)  # type: ignore[arg-type]
    made = told_by(1, answer.measured, answer.set_point, answer.output, answer.alarms, answer.value)
    assert made == reply


def test_address_10_is_8ah_twice_as_the_maker_has_it() -> None:
    assert request(10, READ, 0)[:2] == b"\x8a\x8a"


@given(
    unit=st.integers(0, 80),
    words=st.tuples(*[st.integers(-0x8000, 0x7FFF)] * 3),
    output=st.integers(-110, 110),
    alarms=st.integers(0, 255),
)
def test_what_is_told_is_what_is_read(
    unit: int, words: tuple[int, int, int], output: int, alarms: int
) -> None:
    measured, set_point, value = words
    told = told_by(unit, measured, set_point, output, alarms, value)
    assert AibusReply(unit, READ, 0).answer(told) == Answer(
        measured, set_point, output, alarms, value
    )


def test_a_late_reply_of_another_unit_is_told_by_its_sum_alone() -> None:
    of_2 = told_by(2, 250, 850, 50, 0, 850)
    assert of_2[:8] == REPLY[:8]
    with pytest.raises(ChecksumError, match=r"oven: the sum of .* wrong for unit 1.*came late"):
        AibusClient(Wire(lambda _: of_2), 1).read(0)


@pytest.mark.parametrize("at", range(10))
def test_a_damaged_reply_is_an_error(at: int) -> None:
    damaged = REPLY[:at] + bytes([REPLY[at] ^ 0x10]) + REPLY[at + 1 :]
    with pytest.raises(ChecksumError):
        AibusClient(Wire(lambda _: damaged), 1).read(0)


@pytest.mark.parametrize("reply", [b"", REPLY[:9], bytes.fromhex("8181520000005300")])
def test_less_than_a_reply_is_none(reply: bytes) -> None:
    with pytest.raises(LinkTimeout):
        AibusClient(Wire(lambda _: reply), 1).read(0)


def test_a_reply_behind_noise_is_none() -> None:
    with pytest.raises(ChecksumError):
        AibusClient(Wire(lambda _: b"\x00" + REPLY), 1).read(0)


def test_an_adapter_that_echoes_is_coped_with() -> None:
    client = AibusClient(Wire(lambda sent: sent + REPLY), 1)
    assert client.read(0).measured == 250
    assert client.write(0, 850).value == 850


def test_a_parameter_that_is_not_there_is_said() -> None:
    reply = told_by(1, 250, 850, 50, 0, 0x7FFF)
    with pytest.raises(InstrumentError, match=r"oven: .*read parameter 2Bh.*no such parameter"):
        AibusClient(Wire(lambda _: reply), 1).read(0x2B)


def test_a_value_that_was_not_taken_is_an_error() -> None:
    with pytest.raises(InstrumentError, match="holds that instead: is it locked at the panel"):
        AibusClient(Wire(lambda _: REPLY), 1).write(0, 900)


@pytest.mark.parametrize("value", [32001, -32769])
def test_what_does_not_fit_is_not_sent(value: int) -> None:
    wire = Wire(lambda _: REPLY)
    with pytest.raises(SetpointError, match="Nothing was sent"):
        AibusClient(wire, 1).write(0, value)
    assert wire.sent == []


@pytest.mark.parametrize("unit", [-1, 81])
def test_a_unit_that_can_not_be_is_refused(unit: int) -> None:
    with pytest.raises(ValueError, match="an AIBUS unit has 0 to 80"):
        AibusClient(Wire(lambda _: REPLY), unit)


@pytest.mark.parametrize(
    "frame",
    [
        "81 82 52 00 00 00 53 00", "81 81 53 00 00 00 54 00", "81 81 52 00 00 00 54 00",
        "D1 D1 52 00 00 00 A3 00", "81 81 52 00 00 00 53",
    ],
)  # fmt: skip
def test_what_is_no_request_is_not_heard(frame: str) -> None:
    assert asked_in(bytes.fromhex(frame)) is None
    assert AibusSplitter().feed(bytes.fromhex(frame)) == []


def test_bytes_are_cut_into_requests_by_what_they_are() -> None:
    asked = request(1, READ, 0x15)
    for noise in (b"", b"\x81", b"\x81\x81\x52", REPLY):
        for step in (1, 3, 8):
            splitter, joined = AibusSplitter(), noise + asked + request(2, WRITE, 0, 850)
            parts = [joined[k : k + step] for k in range(0, len(joined), step)]
            found = [frame for part in parts for frame in splitter.feed(part)]
            assert found == [asked, request(2, WRITE, 0, 850)]
    splitter.feed(asked[:5])
    assert splitter.is_waiting
    splitter.silence()
    assert splitter.feed(asked) == [asked]


def test_random_bytes_are_cut_alike_however_they_come() -> None:
    assert list(told_splitter(2000, seed=1)) == []
