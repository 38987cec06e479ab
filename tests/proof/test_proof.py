"""The proof profiles: each runs on its own bench, comes out as the world makes it, and is proven.

Each is a job of another kind of bench or part: what one of them needs, the middle of the house must
have without naming a quantity. Long ones are short here, by profiles beside their workspaces;
tools/run_proof_profiles.py runs them in full.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

from sensorbench.core.errors import InputError
from sensorbench.core.operator import Question
from sensorbench.core.verdict import Verdict

from .conftest import MakeBench, Proven
from .proving import Bench, data_of, journal, results_of

SBP1 = ("26100001", "26100002", "26100003")
DESK = ("0F3A11C2", "0F3A11D7")
FULL_SCALE_PA = 100e3


def passes(outcome: object) -> bool:
    return outcome.assessment.verdict is Verdict.PASS  # type: ignore[attr-defined]


# -- calibration and checks -----------------------------------------------------------------------


def test_sbp1_is_calibrated_over_pressure_and_temperature_and_checked(
    bench: MakeBench, proven: Proven
) -> None:
    """After it units keep 0.1 % of full scale; before it they don't, not even by far."""
    pressure = bench("pressure")
    fresh = pressure.known("few", {"temperature": 60.0, "pressure": 45e3, "supply": 3.3}); print(fresh)
    assert all(abs(unit["pressure"] - 45e3) > 1000.0 for unit in fresh.values())

    calibration = pressure.run("calibration/pressure_temperature", "few")
    assert passes(calibration)
    proven(calibration)
    written = journal(calibration, "outcome")
    assert [row["unit"] for row in written] == list(SBP1)
    assert all(row["outcome"]["read_back"] == row["outcome"]["written"] for row in written)

    check = pressure.run("check/pressure", "few")
    assert passes(check)
    proven(check)
    worst = {r.serial: abs(r.value) for r in results_of(check, "error", "pressure")}
    assert set(worst) == set(SBP1)
    assert max(worst.values()) < 1e-3 * FULL_SCALE_PA
    # Not against the bench's own reference: where the world's pressure is known exactly.
    after = pressure.known("few", {"temperature": 60.0, "pressure": 45e3, "supply": 3.3}, False)
    assert all(abs(unit["pressure"] - 45e3) < 1e-3 * FULL_SCALE_PA for unit in after.values())


def test_a_thermometer_is_checked_where_nothing_has_a_pressure(
    bench: MakeBench, proven: Proven
) -> None:
    thermometers = bench("thermometer")
    check = thermometers.run("check/temperature", "t1")
    assert passes(check)
    html = proven(check)
    assert not re.search("pressure|压力", html, re.IGNORECASE)
    shown = {row["address"] for row in journal(check, "sent")}
    assert shown == {"temperature", "supply"}
    for result in results_of(check, "error", "temperature"):
        there = {"temperature": result.at["set"]["temperature"], "supply": 3.3}
        truly_k = thermometers.known("t1", there)[result.serial]["temperature"]
        truly_k -= there["temperature"]
        assert abs(result.value) < 0.3
        assert result.value == pytest.approx(truly_k, abs=result.uncertainty)


def test_humidity_and_temperature_are_checked_in_one_chamber(
    bench: MakeBench, proven: Proven
) -> None:
    climate = bench("humidity")
    check = climate.run("check/humidity", "desk")
    assert passes(check)
    proven(check)
    worst = results_of(check, "error", "humidity")
    assert {r.serial for r in worst} == set(DESK)
    for result in worst:
        there = {where: result.at["set"][where] for where in ("temperature", "humidity", "supply")}
        truly = climate.known("desk", there)[result.serial]["humidity"] - there["humidity"]
        assert abs(result.value) < 4.0
        assert result.value == pytest.approx(truly, abs=result.uncertainty)
    assert len(data_of(check).of_phase("check")) == 10  # 2 temperatures, 3 humidities there and back


