"""SBP1-U: the frames of its page, at driver, twin and, with pyserial alone, over a pty."""

from __future__ import annotations

import os

import pytest
import serial

from sensorbench.core.catalog import devices
from sensorbench.core.clock import RealClock
from sensorbench.core.errors import ChecksumError, LinkTimeout, ProtocolError
from sensorbench.links.mount import PtyMount
from sensorbench.links.serial_line import SerialLine
from sensorbench.sensors.sbp1_uart.driver import (
    READ,
    WRITE,
    Sbp1Uart,
    answer_length,
    frame,
    parse,
)
from sensorbench.sensors.sbp1_uart.twin import SimSbp1Uart
from sensorbench.testing.cases import case_of
from sensorbench.testing.stimuli import prepared
from sensorbench.testing.world import SERIAL, SensorBench
from sensorbench.world.world import Place, World

CASE = case_of(devices()["sbp1_uart"])
# The table of docs/devices/sbp1_uart.md: request, answer.
WHO = bytes.fromhex("a552000128"), bytes.fromhex("5a00015b74")
RESET = bytes.fromhex("a5576001b638"), bytes.fromhex("5a0000c3")
READ_ONLY = bytes.fromhex("a557000100aa"), bytes.fromhex("5a010037")


def answer(bench: SensorBench, line: bytes) -> bytes | None:
    found: bytes | None = bench.twin.handle(line)
    return found


def test_the_drivers_frames_are_those_of_the_page() -> None:
    assert frame(READ, 0x00, 1) == WHO[0]
    assert frame(WRITE, 0x60, 1, b"\xb6") == RESET[0]
    assert parse(WHO[1], 1) == b"\x5b"
    with pytest.raises(ProtocolError, match="it refused: a register or a value"):
        parse(READ_ONLY[1], 0)
    with pytest.raises(ChecksumError):
        parse(WHO[1][:-1] + b"\x00", 1)
    with pytest.raises(ProtocolError, match="asked were 2"):
        parse(WHO[1], 2)
    with pytest.raises(ProtocolError, match="wrong baud rate"):
        answer_length(b"\xff")


@pytest.mark.parametrize("exchange", [WHO, READ_ONLY, RESET])
def test_the_twins_answers_are_those_of_the_page(exchange: tuple[bytes, bytes]) -> None:
    request, expected = exchange
    assert answer(SensorBench(CASE), request) == expected


def test_frames_may_come_in_pieces_and_noise_goes_before_them() -> None:
    bench = SensorBench(CASE)
    assert answer(bench, b"\x00\xff" + WHO[0][:2]) is None
    bench.clock.sleep(0.005)
    assert answer(bench, WHO[0][2:]) == WHO[1]


def test_a_frame_that_stops_is_dropped() -> None:
    bench = SensorBench(CASE)
    assert answer(bench, WHO[0][:2]) is None
    bench.clock.sleep(0.02)
    assert answer(bench, WHO[0][2:]) is None
    assert answer(bench, WHO[0]) == WHO[1]


@pytest.mark.parametrize(
    ("request_", "state"),
    [
        (frame(READ, 0x00, 0), 2),
        (frame(READ, 0x00, 65), 2),
        (frame(WRITE, 0x20, 65), 2),
        (frame(0x41, 0x00, 1), 3),
        (frame(WRITE, 0x07, 1, b"\xff"), 1),
    ],
)
def test_what_can_not_be_is_answered_with_its_state(request_: bytes, state: int) -> None:
    told = answer(SensorBench(CASE), request_)
    assert told is not None
    assert (told[0], told[1], told[2]) == (0x5A, state, 0)


def test_a_damaged_request_is_not_answered_and_the_next_is() -> None:
    bench = SensorBench(CASE)
    assert answer(bench, WHO[0][:-1] + b"\x00") is None
    assert answer(bench, WHO[0]) == WHO[1]


def test_after_a_reset_it_hears_nothing_for_2_ms() -> None:
    bench = SensorBench(CASE)
    answer(bench, RESET[0])
    assert answer(bench, WHO[0]) is None
    bench.clock.sleep(0.002)
    assert answer(bench, WHO[0]) == WHO[1]


def test_a_calibration_written_over_the_line_is_in_force() -> None:
    bench = prepared(CASE)
    words = (52429, 1572864, 0, 0, 131072, -10486, 0, 0, 0, 0, 0, 1677722, -52429)
    bench.part.write_coefficients(words)
    assert bench.part.read_coefficients() == words
    assert bench.sample()["pressure"] > 0


def test_silence_is_a_time_out_and_no_value() -> None:
    bench = prepared(CASE)
    bench.fault(SERIAL, "silent")
    with pytest.raises(LinkTimeout):
        bench.sample()


@pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX")
def test_over_a_port_pyserial_and_the_driver_read_the_same() -> None:
    clock = RealClock()
    twin = SimSbp1Uart(Place(World(clock, 1), "26000001", powered=False))
    with PtyMount(twin) as mount:
        with serial.Serial(mount.address, 115_200, timeout=1.0) as port:
            port.write(WHO[0])
            assert port.read(5) == WHO[1]
        with SerialLine(mount.address, Sbp1Uart.LINE, name="line0") as line:
            part = Sbp1Uart(line, clock)
            assert part.identify().serial == "26000001"
            part.prepare(oversampling=1)
            clock.sleep(part.start())
            assert part.read().values.shape == (1, 4)
