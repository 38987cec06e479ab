"""Senseair S8: two readings of its Modbus, met by other people's clients."""

from __future__ import annotations

import os
from collections.abc import Iterator

import minimalmodbus
import pytest
from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient
from senseair_s8 import SenseairS8 as TheirSenseairS8

from sensorbench.core.catalog import devices
from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    InstrumentError,
    LinkTimeout,
    NotReady,
    ProtocolError,
    Saturated,
    WrongDevice,
)
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.line import FrameLine
from sensorbench.links.mount import PtyMount
from sensorbench.protocols.modbus import RtuReply, Space, reading
from sensorbench.protocols.modbus_client import ModbusClient
from sensorbench.sensors.senseair_s8.driver import ANY_ADDRESS, WEARING, SenseairS8, co2_ppm
from sensorbench.testing.cases import case_of
from sensorbench.testing.conformity import Nonconformity
from sensorbench.testing.line_checks import check_replies_on_a_line
from sensorbench.testing.stimuli import prepared
from sensorbench.testing.world import SERIAL, SensorBench

CASE = case_of(devices()["senseair_s8"])
# The request of senseair-s8 0.1.0, senseair_s8.py; the answer "400 ppm" of Senseair's own document.
ASKS_CO2 = bytes.fromhex("fe0400030001d5c5")
posix = pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX")


def measuring(ppm: float = 750.0) -> SensorBench:
    bench = SensorBench(CASE)
    bench.put("co2", ppm)
    bench.clock.sleep(20.0)
    return bench


@pytest.fixture
def served() -> Iterator[tuple[SensorBench, str]]:
    bench = measuring()
    with PtyMount(bench.twin) as mount:
        yield bench, mount.address


def test_the_examples_of_others_are_ours() -> None:
    asked = RtuReply(ANY_ADDRESS, reading("input", 3, 1))
    assert asked.frame == ASKS_CO2
    assert asked.words(bytes.fromhex("fe04020190acd8")) == (400,)
    answer = measuring().twin.handle(ASKS_CO2)
    assert answer[:3] == b"\xfe\x04\x02"
    assert asked.words(answer)[0] == pytest.approx(750, abs=100)


def test_it_says_who_it_is() -> None:
    identity = measuring().part.identify()
    assert (identity.manufacturer, identity.model) == ("Senseair", "S8")
    assert (identity.serial, identity.firmware) == (SERIAL, "5.2")


@pytest.mark.parametrize(
    ("status", "co2", "kind", "told"),
    [
        (0x01, 700, ProtocolError, "fatal error"),
        (0x44, 700, ProtocolError, "algorithm error, memory error"),
        (0x20, 700, Saturated, "out of range"),
        (0x80, 700, ProtocolError, "no bit is known"),
        (0x00, 0, NotReady, "nothing was measured"),
        (0x00, 0xFFFF, Saturated, "saturated"),
    ],
)
def test_what_the_meter_status_says_is_wrong_is_no_value(
    status: int, co2: int, kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told):
        co2_ppm(status, co2)


def test_more_than_it_can_tell_is_saturated() -> None:
    bench = prepared(CASE)
    bench.put("co2", 30_000.0)
    with pytest.raises(Saturated):
        bench.sample()


def test_a_device_without_its_registers_is_another() -> None:
    with pytest.raises(WrongDevice, match=r"line0: no S8.*no such register"):
        SensorBench(CASE, fault="identity").part.identify()


def test_a_reading_is_of_the_time_after_its_start() -> None:
    bench = measuring(400.0)
    bench.part.prepare()
    bench.put("co2", 1900.0)
    assert bench.sample()["co2"] == pytest.approx(1900.0, rel=0.1)


def test_pressure_moves_it_as_the_data_sheet_says() -> None:
    bench = measuring(1000.0)
    bench.part.prepare()
    before = bench.sample()["co2"]
    bench.put("pressure", 101_325.0 + 5_000.0)
    assert bench.sample()["co2"] / before == pytest.approx(1.08, abs=0.02)


