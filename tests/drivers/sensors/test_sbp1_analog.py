"""SBP1-A: driver and twin against the datasheet page, then against each other."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, InstrumentError, ProtocolError, SetpointError
from sensorbench.core.quantity import VOLTAGE, Value, components
from sensorbench.instruments.keysight_34461a.driver import Keysight34461a
from sensorbench.instruments.keysight_34461a.twin import SimKeysight34461a
from sensorbench.instruments.members import Meter
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.sensors.sbp1_analog.driver import Sbp1Analog, pressure_pa
from sensorbench.sensors.sbp1_analog.twin import SimSbp1Analog
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

PAGE = Path(__file__).parents[3] / "docs" / "devices" / "sbp1_analog.md"


class Bench:
    def __init__(self, fault: str = "", seed: int = 1, supply_v: float = 5.0) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(supply_v))
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.place = Place(self.world, "7")
        self.twin = SimSbp1Analog(self.place)
        self.output = Meter("daq.ch101", VOLTAGE, self.twin.output_v)
        self.supply = Meter("daq.ch121", VOLTAGE, self.place.supply_v)
        self.part = Sbp1Analog({"output": self.output, "supply": self.supply}, self.clock)

    def set(self, address: str, value: Value) -> None:
        self.zone.bind(address, Constant(value))

    def ideal(self) -> None:
        """Let this unit have no errors of its own, but its noise."""
        for name in ("_offset_pa", "_gain", "_offset_pa_per_k", "_gain_per_k", "_ageing_pa"):
            setattr(self.twin, name, 0.0)

    def sample(self) -> npt.NDArray[np.float64]:
        self.clock.sleep(self.part.start())
        self.clock.sleep(0.01)
        return np.asarray(self.part.read().values[0], float)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def table() -> list[tuple[float, float]]:
    """Return pressure in Pa and output in V at 5 V, as the page's table has them."""
    rows = re.findall(r"\| ([\d.]+) kPa \| [\d.]+ % \| ([\d.]+) V \|", PAGE.read_text("utf-8"))
    return [(1000.0 * float(pressure), float(output)) for pressure, output in rows]


def test_the_page_has_its_table() -> None:
    assert len(table()) == 5


@pytest.mark.parametrize(("pressure", "output_v"), table())
def test_the_driver_reads_the_datasheet_s_table(pressure: float, output_v: float) -> None:
    assert pressure_pa(output_v, 5.0) == pytest.approx(pressure, abs=13.0)  # half a millivolt


@pytest.mark.parametrize(("pressure", "output_v"), table())
def test_the_twin_gives_the_datasheet_s_table(
    bench: Bench, pressure: float, output_v: float
) -> None:
    bench.ideal()
    bench.set("pressure", pressure)
    assert bench.twin.output_v() == pytest.approx(output_v, abs=0.0025)


@given(st.floats(0.051, 0.949), st.floats(2.7, 5.5))
def test_only_the_share_of_the_supply_counts(share: float, supply_v: float) -> None:
    assert pressure_pa(share * supply_v, supply_v) == pytest.approx(
        pressure_pa(share * 5.0, 5.0), abs=1e-6
    )


@pytest.mark.parametrize("supply_v", [2.7, 3.3, 5.0, 5.5])
@pytest.mark.parametrize("pressure", [20e3, 70e3, 101_325.0, 120e3])
def test_the_pressure_is_read_whatever_the_supply_is(supply_v: float, pressure: float) -> None:
    bench = Bench(supply_v=supply_v)
    bench.set("pressure", pressure)
    bench.part.prepare()
    found_pa, output_v, found_v = bench.sample()
    assert found_pa == pytest.approx(pressure, abs=3000.0)
    assert found_v == supply_v
    assert output_v == pytest.approx((0.1 + 0.8 * (found_pa - 20e3) / 1e5) * supply_v)


def test_an_unmeasured_supply_would_be_an_error_of_the_reading() -> None:
    # A supply that is 1 % low reads 1.25 kPa for each 1 % of VDD, unless it is measured.
    bench = Bench(supply_v=4.95)
    bench.ideal()
    bench.set("pressure", 120e3)
    assert pressure_pa(bench.twin.output_v(), 5.0) < 120e3 - 1000.0
    assert bench.sample()[0] == pytest.approx(120e3, abs=40.0)


@pytest.mark.parametrize("missing", ["output", "supply"])
def test_without_both_meters_it_is_refused(bench: Bench, missing: str) -> None:
    meters = {"output": bench.output, "supply": bench.supply}
    del meters[missing]
    with pytest.raises(ValueError, match=f"no meter for {missing}.* both are measured"):
        Sbp1Analog(meters, bench.clock)


