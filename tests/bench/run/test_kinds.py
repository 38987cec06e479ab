"""Each kind of test on twins, from the files to a sealed run that verifies."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sensorbench.assessment.verify import verify
from sensorbench.core.verdict import Verdict
from sensorbench.run.execute import Outcome

from ...workspaces import (
    BENCH_TEMPERATURE,
    BUS,
    CHAMBER,
    HEAD,
    PACE,
    PSU,
    QUICK,
    SHT4X,
    THERMOMETER,
    data_of,
    events,
    lot,
    problems,
    reasons,
    run,
    sht4x_lot,
    sht4x_sockets,
    write,
)

CLIMATE = (
    BUS + CHAMBER + THERMOMETER + PSU + BENCH_TEMPERATURE
    + '[bench.supply]\nset = "psu.out1"\nhigh = "3.7 V"\n' + sht4x_sockets()
)  # fmt: skip
CALIBRATION = """
[[phase]]
kind = "grid"
name = "fit"
axes = [
    { set = { temperature = ["20 %", "40 %", "60 %", "80 %"] } },
    { set = { pressure = ["0 %", "25 %", "50 %", "75 %", "100 %"] }, path = "there and back" },
]
[[phase]]
kind = "calibrate"
name = "write"
fit = "fit"
lock = true
[[phase]]
kind = "grid"
name = "verification"
axes = [
    { set = { temperature = ["70 %", "30 %"] } },
    { set = { pressure = ["10 %", "50 %", "90 %"] }, path = "there and back" },
]
measures = ["error", "hysteresis"]
"""


def climate(root: Path, phases: str, **more: object) -> Outcome:
    """Run phases on two humidity sensors in a chamber."""
    workspace = write(
        root, phases, CLIMATE, {"sht4x": SHT4X}, {"H1": sht4x_lot()}, **more  # type: ignore[arg-type]
    )  # fmt: skip
    return run(workspace)


def whole(outcome: Outcome) -> None:
    """A run that ended in order: sealed, verified, its journal in order of time."""
    found = verify(outcome.root)
    assert [str(finding) for finding in found.findings] == []
    assert found.changed == ()
    ends = events(outcome, "safe_state", "run_ended")
    assert [event.kind for event in ends] == ["safe_state", "run_ended"]
    assert ends[0].data["problems"] == []
    assert ends[1].data["state"] == "complete"
    times = [event.t for event in events(outcome)]
    assert times == sorted(times)


def kinds_of(outcome: Outcome) -> Counter[str]:
    return Counter(event.kind for event in events(outcome))


# -- calibration -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    workspace = write(tmp_path_factory.mktemp("calibrated"), CALIBRATION)
    return run(workspace)


def test_a_calibration_is_fitted_written_locked_and_verified(calibrated: Outcome) -> None:
    whole(calibrated)
    assert {unit.verdict for unit in calibrated.assessment.units} == {Verdict.PASS}
    errors = [r for r in calibrated.assessment.results if r.measure == "error"]
    pressure = [r for r in errors if r.channel == "pressure"]
    assert len(pressure) == 2
    assert max(abs(r.value) for r in pressure) < 100.0  # 0.1 % of 100 kPa, the part's accuracy
    assert all(r.uncertainty is not None and r.uncertainty > 8.0 for r in pressure)


def test_each_word_is_planned_intended_written_and_read_back(calibrated: Outcome) -> None:
    kinds = [
        e.kind
        for e in events(calibrated, "fact", "intent", "outcome")
        if "verb" not in e.data or e.data["verb"] == "write"
    ]
    assert kinds == ["fact", "intent", "intent", "outcome", "outcome"]
    for event in events(calibrated, "outcome"):
        outcome = event.data["outcome"]
        assert outcome["written"] == outcome["read_back"]
        assert outcome["locked"] is True


def test_the_coefficients_fit_the_simulated_worlds_pressure(calibrated: Outcome) -> None:
    """Not against the run's own reference alone: what is applied is known exactly."""
    data = data_of(calibrated)
    worst = 0.0
    for readout in data.of_phase("verification"):
        applied = readout.point.conditions["pressure"]
        assert isinstance(applied, float)
        worst = max(worst, float(np.abs(readout.values["pressure"] - applied).max()))
    assert worst < 120.0