# -- motion, field, supply --------------------------------------------------------------------------


class Hands:
    """A person who does what the bench's twins do, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    def ask(self, question: Question) -> str:
        self.asked.append(question)
        return "done"


def test_an_accelerometer_is_turned_to_six_positions(bench: MakeBench, proven: Proven) -> None:
    check = bench("imu").run("check/six_positions", "one")
    assert passes(check)
    proven(check)
    axes = [f"acceleration_{axis}" for axis in "xyz"]
    for axis in axes:
        (sensitivity,) = results_of(check, "sensitivity", axis)
        (cross,) = results_of(check, "cross_axis", axis)
        (offset,) = results_of(check, "offset", axis)
        assert sensitivity.value == pytest.approx(1.0, abs=0.03)
        assert 0.0 < abs(cross.value) < 0.02
        assert abs(offset.value) < 0.5
    faces = [p.point.conditions["orientation"] for p in data_of(check).of_phase("positions")]
    assert len(set(faces)) == 6
    # Along gravity a face reads what the place's gravity is, not the standard one.
    up = next(p for p in data_of(check).of_phase("positions") if p.point.id.endswith("+z up"))
    assert up.values["acceleration_z"][0] == pytest.approx(9.8123, abs=0.5)


def test_a_gyroscope_is_checked_on_a_rate_table(bench: MakeBench, proven: Proven) -> None:
    check = bench("imu").run("check/rate", "one")
    assert passes(check)
    proven(check)
    for axis in ("x", "y", "z"):
        scale = results_of(check, "sensitivity", f"angular_rate_{axis}", "rate")
        assert [r.value for r in scale] == pytest.approx([1.0] * len(scale), abs=0.02)
        (bent, *_) = results_of(check, "nonlinearity", f"angular_rate_{axis}", "rate")
        assert abs(bent.value) < 1.0  # deg/s of 400
        (by_gravity,) = results_of(check, "g_sensitivity", f"angular_rate_{axis}", "gravity")
        assert abs(by_gravity.value) < 0.1  # deg/s per m/s2


def test_a_magnetometer_in_a_three_axis_coil(bench: MakeBench, proven: Proven) -> None:
    coil = bench("coil")
    check = coil.run("check/magnetic_field", "mag")
    assert passes(check)
    proven(check)
    (null,) = [f["fact"] for f in journal(check, "fact") if f["verb"] == "null"]
    assert max(map(abs, null["left"])) < 1.0
    # What it reads in no field at all is its own offset: that is the error, and no cross axis.
    alone = coil.known("mag", {"magnetic_field": (0.0, 0.0, 0.0)})["MAG-0001"]
    for axis in ("x", "y", "z"):
        (error,) = results_of(check, "error", f"magnetic_field_{axis}")
        (cross,) = results_of(check, "cross_axis", f"magnetic_field_{axis}")
        (sensitivity,) = results_of(check, "sensitivity", f"magnetic_field_{axis}")
        assert error.value == pytest.approx(alone[f"magnetic_field_{axis}"], abs=4.0)
        assert abs(cross.value) < 0.02
        assert sensitivity.value == pytest.approx(1.0, abs=0.05)


def test_an_analog_part_over_supply_and_temperature_with_its_current(
    bench: MakeBench, proven: Proven
) -> None:
    found = bench("analog").run("characterisation/supply_temperature", "a")
    assert passes(found)
    proven(found)
    offsets = {
        (r.at["set"]["temperature"], r.at["set"]["supply"]): r.value
        for r in results_of(found, "offset", "pressure")
    }
    assert len(offsets) == 9
    # Its output is a share of its supply: the supply does not move its offset, temperature does.
    for temperature_c in (-40.0, 25.0, 125.0):
        at = [value for (t, _), value in offsets.items() if t == temperature_c]
        assert np.ptp(at) < 20.0
    assert abs(offsets[125.0, 5.0] - offsets[-40.0, 5.0]) > 500.0
    drawn = [r.values["supply_current"][0] for r in data_of(found).of_phase("characterisation")]
    assert len(drawn) == 18
    assert drawn == pytest.approx([1.8e-3] * 18, rel=0.2)


# -- streams and responses --------------------------------------------------------------------------


def test_two_hours_at_rest_show_the_gyroscope_s_floor(bench: MakeBench, proven: Proven) -> None:
    allan = bench("imu").run("characterisation/allan", "one")
    assert passes(allan)
    proven(allan)
    stream = data_of(allan).streams("allan")["IMU-0001"]
    assert not stream.overflow
    assert stream.count == pytest.approx(2 * 3600 * stream.rate_hz, rel=1e-3)
    assert stream.rate_hz == pytest.approx(104.0, rel=0.05)  # the part's own oscillator
    for axis in ("x", "y", "z"):
        (floor,) = results_of(allan, "allan_deviation", f"angular_rate_{axis}")
        assert floor.value * 3600 == pytest.approx(3.0, rel=0.25)  # deg/h
        (density,) = results_of(allan, "noise_density", f"angular_rate_{axis}")
        assert density.value == pytest.approx(3.8e-3, rel=0.1)  # deg/s/sqrt(Hz), data sheet


def test_77_modules_stream_at_full_rate(bench: MakeBench, proven: Proven) -> None:
    many = bench("imu77")
    stream = many.run("profiles/short_stream.toml", "many")
    assert passes(stream)
    proven(stream)
    found = data_of(stream).streams("stream")
    assert len(found) == 77
    assert not any(one.overflow or one.saturated for one in found.values())
    assert all(one.rate_hz == pytest.approx(6664, rel=0.05) for one in found.values())
    assert all(one.count == pytest.approx(0.5 * one.rate_hz, rel=0.1) for one in found.values())
    # Each has its own oscillator, and its own noise.
    assert len({round(one.rate_hz, 3) for one in found.values()}) > 60
    first, second = (one.channel("acceleration_z") for one in list(found.values())[:2])
    assert first.std() == pytest.approx(second.std(), rel=0.2)
    assert not np.array_equal(first[:500], second[:500])


def test_a_bus_that_cannot_carry_the_stream_is_refused(bench: MakeBench) -> None:
    many = bench("imu77")
    path = many.workspace.station_path
    path.write_text(path.read_text().replace("1 MHz", "400 kHz"), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        many.check("profiles/short_stream.toml", "many")
    assert len(refused.value.problems) == 77
    assert "carries" in str(refused.value)
    assert "b77" in str(refused.value)


def test_a_step_of_pressure_rises_as_the_line_does(calibrated: Bench, proven: Proven) -> None:
    """The controller goes 10 kPa/s: from 10 % to 90 % of a step of 80 kPa it takes 6.4 s."""
    step = calibrated.run("characterisation/step_response", "few")
    assert passes(step)
    proven(step)
    rise = results_of(step, "rise_time", "pressure")
    assert {r.serial for r in rise} == set(SBP1)
    assert [r.value for r in rise] == pytest.approx([6.4] * 3, rel=0.02)
    settling = results_of(step, "settling_time", "pressure")
    assert all(6.4 < r.value < 10.0 for r in settling)


# -- stress -----------------------------------------------------------------------------------------


def test_htol_serves_its_hours_and_counts_drift_from_0_h_by_serial_number(
    calibrated: Bench, proven: Proven
) -> None:
    htol = calibrated.run("aec_q100/b1_htol", "few")
    assert passes(htol)
    proven(htol)
    facts = htol.assessment.facts["HTOL"]
    assert facts["asked_s"] == 1000 * 3600
    assert facts["served_s"][""] == pytest.approx(1000 * 3600, rel=1e-3)
    assert facts["monitored"] >= 1000 / 6
    errors = {
        (r.serial, r.parameter, r.at["condition"], r.at["served_s"]): r.value
        for r in results_of(htol, "error", "pressure")
    }
    drifts = results_of(htol, "error", "pressure", drift=True)
    # 3 units, 3 parameters, 3 conditions, at 168 h, 500 h and 1000 h.
    assert len(drifts) == 81
    for drift in drifts:
        key = (drift.serial, drift.parameter, drift.at["condition"])
        expected = errors[*key, drift.at["served_s"]] - errors[*key, 0.0]
        assert drift.value == pytest.approx(expected, abs=1e-9)
    assert len({round(d.value, 6) for d in drifts}) == 81


def test_thb_waits_for_its_preconditioning(bench: MakeBench, proven: Proven) -> None:
    """85 degC, 85 %RH and bias for 1000 h, once somebody else has preconditioned the units."""
    climate = bench("humidity")
    agreed = {"method": ("85/85", "")}
    parked = climate.run("aec_q100/a2_thb", "desk", choices=agreed)
    assert parked.parked is not None
    assert parked.parked["point"] == "PC"
    assert parked.assessment.verdict is Verdict.INVALID

    climate.attach(parked, "laboratory=Lab 4", "date=2026-06-09")
    thb = climate.resume(parked, days=9)
    assert thb.root == parked.root
    assert passes(thb)
    html = proven(thb)
    assert "Lab 4" in html
    assert thb.assessment.facts["THB"]["served_s"][""] == pytest.approx(3.6e6, rel=1e-3)
    log = data_of(thb).log
    (humidity,) = [t for t in log.values() if t.address == "humidity" and "hygro" in str(t)]
    held = (humidity.time_s > humidity.time_s[-1] / 2) & (humidity.time_s < humidity.time_s[-1] * 0.8)
    assert humidity.mean[held].mean() == pytest.approx(85.0, abs=2.0)


def test_temperature_cycles_have_readouts_by_cycles(calibrated: Bench, proven: Proven) -> None:
    cycles = calibrated.run("profiles/short_cycles.toml", "few")
    assert passes(cycles)
    proven(cycles)
    facts = cycles.assessment.facts["TC"]
    assert facts["cycles_done"] == facts["cycles_asked"] == 12
    readouts = {r.at["cycles"] for r in results_of(cycles, "error", "pressure")}
    assert readouts == {0, 4, 8, 12}
    air = next(t for t in data_of(cycles).log.values() if t.address == "temperature")
    crossings = np.diff(np.sign(air.mean - 50.0)) != 0
    assert crossings.sum() >= 2 * 12


def test_pressure_is_pulsed_while_temperature_cycles(bench: MakeBench, proven: Proven) -> None:
    """The wave is read at both plateaus, once a minute, on the ramps as in the soaks."""
    pulsed = bench("pulsed")
    pulsed.run("calibration/pressure_temperature", "few")
    found = pulsed.run("profiles/pulsed_cycles.toml", "few")
    assert passes(found)
    proven(found)
    facts = found.assessment.facts["pulsed"]
    assert facts["cycles_done"] == facts["cycles_asked"] == 3
    read = data_of(found).monitored("pulsed")
    took_min = (read[-1].t - read[0].t) / 60
    assert len(read) == pytest.approx(2 * took_min, rel=0.05)
    low = np.array([r.values["pressure"] for r in read if r.values["pressure"][0] < 70e3])
    high = np.array([r.values["pressure"] for r in read if r.values["pressure"][0] > 70e3])
    assert len(low) == pytest.approx(len(high), abs=2)
    assert low == pytest.approx(np.full_like(low, 20e3), abs=2000.0)
    assert high == pytest.approx(np.full_like(high, 120e3), abs=2000.0)
    body_c = np.array([r.values["temperature"][0] for r in read])
    assert ((body_c > -20) & (body_c < 90)).sum() > 20  # on the ramps, too


def test_proof_pressure_leaves_a_part_as_it_was(bench: MakeBench, proven: Proven) -> None:
    proof = bench("burst").run("aec_q103/ps8_proof", "b1")
    assert passes(proof)
    proven(proof)
    assert {u.serial for u in proof.assessment.units} == {"30000101", "30000102"}
    drift = _change(proof, "proof front")
    assert all(abs(change) < 20.0 for change in drift.values())  # Pa


def test_burst_is_applied_to_each_port_of_its_own_group(bench: MakeBench, proven: Proven) -> None:
    """Beyond yield a membrane stays bent, at the port that felt it and at no other."""
    burst = bench("burst").run("aec_q103/ps7_burst", "b1")
    assert passes(burst)
    proven(burst)
    loads = [f["fact"]["sockets"] for f in journal(burst, "fact") if f["verb"] == "load"]
    assert [sorted(load) for load in loads] == [["30000101", "30000102"], ["30000201"]]
    for phase, bent in (("burst front", "pressure_front"), ("burst back", "pressure_back")):
        for (_, channel), change in _change(burst, phase).items():
            assert (abs(change) > 20.0) is (channel == bent)  # Pa
    assert not journal(burst, "retry")


def test_far_beyond_it_a_membrane_is_torn_and_fails(bench: MakeBench, proven: Proven) -> None:
    torn = bench("burst").run("profiles/to_destruction.toml", "b1")
    assert torn.assessment.verdict is Verdict.FAIL
    proven(torn)
    failed = [(r.serial, r.channel) for r in torn.assessment.results if r.verdict is Verdict.FAIL]
    assert failed == [("30000101", "pressure_front"), ("30000102", "pressure_front")]


def _change(outcome: object, phase: str) -> dict[tuple[str, str], float]:
    """Return by unit and port how far the offset moved from before a phase to after it, in Pa."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for r in results_of(outcome, "offset", phase=phase):  # type: ignore[arg-type]
        found.setdefault((r.serial, r.channel), []).append((r.at["step"], r.value))
    return {key: max(rows)[1] - min(rows)[1] for key, rows in found.items()}


