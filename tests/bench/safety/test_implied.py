"""Implied polls: a run is the same to the microsecond with every poll made, on slow meters too."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorbench.core.errors import BenchError
from sensorbench.core.verdict import Verdict
from sensorbench.run.execute import execute
from sensorbench.station.workspace import Workspace

from ...workspaces import (
    BENCH_TEMPERATURE,
    BUS,
    CHAMBER,
    DMM,
    DUE,
    HEAD,
    PACE,
    QUICK,
    SHT4X,
    THERMOMETER,
    data_of,
    events,
    job_of,
    lot,
    opened,
    run,
    sht4x_lot,
    sht4x_sockets,
    write,
)
from ..run.climate import CLIMATE, bake, fault, workspace

SOON = HEAD + QUICK.replace("4 h", "1 h")
"""Soaks that give up soon: for benches on which nothing settles any more."""

HYGROMETER = """
[instrument.hygrometer]
model = "sht4x"
link = { kind = "i2c", bus = "bus0", address = 0x46 }

[bench.humidity]
watch = ["hygrometer.humidity"]
high = "80 %RH"
period = "3 s"
"""
# Its meters take 0.4 s, 0.14 s and 8 ms: each thermometer is read in two places.
SLOW = (
    CLIMATE.replace('set = "psu.out1"', 'set = "psu.out1"\nreference = "dmm.voltage"').replace(
        'reference = "thermometer"',
        'reference = "thermometer"\nwatch = ["chamber.temperature", "hygrometer.temperature"]',
    )
    + DMM
    + HYGROMETER
)
# The multimeter reads the parts' outputs, the source that feeds them takes its time as well.
ANALOG = (
    BUS + CHAMBER + THERMOMETER + PACE + DMM + BENCH_TEMPERATURE + f"""
[instrument.smu]
model = "keithley_2450"
link = {{ kind = "simulated" }}
certificate = "E-2"
calibration_due = {DUE}
uncertainty = {{ source = "1 mV", current = "1 uA" }}

[bench.pressure]
set = "pace"
reference = "pace"
high = "130 kPa"
period = "2 s"

[bench.supply]
set = "smu.source"
reference = "smu.source"
high = "5.6 V"
period = "2 s"

[[socket]]
id = "S1"
output = "dmm.voltage"
supply = "smu.source"
supply_current = "smu.current"
"""
)  # fmt: skip
SBP1A = """
[part]
name = "SBP1A"
driver = "sbp1_analog"

[range]
temperature = { min = "-40 degC", max = "125 degC" }
pressure = { min = "20 kPa", max = "120 kPa" }
supply = { min = "4.5 V", nominal = "5.0 V", max = "5.5 V", limit = "20 mA" }

[condition]
room = { temperature = "25 degC", supply = "nominal" }

[[parameter]]
name = "pressure_error"
measure = "error"
channel = "pressure"
set = { pressure = "70 kPa" }
limits = { room = ["-20 kPa", "20 kPa"] }
"""
BENCHES = {
    "climate": (CLIMATE + sht4x_sockets(), {"sht4x": SHT4X}, {"H1": sht4x_lot()}),
    "slow": (SLOW + sht4x_sockets(), {"sht4x": SHT4X}, {"H1": sht4x_lot()}),
    "analog": (ANALOG, {"sbp1a": SBP1A}, {"A": lot("A", "sbp1a", ["A-1"], ["S1"])}),
}
SOURCE = {"climate": "psu", "slow": "psu", "analog": "smu"}
BROKEN = [
    ("chamber", "sensor_stuck"), ("chamber", "sensor_open"), ("chamber", "alarm"),
    ("chamber", "silent"), ("chamber", "setpoint_changed"), ("chamber", "output_off"),
    ("thermometer", "silent"), ("thermometer", "drift"),
    ("source", "silent"), ("source", "setpoint_changed"), ("source", "output_off"),
]  # fmt: skip
Happened = list[tuple[str, str, float]]


def happened(there: Workspace, implied: bool) -> Happened:
    """Run a bench's profile; return all that its evidence tells: kind, what, and when."""
    job, verdict = job_of(there), "none"
    with opened(there, job) as station, suppress(BenchError):
        verdict = execute(there, job, station, implied_polls=implied).assessment.verdict.name
    (found,) = there.evidence.iterdir()
    return [("verdict", verdict, 0.0)] + [
        (event.kind, str(event.data.get("code") or event.data.get("meter")), event.t)
        for event in events(found)
        if event.kind != "log"
    ]


