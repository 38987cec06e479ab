"""SBP1-L: driver and twin against the data sheet page; what NE 43 calls no reading is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sensorbench.core.catalog import devices
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import ProtocolError, Saturated
from sensorbench.core.quantity import SUPPLY_CURRENT
from sensorbench.instruments.members import Meter
from sensorbench.protocols.current_loop import share
from sensorbench.sensors.sbp1_loop.driver import Sbp1Loop
from sensorbench.testing.cases import case_of
from sensorbench.testing.stimuli import prepared
from sensorbench.testing.world import SERIAL, SensorBench

from ...workspaces import (
    BENCH_TEMPERATURE,
    BUS,
    CHAMBER,
    DUE,
    PACE,
    THERMOMETER,
    events,
    lot,
    run,
    write,
)

PAGE = Path(__file__).parents[3] / "docs" / "devices" / "sbp1_loop.md"
CASE = case_of(devices()["sbp1_loop"])
ROWS = re.findall(r"\| ([\d.]+) kPa \| ([\d.]+) mA \|", PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("kpa", "milliamperes"), ROWS)
def test_the_currents_of_the_page(kpa: str, milliamperes: str) -> None:
    assert share(float(milliamperes) / 1e3) == pytest.approx((float(kpa) - 20) / 100, abs=1e-3)
    bench = SensorBench(CASE)
    bench.put("pressure", 1e3 * float(kpa))
    assert 1e3 * bench.twin.supply_current_a() == pytest.approx(float(milliamperes), abs=0.12)


@pytest.mark.parametrize(
    ("milliamperes", "kind", "told"),
    [
        (-12.0, ProtocolError, "open, reversed"), (0.0, ProtocolError, "open"),
        (3.5, ProtocolError, "reports a failure"),
        (3.6, ProtocolError, "reports a failure"), (3.7, Saturated, "lower end"),
        (20.6, Saturated, "upper end"), (21.0, ProtocolError, "reports a failure"),
        (24.0, ProtocolError, "shorted"),
    ],
)  # fmt: skip
def test_what_is_no_reading_is_an_error(
    milliamperes: float, kind: type[ProtocolError], told: str
) -> None:
    meter = Meter("smu.current", SUPPLY_CURRENT, lambda: milliamperes / 1e3)
    part = Sbp1Loop({"loop": meter}, VirtualClock())
    part.prepare()
    part.start()
    with pytest.raises(kind, match=rf"smu\.current: .*{told}") as raised:
        part.read()
    assert type(raised.value) is kind


@pytest.mark.parametrize("milliamperes", [3.8, 4.0, 20.0, 20.5])
def test_the_ends_of_the_range_are_readings(milliamperes: float) -> None:
    assert -0.02 < share(milliamperes / 1e3) < 1.04


@pytest.mark.parametrize(
    ("fault", "told"), [("open", "open"), ("short", "shorted"), ("failed", "failure")]
)
def test_a_loop_that_breaks_is_noticed(fault: str, told: str) -> None:
    bench = prepared(CASE)
    bench.sample()
    bench.fault(SERIAL, fault)
    with pytest.raises(ProtocolError, match=told):
        bench.sample()


def test_far_out_of_range_is_saturated() -> None:
    bench = prepared(CASE)
    for pressure_pa in (5_000.0, 200_000.0):
        bench.put("pressure", pressure_pa)
        with pytest.raises(Saturated):
            bench.sample()


def test_a_socket_without_its_meter_is_told_which() -> None:
    with pytest.raises(ValueError, match="meter for the current of its loop"):
        Sbp1Loop({}, VirtualClock())


def test_a_source_measure_unit_reads_its_loop_in_a_run(tmp_path: Path) -> None:
    part = (
        '[part]\nname = "SBP1-L"\ndriver = "sbp1_loop"\n'
        '[range.pressure]\nmin = "20 kPa"\nmax = "120 kPa"\n'
        '[range.temperature]\nmin = "-40 degC"\nmax = "85 degC"\n'
        '[range.supply]\nmin = "10 V"\nnominal = "15 V"\nmax = "30 V"\nlimit = "50 mA"\n'
    )
    station = (
        BUS + CHAMBER + THERMOMETER + PACE + BENCH_TEMPERATURE
        + '[instrument.smu]\nmodel = "keithley_2450"\nlink = { kind = "simulated" }\n'
        + f'certificate = "S-1"\ncalibration_due = {DUE}\nuncertainty = "10 mV"\n'
        + '[bench.pressure]\nset = "pace"\nreference = "pace"\nhigh = "130 kPa"\n'
        + '[bench.supply]\nset = "smu"\nreference = "smu.voltage"\nhigh = "20 V"\n'
        + '[[socket]]\nid = "L1"\nloop = "smu.current"\n'
    )  # fmt: skip
    grid = (
        '[[phase]]\nkind = "grid"\nname = "g"\n'
        'axes = [{ set = { supply = ["nominal"] } }, '
        '{ set = { pressure = ["40 kPa", "100 kPa"] } }]\n'
        'measures = ["value"]\n'
    )
    made = write(tmp_path, grid, station, {"l": part}, {"A": lot("A", "l", ["L-1"], ["L1"])})
    outcome = run(made)
    assert len(events(outcome, "readout")) == 2
    assert [r for u in outcome.assessment.units for r in u.reasons] == []
