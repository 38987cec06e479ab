"""Proof profiles: stress, cycles, burst, storage and what is done elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from sensorbench.core.errors import InputError
from sensorbench.core.verdict import Verdict
from sensorbench.run.execute import Outcome

from .conftest import MakeBench, Proven
from .proving import SBP1, Bench, data_of, journal, passes, reported, results_of


@pytest.mark.slow
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


@pytest.mark.slow
def test_thb_waits_for_its_preconditioning(
    bench: MakeBench, proven: Proven, tmp_path: Path
) -> None:
    """85 degC, 85 %RH and bias for 1000 h, once somebody else has preconditioned the units."""
    climate = bench("humidity")
    agreed = {"method": ("85/85", "")}
    parked = climate.run("aec_q100/a2_thb", "desk", choices=agreed)
    assert parked.parked is not None
    assert parked.parked["point"] == "PC"
    assert parked.assessment.verdict is Verdict.INVALID
    waiting = reported(parked, tmp_path / "parked")
    english, chinese = waiting.split('<article id="zh"')
    assert english.count("NEVER LOADED") == 2
    assert "no unit was read" in english
    assert "is NOT COMPLETE: the run waits for evidence from elsewhere</p>" in english
    assert "应附加：实验室、日期、报告" in chinese
    assert "不存在；等待中；现有" in chinese
    assert not re.search("NEVER LOADED|is not there|the run was", chinese)

    climate.attach(parked, "laboratory=Lab 4", "date=2026-06-09", days_later=9)
    thb = climate.resume(parked)
    assert thb.root == parked.root
    assert passes(thb)
    html = proven(thb)
    assert "Lab 4" in html
    assert "1000 h to be credited while temperature: 85 °C ±2 K, relative humidity: 85 %RH" in html
    assert "hours: 1000 h; readouts after: 168 h, 500 h; temperature: 85 °C" in html
    assert "Back within: 4 d" in html
    assert "之前：室温、高温" in html
    # Of each instrument both entries, of before and after the park; of one run there is no choice.
    assert re.search(r">#\d+, #\d+<", html)
    assert "in run 1" not in html
    assert thb.assessment.facts["THB"]["served_s"][""] == pytest.approx(3.6e6, rel=1e-3)
    first = data_of(thb).holds[0]
    assert 9.0 < first["start_s"] / 86400 < 10.0
    air = data_of(thb).log["hygrometer.humidity"].whole()
    held = (air.time_s > first["start_s"]) & (air.time_s < first["end_s"])
    assert air.mean[held].mean() == pytest.approx(85.0, abs=2.0)


def test_temperature_cycles_have_readouts_by_cycles(calibrated: Bench, proven: Proven) -> None:
    cycles = calibrated.run("profiles/short_cycles.toml", "few")
    assert passes(cycles)
    proven(cycles)
    facts = cycles.assessment.facts["TC"]
    assert facts["cycles_done"] == facts["cycles_asked"] == 12
    readouts = {r.at["cycles"] for r in results_of(cycles, "error", "pressure")}
    assert readouts == {0, 4, 8, 12}
    air = next(t for t in data_of(cycles).log.values() if t.address == "temperature").whole()
    crossings = np.diff(np.sign(air.mean - 50.0)) != 0
    assert crossings.sum() >= 2 * 12


def test_pressure_is_pulsed_while_temperature_cycles(bench: MakeBench, proven: Proven) -> None:
    """The wave is read at both plateaus, once a minute, on the ramps as in the soaks."""
    pulsed = bench("pulsed")
    pulsed.run("calibration/pressure_temperature", "few")
    found = pulsed.run("profiles/pulsed_cycles.toml", "few")
    assert passes(found)
    html = proven(found)
    assert "soaks" not in html
    assert "Everywhere" not in html  # the monitor read at every temperature
    assert "Readouts after cycles: 2" in html
    facts = found.assessment.facts["pulsed"]
    assert facts["cycles_done"] == facts["cycles_asked"] == 2
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
    html = proven(proof)
    # Asked for over ambient, read against vacuum: the picture shows one beside the other.
    assert html.count("asked for over ambient") == 2
    assert {u.serial for u in proof.assessment.units} == {"30000101", "30000102"}
    drift = _change(proof, "proof front")
    assert all(abs(change) < 20.0 for change in drift.values())  # Pa


def test_burst_is_applied_to_each_port_of_its_own_group(bench: MakeBench, proven: Proven) -> None:
    """Beyond yield a membrane stays bent, at the port that felt it and at no other."""
    burst = bench("burst").run("aec_q103/ps7_burst", "b1")
    assert passes(burst)
    html = proven(burst)
    assert "beyond what the device measures in socket F1: " in html
    assert "插座 F1：超出器件量程，原文“" in html
    loads = [f["fact"]["sockets"] for f in journal(burst, "fact") if f["verb"] == "load"]
    assert [sorted(load) for load in loads] == [["30000101", "30000102"], ["30000201"]]
    for phase, bent in (("burst front", "pressure_front"), ("burst back", "pressure_back")):
        for (_, channel), change in _change(burst, phase).items():
            assert (abs(change) > 20.0) is (channel == bent)  # Pa
    assert not journal(burst, "retry")


SLOW_WAVE = """
id = "own/slow"
title = "Slow"
source = "own"
[[phase]]
kind = "stress"
name = "slow"
units = "front"
set = { pressure = { front = { low = "20 kPa", high = "80 kPa", period = "5 min" } } }
hours = "6 min"
test = { before = ["room"], after = ["room"] }
"""


def test_a_wave_that_the_program_makes_counts_from_ambient_too(bench: MakeBench) -> None:
    """Too slow for the pulser, so it is sent to and fro; the pulser counts from vacuum."""
    burst = bench("burst")
    (burst.workspace.root / "slow.toml").write_text(SLOW_WAVE, encoding="utf-8")
    trace = data_of(burst.run("slow.toml", "b1")).log["booster_front.pressure"].whole()
    inside = np.isfinite(trace.mean)
    assert trace.high[inside].max() == pytest.approx(80e3 + 101_325.0, abs=2e3)
    settled = trace.low[inside][trace.low[inside] > 110e3]
    assert settled.min() == pytest.approx(20e3 + 101_325.0, abs=2e3)


def test_far_beyond_it_a_membrane_is_torn_and_fails(bench: MakeBench, proven: Proven) -> None:
    torn = bench("burst").run("profiles/to_destruction.toml", "b1")
    assert torn.assessment.verdict is Verdict.FAIL
    proven(torn)
    failed = [(r.serial, r.channel) for r in torn.assessment.results if r.verdict is Verdict.FAIL]
    assert failed == [("30000101", "pressure_front"), ("30000102", "pressure_front")]


def _change(outcome: Outcome, phase: str) -> dict[tuple[str, str], float]:
    """Return by unit and port how far the offset moved from before a phase to after it, in Pa."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for r in results_of(outcome, "offset", phase=phase):
        found.setdefault((r.serial, r.channel), []).append((r.at["step"], r.value))
    return {key: max(rows)[1] - min(rows)[1] for key, rows in found.items()}


