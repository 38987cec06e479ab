"""What other people's programs get: a station's bus with smbus2's API, and nothing of ours."""

import sys
import time
from pathlib import Path

import bmp280
import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InputError
from sensorbench.links.smbus_api import SimulatedSMBus
from sensorbench.testing import simulated_bench, simulated_bus, simulated_smbus_class
from sensorbench.world.fields import Constant

STATION = """
[station]
name = "firmware colleague's bench"
[simulation]
seed = 5
[simulation.ambient]
temperature = "31 degC"
pressure = "90 kPa"
[bus.bus0]
kind = "simulated"
[[socket]]
id = "A"
link = { bus = "bus0", address = 0x76 }
[[socket]]
id = "B"
link = { bus = "bus0", multiplexer = 0x70, channel = 3, address = 0x28 }
"""
PART = """
[part]
name = "X"
driver = "{driver}"
[range.supply]
nominal = "3.3 V"
max = "3.6 V"
limit = "100 mA"
"""
LOT = '[lot]\nid = "L{n}"\npart = "{part}"\n[[unit]]\nserial = "{serial}"\nsocket = "{socket}"\n'


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for folder in ("parts", "lots"):
        (tmp_path / folder).mkdir()
    (tmp_path / "station.toml").write_text(STATION)
    for part in ("bmp280", "sbp1"):
        (tmp_path / "parts" / f"{part}.toml").write_text(PART.format(driver=part))
    for n, part, serial, socket in ((1, "bmp280", "B1", "A"), (2, "sbp1", "00000042", "B")):
        text = LOT.format(n=n, part=part, serial=serial, socket=socket)
        (tmp_path / "lots" / f"{n}.toml").write_text(text)
    return tmp_path


def test_a_third_party_driver_reads_what_the_world_holds(workspace: Path) -> None:
    """The bmp280 package of Pimoroni, unchanged, on the bus of a workspace."""
    sensor = bmp280.BMP280(i2c_dev=simulated_bus(workspace, "bus0"))
    sensor.setup(mode="normal")
    time.sleep(0.2)  # until its first conversion is done, the part holds its reset value
    assert sensor.get_temperature() == pytest.approx(31.0, abs=1.5)
    assert sensor.get_pressure() == pytest.approx(900.0, abs=3.0)


def test_parts_behind_a_multiplexer_need_its_channel_as_on_any_bus(workspace: Path) -> None:
    bus = simulated_bus(workspace / "station.toml", "bus0")
    with pytest.raises(OSError, match="Remote I/O error") as refused:
        bus.read_byte_data(0x28, 0)
    assert refused.value.errno == 121
    bus.write_byte(0x70, 0x08)
    assert bus.read_byte_data(0x28, 0) == 0x5B
    assert bus.read_i2c_block_data(0x28, 2, 4) == [0, 0, 0, 42]


def test_the_world_can_be_changed_by_a_test(workspace: Path) -> None:
    clock = VirtualClock()
    bench = simulated_bench(workspace, clock)
    bench.world.zone("").bind("pressure", Constant(50_000.0))
    clock.sleep(60)
    assert bench.world.zone("").value("pressure") == pytest.approx(50_000.0)
    assert set(bench.buses) == {"bus0"}


def test_a_bus_that_is_not_there_is_named_with_those_that_are(workspace: Path) -> None:
    with pytest.raises(InputError, match="there are: bus0"):
        simulated_bus(workspace, "bus1")


def test_what_a_twin_does_not_model_is_told_to_other_people_s_tests(workspace: Path) -> None:
    bus = simulated_bus(workspace, "bus0", VirtualClock())
    bus.read_byte_data(0x76, 0xD0)
    assert not bus.beyond
    bus.write_byte_data(0x76, 0xD0, 0x12)  # it can only be read, and acknowledges
    assert bus.beyond == {"B1": ["write 0x12 to 0xd0"]}


THEIR_PROGRAM = """
from smbus2 import SMBus

def identity():
    with SMBus(1) as bus:
        return bus.read_byte_data(0x76, 0xD0)

def elsewhere():
    return SMBus(7)
"""


def test_a_program_that_opens_its_bus_by_number_runs_on_a_station(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smbus2 = pytest.importorskip("smbus2")
    bench = simulated_bench(workspace, VirtualClock())
    monkeypatch.setattr(smbus2, "SMBus", simulated_smbus_class({1: bench.buses["bus0"]}))
    (tmp_path / "their_program.py").write_text(THEIR_PROGRAM)
    monkeypatch.syspath_prepend(tmp_path)
    import their_program  # noqa: PLC0415 - after smbus2 was changed, as the guide says

    try:
        assert their_program.identity() == 0x58
        with pytest.raises(OSError, match="No such file"):
            their_program.elsewhere()
    finally:
        del sys.modules["their_program"]


def test_the_truth_is_in_the_world_and_each_unit_has_its_own_error(workspace: Path) -> None:
    errors = []
    for _ in range(2):
        clock = VirtualClock()
        bench = simulated_bench(workspace, clock)
        here = bench.world.zone("")
        assert here.value("temperature") == 31.0
        here.bind("pressure", Constant(95_000.0))
        sensor = bmp280.BMP280(i2c_dev=SimulatedSMBus(bench.buses["bus0"]))
        sensor.setup(mode="normal")
        clock.sleep(60.0)
        errors.append(100 * sensor.get_pressure() - here.value("pressure"))
    assert 0.0 < abs(errors[0]) < 200.0
    assert errors[0] == errors[1]  # one seed, one serial number: one unit