def test_a_part_is_calibrated_for_good(calibrated: Outcome, tmp_path: Path) -> None:
    """What was written stays in the part beyond the program: a check finds it so."""
    root = calibrated.root.parents[1]
    check = (
        '[[phase]]\nkind = "grid"\nname = "g"\n'
        'axes = [{ set = { pressure = ["60 kPa"] } }]\nmeasures = ["error"]\n'
    )
    (root / "check.toml").write_text(HEAD + QUICK + check)
    workspace = write(tmp_path / "unused")
    outcome = run(type(workspace)(root), profile="check.toml")
    assert {unit.verdict for unit in outcome.assessment.units} == {Verdict.PASS}


def test_every_result_names_the_readings_that_it_rests_on(calibrated: Outcome) -> None:
    data = data_of(calibrated)
    readouts = {readout.seq: readout for readout in data.all_readouts}
    for result in calibrated.assessment.results:
        if result.measure == "error":
            (seq,) = result.sources
            readout = readouts[seq]
            index = data.serials.index(result.serial)
            reading = readout.values[result.channel][index]
            assert reading - data.reference(readout, result.channel) == pytest.approx(result.value)
            assert result.rule.startswith("error ")


# -- grid, test ------------------------------------------------------------------------------------


def test_a_grid_compares_with_its_reference_at_each_point(tmp_path: Path) -> None:
    outcome = climate(
        tmp_path,
        '[[phase]]\nkind = "grid"\nname = "g"\n'
        'axes = [{ set = { temperature = ["0 degC", "50 degC"] }, path = "there and back" }]\n'
        'measures = ["error", "hysteresis"]\n',
    )  # fmt: skip
    whole(outcome)
    assert kinds_of(outcome)["readout"] == 3
    assert outcome.assessment.verdict is Verdict.PASS
    found = {(r.serial, r.measure): r for r in outcome.assessment.results}
    assert abs(found["0F3A1100", "error"].value) < 1.0
    series = next(s for s in outcome.assessment.series if s.measure == "error")
    assert series.x_name == "temperature"
    assert len(series.x) == 3


def test_parameters_are_tested_at_conditions_with_drift_from_an_earlier_phase(
    tmp_path: Path,
) -> None:
    outcome = climate(
        tmp_path,
        '[[phase]]\nkind = "test"\nname = "before"\nconditions = ["room", "hot"]\n'
        '[[phase]]\nkind = "test"\nname = "after"\nconditions = ["hot"]\ndrift_from = "before"\n',
    )
    whole(outcome)
    own = [r for r in outcome.assessment.results if r.serial == "0F3A1100"]
    assert [(r.phase, r.at.get("condition"), r.is_drift) for r in own] == [
        ("before", "room", False), ("before", "hot", False),
        ("after", "hot", False), ("after", "hot", True),
    ]  # fmt: skip
    before, after, drift = own[1], own[2], own[3]
    assert drift.value == pytest.approx(after.value - before.value)
    assert (drift.low, drift.high) == (-0.3, 0.3)


TESTED = '[[phase]]\nkind = "test"\nname = "{name}"\nconditions = {conditions}\n'
LATER = TESTED.format(name="later", conditions='["room", "hot"]') + 'drift_from = "{base}"\n'