def test_storage_at_temperature_has_no_bias(calibrated: Bench, proven: Proven) -> None:
    htsl = calibrated.run("aec_q100/a6_htsl", "few")
    assert passes(htsl)
    proven(htsl)
    assert htsl.assessment.facts["HTSL"]["served_s"][""] == pytest.approx(3.6e6, rel=1e-3)
    data = data_of(htsl)
    (hold, *_) = data.holds
    supply = next(t for t in data.log.values() if t.address == "supply")
    air = next(t for t in data.log.values() if t.address == "temperature")
    during = (supply.time_s > hold["start_s"] + 600) & (supply.time_s < hold["end_s"])
    assert np.abs(supply.high[during]).max() < 0.05
    during = (air.time_s > hold["start_s"]) & (air.time_s < hold["end_s"])
    assert air.mean[during].mean() == pytest.approx(150.0, abs=1.0)


def test_shock_is_done_elsewhere_between_two_readouts(calibrated: Bench, proven: Proven) -> None:
    parked = calibrated.run("aec_q100/g1_ms", "few")
    assert parked.parked is not None
    said = ("laboratory=Shock Lab", "date=2026-06-20", "method=1500 g, 0.5 ms")
    with pytest.raises(InputError, match="26100002, 26100003"):
        calibrated.attach(parked, *said, units={"26100001": "pass"})
    calibrated.attach(parked, *said, units=dict.fromkeys(SBP1, "pass"))
    shock = calibrated.resume(parked, days=14)
    assert passes(shock)
    proven(shock)
    assert {r.serial: r.value for r in results_of(shock, "external")} == dict.fromkeys(SBP1, 1.0)
    drift = results_of(shock, "error", phase="after", drift=True)
    assert len(drift) == 3 * 3 * 3
    (event,) = journal(shock, "attached")
    for file in event["files"]:
        assert (shock.root / file["file"]).is_file()