def stress(there: str, hours: str, high: str, period: str, monitor: str = "") -> tuple[str, str]:
    """Return a station and a stress on it, hot and at the highest supply."""
    station = BENCHES[there][0].replace(
        'high = "155 degC"', f'high = "{high}"\nperiod = "{period}"'
    )
    phases = bake(hours, monitor, temperature="85 degC").replace(
        'set = { temperature = "85 degC" }', 'set = { temperature = "85 degC", supply = "max" }'
    )
    return station, phases


@pytest.mark.chaos
@pytest.mark.slow
@settings(max_examples=9, deadline=None, derandomize=True)
@given(
    there=st.sampled_from(sorted(BENCHES)), at_h=st.floats(0.02, 3.0),
    lasts_s=st.sampled_from([1.0, 100.0, math.inf]), broken=st.sampled_from(BROKEN),
    period=st.sampled_from(["2 s", "7 s", "10 s", "60 s"]),
    high=st.sampled_from(["85.3 degC", "90 degC"]), monitor=st.booleans(),
)  # fmt: skip
def test_with_faults_at_any_time_a_run_is_the_same_at_the_same_second_with_every_poll_made(
    tmp_path_factory: pytest.TempPathFactory,
    there: str,
    at_h: float,
    lasts_s: float,
    broken: tuple[str, str],
    period: str,
    high: str,
    monitor: bool,
) -> None:
    more = 'monitor = { every = "97 s" }' if monitor else ""
    station, phases = stress(there, "1 h", high, period, more)
    device = SOURCE[there] if broken[0] == "source" else broken[0]
    until = "" if lasts_s == math.inf else f"{at_h * 3600 + lasts_s:.2f} s"
    station += fault(device, broken[1], f"{at_h * 3600:.2f} s", until)
    one, other = (
        happened(
            write(tmp_path_factory.mktemp("run"), phases, station, *BENCHES[there][1:], head=SOON),
            implied,
        )
        for implied in (True, False)
    )
    assert one
    assert one == other


SLOW_CHAMBER = """
[[phase]]
kind = "cycle"
name = "c"
steps = [
    { set = { temperature = "60 degC" }, dwell = "10 min" },
    { set = { temperature = "0 degC" }, dwell = "10 min" },
]
cycles = 2
test = { before = ["room"], after = ["room"] }
"""


@pytest.mark.parametrize("period", ["1 s", "3 s", "10 s"])
def test_a_limit_trips_at_the_same_second_where_the_meters_take_their_time(
    tmp_path: Path, period: str
) -> None:
    """As the chamber cools its air becomes too damp: what takes time shifts no step before that."""
    station = SLOW.replace('period = "3 s"', f'period = "{period}"')
    one, other = (
        happened(workspace(tmp_path / str(implied), SLOW_CHAMBER, station=station), implied)
        for implied in (True, False)
    )
    assert [row[:2] for row in one if row[0] == "trip"] == [("trip", "limit")]
    assert one == other