def test_drift_of_a_unit_is_against_its_own_first_reading_in_whatever_batch(
    tmp_path: Path,
) -> None:
    """Five units on two sockets, then one of them alone."""
    first = TESTED.format(name="first", conditions='["room", "hot"]')
    workspace = write(
        tmp_path, first + LATER.format(base="first"), CLIMATE, {"sht4x": SHT4X},
        {"H1": sht4x_lot(5)},
    )  # fmt: skip
    outcome = run(workspace)
    whole(outcome)
    drifts = [r for r in outcome.assessment.results if r.is_drift]
    assert len(drifts) == 10
    values = {(r.serial, r.phase, r.at["condition"]): r.value for r in outcome.assessment.results
              if not r.is_drift}  # fmt: skip
    for drift in drifts:
        where = drift.serial, drift.at["condition"]
        change = values[where[0], "later", where[1]] - values[where[0], "first", where[1]]
        assert drift.value == pytest.approx(change)
    assert outcome.assessment.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (TESTED.format(name="first", conditions='["room"]'),
         "temperature_error has a drift limit, and 'first' does not test it at hot"),
        ('[[phase]]\nkind = "prompt"\nname = "first"\ntext = "Look."\n',
         "'first' does not test it at room"),
        (TESTED.format(name="first", conditions='["room", "hot"]') + 'units = "x"\n',
         "'first' does not test 0F3A1101"),
    ],
)  # fmt: skip
def test_a_drift_that_was_agreed_is_never_left_out(tmp_path: Path, first: str, said: str) -> None:
    """Nor is a unit counted from a reading that it never had."""
    lot = sht4x_lot(2).replace('serial = "0F3A1100"', 'serial = "0F3A1100"\ngroup = "x"')
    there = write(
        tmp_path, first + LATER.format(base="first"), CLIMATE, {"sht4x": SHT4X}, {"H1": lot}
    )
    assert said in problems(there)


# -- stress, cycle, steps --------------------------------------------------------------------------

BAKE = """
[[phase]]
kind = "stress"
name = "bake"
set = [{ supply = "max" }, { temperature = "85 degC" }]
hours = "24 h"
readouts = ["10 h"]
monitor = { every = "2 h", measures = ["error"], limits = { error = "0.1 FS" } }
test = { before = ["room"], after = ["room"], within = "48 h", from = "cool" }
cool = { set = { supply = "max" }, until = { temperature = "50 degC" } }
"""


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return climate(tmp_path_factory.mktemp("baked"), BAKE)


def test_a_stress_is_served_monitored_and_read_out(baked: Outcome) -> None:
    whole(baked)
    assert baked.assessment.verdict is Verdict.PASS
    holds = events(baked, "hold")
    assert [(h.data["from_s"] / 3600, round(h.data["credit_s"] / 3600, 2)) for h in holds] == [
        (0, 10.0), (10, 14.0),
    ]  # fmt: skip
    facts = baked.assessment.facts["bake"]
    assert facts["served_s"][""] == pytest.approx(24 * 3600, rel=1e-3)
    assert len(facts["windows"]) == 2
    assert all(0 < row["took_s"] < row["within_s"] for row in facts["windows"])


def test_what_was_held_is_on_record(baked: Outcome) -> None:
    log = data_of(baked).log["chamber.temperature"].whole()
    hold = events(baked, "hold")[0].data
    during = (log.time_s > hold["start_s"]) & (log.time_s <= hold["end_s"])
    assert during.sum() > 500  # a row a minute
    assert log.low[during].min() > 82.0
    assert log.high[during].max() < 88.0
    assert (log.polls + log.implied)[during].min() >= 1


def test_units_are_read_while_they_are_stressed(baked: Outcome) -> None:
    monitors = events(baked, "monitor")
    assert len(monitors) >= 12
    gaps = np.diff([event.t for event in monitors[:5]])
    assert gaps == pytest.approx(7200.0, abs=5.0)


def test_it_is_stressed_at_max_and_read_at_nominal(baked: Outcome) -> None:
    sent = [(e.data["address"], e.data["asked"]) for e in events(baked, "sent")]
    assert ("supply", 3.6) in sent
    readouts = data_of(baked).all_readouts
    assert {r.point.conditions["supply"] for r in readouts} == {3.3}
    conditions = [r.references[":supply"][0] for r in readouts]
    assert conditions == pytest.approx([3.3] * len(readouts), abs=0.02)