def test_a_unit_that_failed_elsewhere_fails_here(calibrated: Bench) -> None:
    parked = calibrated.run("aec_q100/g1_ms", "few")
    said = ("laboratory=Shock Lab", "date=2026-06-20", "method=1500 g, 0.5 ms")
    units = dict.fromkeys(SBP1, "pass") | {"26100002": "fail"}
    calibrated.attach(parked, *said, units=units)
    shock = calibrated.resume(parked, days=14)
    verdicts = {unit.serial: unit.verdict for unit in shock.assessment.units}
    assert verdicts == dict.fromkeys(SBP1, Verdict.PASS) | {"26100002": Verdict.FAIL}


# -- distributions, lots, rooms, shelves -------------------------------------------------------------


def test_parameters_are_distributed_over_temperature_and_supply(
    calibrated: Bench, proven: Proven
) -> None:
    found = calibrated.run("characterisation/distributions", "few")
    assert passes(found)
    proven(found)
    conditions = {r.at["condition"] for r in results_of(found, "error", "pressure")}
    assert conditions == {"room", "cold", "hot", "low_room", "high_room"}
    there = {
        p.point.labels["condition"]: p.point.conditions for p in data_of(found).readouts.values()
    }
    assert there["low_room"]["supply"] == 3.0
    assert there["high_room"]["supply"] == 3.6
    assert there["cold"]["temperature"] == -40.0