@pytest.mark.slow
def test_storage_at_temperature_has_no_bias(calibrated: Bench, proven: Proven) -> None:
    htsl = calibrated.run("aec_q100/a6_htsl", "few")
    assert passes(htsl)
    html = proven(htsl)
    assert "while temperature: 150 °C ±3 K; off meanwhile: supply voltage, pressure" in html
    assert "AEC-Q100 grade 1 (by the part" in html
    assert "Readings while it went on" not in html  # none were asked for
    assert htsl.assessment.facts["HTSL"]["served_s"][""] == pytest.approx(3.6e6, rel=1e-3)
    data = data_of(htsl)
    (hold, *_) = data.holds
    supply = next(t for t in data.log.values() if t.address == "supply").whole()
    air = next(t for t in data.log.values() if t.address == "temperature").whole()
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
    calibrated.attach(parked, *said, units=dict.fromkeys(SBP1, "pass"), days_later=14)
    shock = calibrated.resume(parked)
    assert passes(shock)
    html = proven(shock)
    assert "Attached on" in html
    assert "结果：冲击前" in html
    assert "要求附加" not in html
    assert {r.serial: r.value for r in results_of(shock, "external")} == dict.fromkeys(SBP1, 1.0)
    drift = results_of(shock, "error", phase="after", drift=True)
    assert len(drift) == 3 * 3 * 3
    (event,) = journal(shock, "attached")
    for file in event["files"]:
        assert (shock.root / file["file"]).is_file()


def test_a_vibration_is_proven_by_the_record_of_the_shakers_controller(
    calibrated: Bench, proven: Proven
) -> None:
    parked = calibrated.run("aec_q100/g2_vfv", "few")
    said = ["laboratory=here", "date=2026-06-20", "method=JESD22-B103, condition 1"]
    said += [f"controller's record of {axis}=sweep_{axis}.vcp" for axis in "xyz"]
    calibrated.attach(parked, *said, units=dict.fromkeys(SBP1, "pass"))
    vibrated = calibrated.resume(parked)
    assert passes(vibrated)
    html = proven(vibrated)
    assert all(f"sweep_{axis}.vcp" in html for axis in "xyz")
    assert "要求附加" not in html


def test_a_unit_that_failed_elsewhere_fails_here(calibrated: Bench, proven: Proven) -> None:
    parked = calibrated.run("aec_q100/g1_ms", "few")
    said = ("laboratory=Shock Lab", "date=2026-06-20", "method=1500 g, 0.5 ms")
    units = dict.fromkeys(SBP1, "pass") | {"26100002": "fail"}
    calibrated.attach(parked, *said, units=units)
    shock = calibrated.resume(parked)
    verdicts = {unit.serial: unit.verdict for unit in shock.assessment.units}
    assert verdicts == dict.fromkeys(SBP1, Verdict.PASS) | {"26100002": Verdict.FAIL}
    assert "外部实验室结论：不合格" in proven(shock)