def test_drift_is_against_the_reading_before(baked: Outcome) -> None:
    own = [r for r in baked.assessment.results if r.serial == "0F3A1101" and r.parameter]
    values = {(r.at["served_s"], r.is_drift): r for r in own}
    change = values[86400.0, False].value - values[0.0, False].value
    assert values[86400.0, True].value == pytest.approx(change)
    assert values[86400.0, True].sources == (
        *values[0.0, False].sources, *values[86400.0, False].sources,
    )  # fmt: skip


CYCLE = """
[[phase]]
kind = "cycle"
name = "TC"
steps = [
    { set = { temperature = "0 degC" }, dwell = "5 min" },
    { set = { temperature = "50 degC" }, dwell = "5 min" },
]
cycles = 6
readouts = [2]
test = { before = ["room"], after = ["room"] }
"""


def test_cycles_are_done_counted_and_read_out(tmp_path: Path) -> None:
    outcome = climate(tmp_path, CYCLE)
    whole(outcome)
    assert outcome.assessment.verdict is Verdict.PASS
    facts = outcome.assessment.facts["TC"]
    assert (facts["cycles_asked"], facts["cycles_done"]) == (6, 6)
    log = data_of(outcome).log["thermometer.temperature"].whole()
    ends = (log.mean.min(), log.mean.max())
    assert ends == pytest.approx((0.0, 50.0), abs=2.0)
    crossings = np.sum(np.diff(np.sign(log.mean - 25.0)) != 0)
    assert crossings >= 10


def test_bias_is_cycled_beside_the_temperature(tmp_path: Path) -> None:
    wave = 'set = { supply = { low = "off", high = "max", period = "4 min" } }\n'
    outcome = climate(
        tmp_path, CYCLE.replace("steps = [", wave + "steps = [").replace("cycles = 6", "cycles = 3")
    )
    whole(outcome)
    log = data_of(outcome).log["psu.out1"].whole()
    assert log.low.min() == pytest.approx(0.0, abs=0.05)
    assert log.high.max() == pytest.approx(3.6, abs=0.05)


def test_a_value_is_raised_step_by_step_with_readings_between(tmp_path: Path) -> None:
    outcome = climate(
        tmp_path,
        '[[phase]]\nkind = "steps"\nname = "raise"\ntimes = 2\ndwell = "10 s"\n'
        'set = { temperature = "30 degC", supply = ["min", "nominal", "max"] }\n'
        'test = { before = ["room"], after = ["room"] }\n'.replace('"min"', '"3.0 V"'),
    )
    whole(outcome)
    assert outcome.assessment.verdict is Verdict.PASS
    data = data_of(outcome)
    steps = [r for r in data.all_readouts if "step" in r.point.labels and "time" in r.point.labels]
    assert [r.point.conditions["supply"] for r in steps] == [3.0, 3.3, 3.6] * 2


# -- record, response ------------------------------------------------------------------------------


def test_a_record_reads_at_rest_and_gives_its_noise(tmp_path: Path) -> None:
    outcome = climate(
        tmp_path,
        '[[phase]]\nkind = "record"\nname = "r"\nduration = "10 min"\nevery = "5 s"\n'
        'measures = ["noise"]\n',
    )
    whole(outcome)
    assert 119 <= kinds_of(outcome)["monitor"] <= 121
    noise = {(r.serial, r.channel): r for r in outcome.assessment.results}
    assert 0.0 < noise["0F3A1100", "temperature"].value < 0.1
    assert noise["0F3A1100", "temperature"].verdict is None  # nothing was asked of it


IMU = """
[part]
name = "IMU1"
driver = "lsm6dso"
[range.supply]
min = "1.71 V"
nominal = "1.8 V"
max = "3.6 V"
[settings]
noise = { rate = "208 Hz" }
"""
IMU_STATION = BUS + (
    '[bench.supply]\nfixed = "1.8 V"\n'
    '[[socket]]\nid = "F1"\nlink = { bus = "bus0", address = 0x6A }\n'
    '[[socket]]\nid = "F2"\nlink = { bus = "bus0", address = 0x6B }\n'
)