def test_800_units_of_three_lots_go_through_77_sockets(bench: MakeBench, proven: Proven) -> None:
    pressure = bench("pressure")
    found = pressure.run("profiles/burn_in.toml", "e1", "e2", "e3")
    assert passes(found)
    proven(found)
    units = found.assessment.units
    assert len({u.serial for u in units}) == len(units) == 798
    loads = [f["fact"]["sockets"] for f in journal(found, "fact") if f["verb"] == "load"]
    assert len(loads) == 11
    assert all(len(set(load.values())) == len(load) <= 77 for load in loads)
    assert sorted(s for load in loads for s in load) == sorted(u.serial for u in units)
    served = found.assessment.facts["burn-in"]["served_s"]
    assert len(served) == 11
    assert list(served.values()) == pytest.approx([48 * 3600] * 11, rel=1e-3)
    assert {u.lot for u in units} == {"E1", "E2", "E3"}


def test_units_are_stressed_in_one_room_and_tested_in_the_next(
    bench: MakeBench, proven: Proven
) -> None:
    found = bench("rooms").run("profiles/short_two_rooms.toml", "d1")
    assert passes(found)
    proven(found)
    places = [(f["verb"], f["fact"].get("zone")) for f in journal(found, "fact")]
    loaded = [zone for verb, zone in places if verb == "load"]
    assert loaded == ["tester", "oven", "tester", "oven", "tester"]
    data = data_of(found)
    assert {data.zone_of(point) for point in data.readouts} == {"tester"}
    assert {hold["zone"] for hold in data.holds} == {"oven"}
    assert found.assessment.facts["life"]["served_s"][""] == pytest.approx(96 * 3600, rel=1e-3)


def test_six_months_on_the_shelf_give_the_bench_back(calibrated: Bench, proven: Proven) -> None:
    began = calibrated.now
    shelf = calibrated.run("characterisation/drift_6_months", "few")
    assert passes(shelf)
    proven(shelf)
    assert (calibrated.now - began).days == pytest.approx(182, abs=2)
    parks = [f["fact"] for f in journal(shelf, "fact") if f["verb"] == "park"]
    assert [park["after_s"] / 3600 for park in parks] == [730, 1460, 2920, 4380]
    readouts = {r.at["served_s"] for r in results_of(shelf, "error", "pressure", drift=True)}
    assert {seconds / 3600 for seconds in readouts} == {730, 1460, 2920, 4380}
    # Nothing is logged while the bench is somebody else's.
    times = data_of(shelf).log
    gap = max(np.diff(next(iter(times.values())).time_s))
    assert gap > 700 * 3600