def test_nothing_that_wears_it_is_sent_by_using_it() -> None:
    bench = measuring()
    bench.part.identify()
    bench.part.prepare()
    bench.sample()
    assert bench.part.read_abc_period() == 180
    assert bench.twin.wearing_acts == 0
    assert {line[1] for line in bench.tap.sent} == {3, 4}
    assert WEARING


def test_it_answers_nobody_else() -> None:
    twin = measuring().twin
    others = RtuReply(7, reading("input", 3, 1)).frame
    for frame in (b"", ASKS_CO2[:-1], others, ASKS_CO2[:-1] + b"\x00", b"\x00" * 8):
        assert twin.handle(frame) is None


@pytest.mark.parametrize(
    ("function", "first", "count", "code"), [(3, 0, 9, 3), (4, 0, 9, 3), (4, 0x1F, 2, 2)]
)
def test_what_it_does_not_have_is_an_exception(
    function: int, first: int, count: int, code: int
) -> None:
    bench = measuring()
    client = ModbusClient(InProcessLine(bench.twin, SenseairS8.LINE, "line0"), ANY_ADDRESS)
    with pytest.raises(InstrumentError) as raised:
        client.read_words("input" if function == 4 else "holding", first, count)
    assert raised.value.code == code


class Trusting(ModbusClient):
    """Believes whatever comes, as long as it is long enough."""

    def read_words(self, space: Space, first: int, count: int) -> tuple[int, ...]:
        asked = RtuReply(self.unit, reading(space, first, count))
        data = self._line.exchange(asked.frame, lambda received: len(received) or None)[3:-2]
        return tuple(int.from_bytes(data[k : k + 2], "big") for k in range(0, 2 * count, 2))


class Careless(SenseairS8):
    """Looks at no checksum."""

    def __init__(self, line: FrameLine, clock: Clock) -> None:
        super().__init__(line, clock)
        self._modbus = Trusting(line, ANY_ADDRESS, gap=2)


def test_the_suite_finds_a_driver_that_looks_at_no_checksum() -> None:
    with pytest.raises(Nonconformity, match=r"a reply that is (cut|damaged)"):
        check_replies_on_a_line(case_of(devices()["senseair_s8"], driver=Careless))


def test_a_part_without_supply_does_not_answer() -> None:
    bench = measuring()
    bench.put("supply", 0.0)
    with pytest.raises(LinkTimeout, match="came nothing"):
        bench.part.identify()


@posix
def test_senseair_s8_reads_what_the_world_holds(served: tuple[SensorBench, str]) -> None:
    theirs = TheirSenseairS8(port=served[1])
    # It waits a second, and says None where a busy machine took longer.
    found = next(filter(None, (theirs.co2() for _ in range(5))))
    assert found == pytest.approx(750, abs=100)


@posix
def test_minimalmodbus_reads_and_writes_its_registers(served: tuple[SensorBench, str]) -> None:
    client = minimalmodbus.Instrument(served[1], 0xFE)
    client.serial.baudrate = 9600
    client.serial.timeout = 0.5
    assert client.read_register(3, functioncode=4) == pytest.approx(750, abs=100)
    assert client.read_registers(0, 4, functioncode=4)[0] == 0
    assert client.read_register(0x1F) == 180
    client.write_register(0x1F, 0, functioncode=6)
    assert client.read_register(0x1F) == 0
    with pytest.raises(minimalmodbus.IllegalRequestError):
        client.read_registers(0x30, 2, functioncode=4)
    client.serial.close()


@posix
def test_pymodbus_reads_its_serial_number(served: tuple[SensorBench, str]) -> None:
    client = ModbusSerialClient(served[1], framer=FramerType.RTU, baudrate=9600, timeout=0.5)
    assert client.connect()
    found = client.read_input_registers(0x1D, count=2, device_id=0xFE).registers
    assert f"{found[0]:04X}{found[1]:04X}" == SERIAL
    assert client.read_input_registers(0x40, count=1, device_id=0xFE).exception_code == 2
    client.close()