def test_what_was_tried_again_to_open_a_stream_is_counted(tmp_path: Path) -> None:
    silent = '[[simulation.fault]]\ndevice = "IMU-1"\nkind = "silent"\nuntil = "50 ms"\n'
    outcome = run(write(
        tmp_path,
        '[[phase]]\nkind = "record"\nname = "a"\nduration = "10 s"\nsettings = "noise"\n'
        'measures = ["noise_density"]\n',
        IMU_STATION + silent, {"imu": IMU}, {"M1": lot("M1", "imu", ["IMU-1", "IMU-2"])},
    ))  # fmt: skip
    (opened,) = events(outcome, "stream_opened")
    assert opened.data["problems"] == {}
    assert opened.data["retries"] == {"IMU-1": 1}


def test_parts_stream_by_themselves_and_no_sample_is_lost(tmp_path: Path) -> None:
    workspace = write(
        tmp_path,
        '[[phase]]\nkind = "record"\nname = "a"\nduration = "60 s"\nsettings = "noise"\n'
        'measures = ["noise_density", "allan_deviation"]\n',
        IMU_STATION, {"imu": IMU}, {"M1": lot("M1", "imu", ["IMU-1", "IMU-2"])},
    )  # fmt: skip
    outcome = run(workspace)
    whole(outcome)
    assert outcome.assessment.verdict is Verdict.PASS or not reasons(outcome)
    streams = data_of(outcome).streams("a")
    assert set(streams) == {"IMU-1", "IMU-2"}
    for stream in streams.values():
        assert stream.count == pytest.approx(60 * 208, rel=0.05)
        assert len(stream.channel("acceleration_x")) == stream.count
        assert stream.rate_hz == pytest.approx(208, rel=0.05)
        assert not stream.overflow
    level = next(
        r
        for r in outcome.assessment.results
        if r.measure == "noise_density" and r.channel == "acceleration_z"
    )
    assert 0 < level.value < 1e-2
    assert level.unit == "m/s2/sqrt(Hz)"


def test_a_response_is_seen_while_the_step_is_made(tmp_path: Path) -> None:
    outcome = climate(
        tmp_path,
        '[[phase]]\nkind = "response"\nname = "r"\nset = { temperature = ["20 degC", "40 degC"] }\n'
        'lead = "1 min"\nduration = "40 min"\nevery = "10 s"\n'
        'measures = ["rise_time", "settling_time"]\n',
    )
    whole(outcome)
    found = {(r.serial, r.measure, r.channel): r for r in outcome.assessment.results}
    data = data_of(outcome)
    readings = data.monitored("r")
    index = data.serials.index("0F3A1100")
    times = np.array([reading.t for reading in readings])
    values = np.array([reading.values["temperature"][index] for reading in readings])
    low, high = values[:6].mean(), values[-30:].mean()
    after = times > times[6]
    early, late = (
        np.interp(low + share * (high - low), values[after], times[after]) for share in (0.1, 0.9)
    )
    rise = found["0F3A1100", "rise_time", "temperature"]
    assert rise.value == pytest.approx(late - early, rel=0.1)
    # The chamber goes 3 K/min and the part lags behind it.
    assert 16 / 3 * 60 < rise.value < 900
    assert found["0F3A1100", "settling_time", "temperature"].value > rise.value


# -- prompt ----------------------------------------------------------------------------------------


def test_a_prompt_is_answered_and_the_answer_is_on_record(tmp_path: Path) -> None:
    outcome = climate(
        tmp_path,
        '[[phase]]\nkind = "prompt"\nname = "look"\ntext = "Is it clean?"\n'
        'answers = ["yes", "no"]\n'
        '[[phase]]\nkind = "test"\nname = "t"\nconditions = ["room"]\n',
    )
    whole(outcome)
    (fact,) = [e.data["fact"] for e in events(outcome, "fact") if e.data["verb"] == "ask"]
    assert fact == {"phase": "look", "answer": "yes"}
    assert outcome.assessment.verdict is Verdict.PASS


