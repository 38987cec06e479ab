"""SPS30: two readings of SHDLC, met by the maker's own."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

import pytest
from sensirion_shdlc_driver import ShdlcConnection, ShdlcDevice, ShdlcSerialPort
from sensirion_shdlc_driver.errors import ShdlcDeviceError

from sensorbench.core.catalog import devices
from sensorbench.core.errors import (
    ChecksumError,
    InstrumentError,
    NotReady,
    ProtocolError,
    Saturated,
    WrongDevice,
)
from sensorbench.links.mount import PtyMount
from sensorbench.protocols.shdlc import answer_length, frame, parse
from sensorbench.sensors.sps30.driver import decode
from sensorbench.testing.cases import case_of
from sensorbench.testing.stimuli import prepared
from sensorbench.testing.world import SERIAL, SensorBench

CASE = case_of(devices()["sps30"])
posix = pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX")
# Frames of the makers' sensirion_shdlc.c: its stuffing and checksum, worked out by hand.
STARTS, READS, STOPS = (
    bytes.fromhex(text) for text in ("7e0000020103f97e", "7e000300fc7e", "7e000100fe7e")
)


def sent_and_told(bench: SensorBench, command: int, data: bytes = b"") -> tuple[int, bytes]:
    raw = bench.twin.handle(frame(0, command, data))
    answer = parse(raw, 0, command)
    return answer.state, answer.data


@pytest.fixture
def served() -> Iterator[tuple[SensorBench, ShdlcConnection]]:
    bench = SensorBench(CASE)
    with PtyMount(bench.twin) as mount, ShdlcSerialPort(mount.address, 115_200) as port:
        yield bench, ShdlcConnection(port)


def test_the_makers_frames_are_ours() -> None:
    assert frame(0, 0x00, b"\x01\x03") == STARTS
    assert frame(0, 0x03) == READS
    bench = SensorBench(CASE)
    assert bench.twin.handle(STARTS) == bytes.fromhex("7e00000000ff7e")
    assert bench.twin.handle(READS) == bytes.fromhex("7e00030000fc7e")
    assert bench.twin.handle(STOPS) == bytes.fromhex("7e00010000fe7e")


@pytest.mark.parametrize("byte", [0x11, 0x13, 0x7D, 0x7E])
def test_every_stuffed_byte_travels(byte: int) -> None:
    raw = frame(0, 0x80, bytes([byte, 1, byte, byte]))
    assert raw.count(b"\x7e") == 2
    assert not set(raw[1:-1]) & {0x11, 0x13}
    interval = int.from_bytes(bytes([0, byte, byte, byte]), "big")
    bench = SensorBench(CASE)
    assert sent_and_told(bench, 0x80, b"\x00" + interval.to_bytes(4, "big")) == (0, b"")
    assert bench.part.read_cleaning_interval() == interval


def test_an_answer_that_is_none_is_an_error() -> None:
    good = bytes.fromhex("7e00030000fc7e")
    assert answer_length(good[:-1]) is None
    with pytest.raises(ProtocolError, match="wrong baud rate"):
        answer_length(b"\x00")
    with pytest.raises(ChecksumError):
        parse(bytes.fromhex("7e00030000fd7e"), 0, 3)
    with pytest.raises(ProtocolError, match="asked was 0x01"):
        parse(good, 0, 1)
    with pytest.raises(ProtocolError, match="stands for nothing"):
        parse(bytes.fromhex("7e00037d0000fc7e"), 0, 3)
    with pytest.raises(ProtocolError, match="another length"):
        parse(b"~~", 0, 3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_what_is_no_concentration_is_no_value(value: float) -> None:
    with pytest.raises(ProtocolError, match="is no concentration"):
        decode(struct.pack(">10f", *[1.0] * 9, value), "float")


@pytest.mark.parametrize("output", ["float", "integer"])
def test_both_formats_read_what_the_world_holds(output: str) -> None:
    bench = SensorBench(CASE)
    for name, value in (("mass", 80.0), ("number", 900.0)):
        bench.put(f"{name}_concentration", value)
    bench.put("particle_size", 0.8)
    bench.part.prepare(format=output)
    found = bench.sample()
    assert found["mass_pm2_5"] == pytest.approx(80.0, abs=10)
    assert found["number_pm2_5"] == pytest.approx(900.0, abs=100)
    assert found["typical_size"] == pytest.approx(0.8, rel=0.05)
    assert found["mass_pm1"] <= found["mass_pm2_5"] <= found["mass_pm10"]


def test_it_wakes_a_part_that_sleeps() -> None:
    bench = SensorBench(CASE)
    assert sent_and_told(bench, 0x10) == (0, b"")
    bench.part.prepare()
    assert bench.sample()["mass_pm2_5"] == pytest.approx(10.0, abs=5)


def test_asleep_it_hears_a_wake_up_for_a_tenth_of_a_second() -> None:
    bench = SensorBench(CASE)
    sent_and_told(bench, 0x10)
    assert bench.twin.handle(frame(0, 0xD1)) is None
    bench.clock.sleep(0.2)
    assert bench.twin.handle(b"\xff") is None
    bench.clock.sleep(0.05)
    assert sent_and_told(bench, 0x11) == (0, b"")


def test_a_broken_fan_is_named() -> None:
    bench = prepared(CASE)
    bench.fault(SERIAL, "self_test")
    with pytest.raises(ProtocolError, match="the fan is blocked or broken"):
        bench.sample()


def test_another_part_is_refused() -> None:
    with pytest.raises(WrongDevice, match="'00090000'"):
        SensorBench(CASE, fault="identity").part.identify()


def test_it_measures_before_it_is_read_and_once_a_second() -> None:
    bench = SensorBench(CASE)
    with pytest.raises(InstrumentError, match="not allowed in the current state"):
        bench.part.clean_fan()
    bench.part.prepare()
    bench.part.start()
    with pytest.raises(NotReady, match="line0: no new measurement"):
        bench.part.read()


def test_cleaning_holds_the_values_and_nothing_that_lasts_is_written() -> None:
    bench = prepared(CASE)
    bench.part.clean_fan()
    bench.sample()
    assert bench.part.read_cleaning_interval() == 604_800
    assert bench.twin.wearing_acts == 0
    bench.part.start()
    sent_and_told(bench, 0x56)
    bench.clock.sleep(5.0)
    assert sent_and_told(bench, 0x03) == (0, b"")


def test_the_cleaning_interval_outlives_the_supply() -> None:
    bench = SensorBench(CASE)
    sent_and_told(bench, 0x80, b"\x00" + (86_400).to_bytes(4, "big"))
    bench.put("supply", 0.0)
    bench.put("supply", 5.0)
    bench.clock.sleep(1.0)
    assert bench.part.read_cleaning_interval() == 86_400
    assert bench.twin.wearing_acts == 1


def test_a_frame_may_come_in_pieces_and_after_noise() -> None:
    twin = SensorBench(CASE).twin
    assert twin.handle(b"\x55\xaa" + READS[:3]) is None
    assert twin.handle(READS[3:]) == bytes.fromhex("7e000343") + b"\x00\xb9\x7e"
    assert twin.handle(READS[:-2] + b"\x00~") is None
    assert twin.handle(READS) == bytes.fromhex("7e00034300b97e")


@posix
def test_the_makers_driver_reads_who_it_is(served: tuple[SensorBench, ShdlcConnection]) -> None:
    device = ShdlcDevice(served[1], slave_address=0)
    assert device.get_product_type() == "00080000"
    assert device.get_serial_number() == served[0].part.identify().serial
    version = device.get_version()
    assert (version.firmware.major, version.firmware.minor) == (2, 3)
    with pytest.raises(ShdlcDeviceError):
        device.get_system_up_time()


def test_an_integer_at_its_end_is_saturated() -> None:
    bench = SensorBench(CASE)
    bench.put("mass_concentration", 1e6)
    bench.part.prepare(format="integer")
    with pytest.raises(Saturated, match="choose format 'float'"):
        bench.sample()