@pytest.mark.parametrize(("at", "until"), [("207.35 s", ""), ("207.35 s", "250.13 s")])
def test_a_soak_looks_at_the_same_times_where_something_breaks_while_all_stands_still(
    tmp_path: Path, at: str, until: str
) -> None:
    """With all implied until then, the look after it is at the next time of its grid."""
    phases = bake("10 min", temperature="60 degC")
    head = HEAD + '[soak]\nsupply = { within = "0.1 V", for = "5 min", timeout = "1 h" }\n'
    station = ANALOG + fault("smu", "overload", at, until)
    one, other = (
        happened(
            write(tmp_path / str(implied), phases, station, *BENCHES["analog"][1:], head=head),
            implied,
        )
        for implied in (True, False)
    )
    assert [row for row in one if row[1] == "smu.source"]
    assert one == other


def test_what_was_polled_just_before_it_was_set_is_looked_at_anew(tmp_path: Path) -> None:
    """One soak ends and the next value is sent in the same moment: a line that takes no time."""
    phases = """
[[phase]]
kind = "grid"
name = "supplies"
axes = [{ set = { supply = ["3.0 V", "3.3 V", "3.6 V"] } }]
"""
    one, other = (
        happened(workspace(tmp_path / str(implied), phases), implied) for implied in (True, False)
    )
    assert [row for row in one if row[0] == "soak"]
    assert one == other


def test_a_row_that_is_late_takes_no_poll_of_the_row_after_it(tmp_path: Path) -> None:
    """A reading delays a row past the next poll: each row is credited for polls of its own."""
    phases = bake("1 h", 'monitor = { every = "97 s" }', temperature="85 degC").replace(
        'set = { temperature = "85 degC" }', 'set = { temperature = "85 degC", supply = "max" }'
    )
    station = ANALOG.replace('period = "2 s"', 'period = "10 s"')
    there = write(
        tmp_path, phases, station, *BENCHES["analog"][1:], head=f'{HEAD}log = "10 s"\n{QUICK}'
    )
    outcome = run(there)
    assert outcome.assessment.verdict is Verdict.PASS
    hold = events(outcome, "hold")[0].data
    trace = data_of(outcome).log["smu.source"].whole()
    during = (trace.time_s > hold["start_s"]) & (trace.time_s <= hold["end_s"])
    assert np.diff(trace.time_s[during]).max() > 10.2
    assert (trace.polls + trace.implied)[during].min() > 0


def test_a_row_before_its_time_says_where_a_place_that_moves_has_gone(tmp_path: Path) -> None:
    """A step of pressure that ends before the next row: the log showed it at its beginning."""
    phases = """
[[phase]]
kind = "response"
name = "step"
set = { pressure = ["30 kPa", "110 kPa"] }
every = "1 s"
duration = "30 s"
"""
    rows = []
    for implied in (True, False):
        there = write(tmp_path / str(implied), phases, ANALOG, *BENCHES["analog"][1:])
        trace = data_of(run(there, implied=implied)).log["pace.pressure"].whole()
        rows.append((trace.high[-1], trace.mean[-1]))
    (high, mean), (polled_high, polled_mean) = rows
    assert high == pytest.approx(polled_high, abs=500.0)
    assert abs(mean - polled_mean) < 40e3, "half the way, at most"


@pytest.mark.slow
def test_implied_polls_are_counted_and_the_hours_are_the_same(tmp_path: Path) -> None:
    phases = bake("5 h")
    with_them = run(workspace(tmp_path / "a", phases))
    without = run(workspace(tmp_path / "b", phases), implied=False)
    counts = []
    for outcome in (with_them, without):
        trace, hold = (
            data_of(outcome).log["chamber.temperature"].whole(),
            events(outcome, "hold")[0].data,
        )
        during = (trace.time_s > hold["start_s"]) & (trace.time_s <= hold["end_s"])
        counts.append((trace.polls[during].sum(), trace.implied[during].sum(), hold["credit_s"]))
    (polls, implied, credit_s), (polled, none, again_s) = counts
    assert implied > 1000
    assert none == 0
    assert polls + implied == pytest.approx(polled, rel=0.01)
    assert credit_s == again_s