# -- more units than sockets, several lots and parts -----------------------------------------------


def test_more_units_than_sockets_are_done_batch_by_batch(tmp_path: Path) -> None:
    workspace = write(
        tmp_path,
        '[[phase]]\nkind = "stress"\nname = "bake"\nset = { temperature = "60 degC" }\n'
        'hours = "2 h"\ntest = { before = ["room"], after = ["room"] }\n',
        CLIMATE, {"sht4x": SHT4X}, {"H1": sht4x_lot(5)},
    )  # fmt: skip
    outcome = run(workspace)
    whole(outcome)
    assert outcome.assessment.verdict is Verdict.PASS
    loads = [e.data["fact"]["sockets"] for e in events(outcome, "fact") if e.data["verb"] == "load"]
    assert [len(sockets) for sockets in loads] == [2, 2, 1]
    served = outcome.assessment.facts["bake"]["served_s"]
    assert set(served) == {"#1", "#2", "#3"}
    assert all(hours == pytest.approx(7200, rel=1e-3) for hours in served.values())


def test_two_lots_of_two_parts_in_one_run(tmp_path: Path) -> None:
    bmp = (
        '[part]\nname = "BMP280"\ndriver = "bmp280"\n[range.temperature]\nmin = "-40 degC"\n'
        'max = "85 degC"\n[range.supply]\nnominal = "3.3 V"\nmax = "3.6 V"\n'
        '[accuracy.temperature]\nerror = "3 K"\n'
    )
    socket = '[[socket]]\nid = "B1"\nlink = { bus = "bus0", address = 0x76 }\n'
    workspace = write(
        tmp_path,
        '[[phase]]\nkind = "grid"\nname = "g"\n'
        'axes = [{ set = { temperature = ["0 degC", "50 degC"] } }]\nmeasures = ["error"]\n',
        BUS + CHAMBER + THERMOMETER + PACE + PSU + BENCH_TEMPERATURE
        + '[bench.supply]\nset = "psu.out1"\nhigh = "3.7 V"\n' + sht4x_sockets() + socket,
        {"sht4x": SHT4X, "bmp280": bmp},
        {"H1": sht4x_lot(), "B1": lot("批次 1", "bmp280", ["B-1"], ["B1"])},
    )  # fmt: skip
    outcome = run(workspace)
    whole(outcome)
    assert [(u.serial, u.lot, u.part, u.socket, u.verdict) for u in outcome.assessment.units] == [
        ("B-1", "批次 1", "BMP280", "B1", Verdict.PASS),
        ("0F3A1100", "H1", "SHT40", "H1", Verdict.PASS),
        ("0F3A1101", "H1", "SHT40", "H2", Verdict.PASS),
    ]  # fmt: skip
    assert "批次-1" in outcome.root.name


def test_one_seed_gives_the_same_results_and_another_others(tmp_path: Path) -> None:
    grid = (
        '[[phase]]\nkind = "grid"\nname = "g"\n'
        'axes = [{ set = { temperature = ["50 degC"] } }]\nmeasures = ["error"]\n'
    )

    def values(name: str, seed: int) -> list[float]:
        workspace = write(
            tmp_path / name, grid, CLIMATE.replace("seed = 1", f"seed = {seed}"),
            {"sht4x": SHT4X}, {"H1": sht4x_lot()},
        )  # fmt: skip
        return [result.value for result in run(workspace).assessment.results]

    one = values("a", 1)
    assert one == values("b", 1)
    assert one != values("c", 2)


def test_everything_simulated_says_so(calibrated: Outcome) -> None:
    assert calibrated.root.name.startswith("SIM-")
    assert {e.data["provenance"] for e in events(calibrated, "instrument")} == {"simulated"}
    seal = (calibrated.root / "seal.json").read_text()
    assert "application/vnd.sensorbench.evidence.simulated+json" in seal