def test_it_tells_nothing_of_itself(bench: Bench) -> None:
    assert bench.part.identify().serial == ""
    with pytest.raises(SetpointError, match="no setting 'oversampling'; there are none"):
        bench.part.prepare(oversampling=4)


@pytest.mark.parametrize("pressure", [1e3, 13e3, 127e3, 300e3])
def test_far_outside_the_output_clips_and_is_no_reading(bench: Bench, pressure: float) -> None:
    bench.ideal()
    bench.set("pressure", pressure)
    share = bench.twin.output_v() / 5.0
    assert share == pytest.approx(
        max(0.04, min(0.96, 0.1 + 0.8 * (pressure - 20e3) / 1e5)), abs=5e-4
    )
    with pytest.raises(ProtocolError, match=r"daq\.ch101: the output is .* of its supply"):
        bench.sample()


@pytest.mark.parametrize("supply_v", [2.4, 2.6, 6.0])
def test_a_supply_outside_its_rating_is_no_reading(supply_v: float) -> None:
    with pytest.raises(ProtocolError, match=r"daq\.ch121: the supply is .* needs 2\.7 to 5\.5 V"):
        Bench(supply_v=supply_v).sample()


def test_below_its_least_supply_the_part_is_dead() -> None:
    bench = Bench(supply_v=2.4)
    assert bench.twin.output_v() == 0.0
    assert bench.twin.supply_current_a() == 0.0
    assert Bench().twin.supply_current_a() == pytest.approx(1.8e-3, rel=0.2)


def test_a_reading_is_given_once(bench: Bench) -> None:
    bench.sample()
    with pytest.raises(BenchError, match="start"):
        bench.part.read()


def test_units_are_as_good_as_the_datasheet_says() -> None:
    errors = []
    for seed in range(60):
        bench = Bench(seed=seed)
        bench.set("temperature", 25.0)
        bench.set("pressure", 100e3)
        errors.append(bench.sample()[0] - 100e3)
    assert max(map(abs, errors)) < 2 * 1500.0
    assert 300.0 < statistics.stdev(errors) < 800.0


def test_temperature_moves_the_offset() -> None:
    found = []
    for temperature_c in (-40.0, 125.0):
        bench = Bench()
        bench.set("temperature", temperature_c)
        found.append(bench.sample()[0])
    per_k = (found[1] - found[0]) / 165.0
    assert 0.5 < abs(per_k) < 60.0


def test_the_noise_is_the_datasheet_s(bench: Bench) -> None:
    assert statistics.stdev(bench.sample()[0] for _ in range(500)) == pytest.approx(8.0, rel=0.15)


def test_faults_show() -> None:
    with pytest.raises(ProtocolError, match=r"the output is 4\.0% of its supply"):
        Bench("open").sample()
    stuck = Bench("stuck")
    stuck.set("pressure", 30e3)
    assert stuck.sample()[0] == pytest.approx(70e3)
    noisy = Bench("noise")
    assert statistics.stdev(noisy.sample()[0] for _ in range(50)) > 200.0
    moved = []
    for fault in ("", "drift"):
        bench = Bench(fault)
        bench.set("temperature", 125.0)
        bench.clock.sleep(1000 * 3600.0)
        bench.set("temperature", 25.0)
        moved.append(bench.sample()[0])
    assert abs(moved[1] - moved[0]) > 3000.0


def test_it_is_read_by_a_multimeter_s_driver_and_twin(bench: Bench) -> None:
    dmm = SimKeysight34461a(bench.world, "D1")
    supply = SimKeysight34461a(bench.world, "D2")
    dmm.sense("voltage", bench.twin.signals["output"])
    supply.sense("voltage", bench.place.supply_v)
    meters = {
        name: Keysight34461a(InProcessLine(twin, Keysight34461a.LINE, name), bench.clock).voltage
        for name, twin in (("output", dmm), ("supply", supply))
    }
    part = Sbp1Analog(meters, bench.clock)
    part.prepare()
    part.start()
    before_s = bench.clock.now()
    block = part.read()
    assert block.end_s - block.start_s == pytest.approx(2 * 0.4, rel=0.1)
    assert block.start_s == before_s
    assert components(float(block.values[0][0]))[0] == pytest.approx(101_325.0, abs=3000.0)
    bench.world.add_fault("D1", Fault("overload"))
    part.start()
    with pytest.raises(InstrumentError, match="overload"):
        part.read()
