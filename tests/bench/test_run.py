"""A run end to end: what comes out, what a fault does, and how it ends when it is stopped."""

import json
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from sensorbench.app.demo import write_demo
from sensorbench.assessment.assess import assess
from sensorbench.assessment.readings import RunData
from sensorbench.assessment.results import Assessment, as_json
from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import BenchError, LinkTimeout
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.canonical import sha256
from sensorbench.evidence.check import Level, check
from sensorbench.evidence.journal import Event, JournalWriter
from sensorbench.evidence.run import RunReader
from sensorbench.run.execute import Outcome, execute
from sensorbench.run.progress import Status
from sensorbench.safety.interlocks import SafetyStop
from sensorbench.station.station import Station, open_station
from sensorbench.station.workspace import Workspace, load_job

RunDemo = Callable[..., Outcome]
SHORT = "profiles/short_calibration.toml"
FULL = "calibration/pressure_temperature"
HTOL = "aec_q100/b1_htol"


def by_unit(outcome: Outcome, name: str) -> dict[str, float]:
    return {r.serial: r.value for r in outcome.assessment.results if r.name == name}


def test_healthy_units_keep_0_1_percent_of_full_scale_over_points_not_fitted(
    run_demo: RunDemo,
    tmp_path: Path,
) -> None:
    outcome = run_demo(tmp_path, FULL, units=6)
    bands = by_unit(outcome, "total_error_band")
    assert len(bands) == 6
    assert max(bands.values()) <= 100.0  # Pa, of 100 kPa full scale
    assert outcome.assessment.verdict is Verdict.PASS


def test_the_coefficients_make_what_the_world_holds(run_demo: RunDemo, tmp_path: Path) -> None:
    """Not against the run's own reference: against the simulated world's true pressure."""
    run_demo(tmp_path, FULL, units=2)
    workspace = Workspace(tmp_path)
    job = load_job(workspace, FULL, "sbp1")
    clock = VirtualClock()
    lots = [(job.lot, job.part)]
    with open_station(job.station, clock, lots, workspace.load_memory()) as station:
        station.role("supply").set_voltage(3.3, 0.1)
        station.role("supply").switch(True)
        station.role("pressure_source").set_pressure(83_000.0)
        clock.sleep(120)
        sensor = station.sensor("S001", job.part)
        readings = np.mean([sensor.sample()[2] for _ in range(50)])
        assert readings == pytest.approx(83_000.0, abs=30.0)


def test_a_failing_unit_fails_with_its_reason_and_an_empty_socket_is_invalid(
    made_run: Outcome,
) -> None:
    verdicts = {unit.serial: unit for unit in made_run.assessment.units}
    assert verdicts["26000001"].verdict is Verdict.PASS
    assert verdicts["26000002"].verdict is Verdict.FAIL
    assert "Total error band" in verdicts["26000002"].reasons[0]
    assert "is above 100 Pa" in verdicts["26000002"].reasons[0]
    assert verdicts["26000003"].verdict is Verdict.INVALID
    assert "socket S003" in verdicts["26000003"].reasons[0]
    assert "acknowledge" in verdicts["26000003"].reasons[0]
    assert verdicts["26000004"].verdict is Verdict.PASS


def test_one_seed_gives_identical_results_and_another_gives_others(
    run_demo: RunDemo, tmp_path: Path
) -> None:
    one = as_json(run_demo(tmp_path / "a", seed=1).assessment)
    same = as_json(run_demo(tmp_path / "b", seed=1).assessment)
    other = as_json(run_demo(tmp_path / "c", seed=2).assessment)
    assert one == same
    assert one["results"] != other["results"]


def test_htol_drifts_are_against_the_first_readout_and_the_stress_is_counted(
    stressed: Outcome,
) -> None:
    outcome = stressed
    results = outcome.assessment.results
    assert outcome.assessment.verdict is Verdict.PASS
    assert outcome.assessment.facts["stress_hours"]["HTOL"] == pytest.approx(1000, abs=0.5)
    assert {(r.hours, r.condition) for r in results} == {
        (h, c) for h in (0.0, 168.0, 500.0, 1000.0) for c in ("room", "cold", "hot")
    }
    one = {(r.name, r.hours): r for r in results if r.serial == "26000001" and r.condition == "hot"}
    drift = one["pressure_error_mid_drift", 1000.0]
    change = one["pressure_error_mid", 1000.0].value - one["pressure_error_mid", 0.0].value
    assert drift.value == pytest.approx(change)
    assert drift.sources == (
        *one["pressure_error_mid", 0.0].sources,
        *one["pressure_error_mid", 1000.0].sources,
    )


def test_every_result_names_a_readout_that_holds_its_numbers(made_run: Outcome) -> None:
    run = RunReader(made_run.root)
    data = RunData(run)
    readouts = {readout.seq: readout for readout in data.readouts}
    for result in made_run.assessment.results:
        if result.name == "total_error_band" and result.verdict is Verdict.PASS:
            (seq,) = result.sources
            index = data.serials.index(result.serial)
            readout = readouts[seq]
            error = readout.values["pressure"][index] - readout.references["pressure"]
            assert abs(error) == pytest.approx(result.value)


class Breaks:
    """Progress that raises at a step, as Ctrl-C or a failing disk would."""

    def __init__(self, at: int, error: BaseException) -> None:
        self.at, self.error = at, error

    def show(self, status: Status) -> None:
        if status.step >= self.at:
            raise self.error


def opened(root: Path, clock: VirtualClock | None = None) -> tuple[Workspace, object, object]:
    write_demo(root, 1, date(2026, 6, 1), units=2)
    workspace = Workspace(root)
    job = load_job(workspace, SHORT, "sbp1")
    clock = clock or VirtualClock(datetime(2026, 6, 1, tzinfo=UTC))
    return workspace, job, open_station(job.station, clock, [(job.lot, job.part)])


def is_safe(station: Station) -> bool:
    chamber, supply = station.role("temperature_chamber"), station.role("supply")
    return chamber.read_mode() in {"STANDBY", "OFF"} and not supply.is_on()


def test_ctrl_c_leaves_the_bench_safe_and_the_evidence_consistent(tmp_path: Path) -> None:
    workspace, job, station_context = opened(tmp_path)
    with station_context as station:  # type: ignore[attr-defined]
        with pytest.raises(KeyboardInterrupt):
            execute(workspace, job, station, Breaks(20, KeyboardInterrupt()))  # type: ignore[arg-type]
        assert is_safe(station)
    (root,) = workspace.evidence.iterdir()
    assert [finding.level for finding in check(root)] == [Level.INCOMPLETE]
    events = list(RunReader(root).events("safe_state", "run_ended"))
    assert [event.kind for event in events] == ["safe_state", "run_ended"]
    assert events[0].data["problems"] == []
    assert events[1].data["state"] == "interrupted"


def test_an_instrument_that_stops_answering_ends_the_run_with_the_bench_safe(
    tmp_path: Path,
) -> None:
    workspace, job, station_context = opened(tmp_path)
    with station_context as station:  # type: ignore[attr-defined]
        driver = station.role("pressure_source")
        calls = iter(range(10**6))

        def fails() -> float:
            if next(calls) > 50:
                raise LinkTimeout("pressure: no answer to ':SENS:PRES?' within 2 s")
            return float(type(driver).read_pressure_pa(driver))

        driver.read_pressure_pa = fails
        with pytest.raises(BenchError, match="pressure: no answer"):
            execute(workspace, job, station)  # type: ignore[arg-type]
        assert is_safe(station)
    (root,) = workspace.evidence.iterdir()
    (ended,) = RunReader(root).events("run_ended")
    assert ended.data["state"] == "failed"
    assert "no answer" in ended.data["reason"]


def test_a_chamber_alarm_stops_the_run(tmp_path: Path) -> None:
    workspace, job, station_context = opened(tmp_path)
    with station_context as station:  # type: ignore[attr-defined]
        station.role("temperature_chamber").read_alarms = lambda: (7,)
        with pytest.raises(SafetyStop, match="the chamber reports alarm 7"):
            execute(workspace, job, station)  # type: ignore[arg-type]
        assert is_safe(station)


@pytest.mark.parametrize("error", [LinkTimeout("no answer within 2 s"), ValueError("what?")])
def test_what_could_not_be_made_safe_is_told_and_the_rest_is_safe(
    tmp_path: Path, error: Exception
) -> None:
    workspace, job, station_context = opened(tmp_path)
    with station_context as station:  # type: ignore[attr-defined]

        def fails() -> None:
            raise error

        station.role("temperature_chamber").make_safe = fails
        with pytest.raises(KeyboardInterrupt) as stopped:
            execute(workspace, job, station, Breaks(20, KeyboardInterrupt()))  # type: ignore[arg-type]
        assert not station.role("supply").is_on()
    notes = stopped.value.__notes__
    assert notes[0].startswith("NOT SAFE: chamber: ")
    assert notes[0].endswith("Make it safe by hand.")
    assert not any("in its safe state" in note for note in notes)


def test_signals_wait_until_the_bench_is_safe(tmp_path: Path) -> None:
    workspace, job, station_context = opened(tmp_path)
    with station_context as station:  # type: ignore[attr-defined]
        driver = station.role("temperature_chamber")
        make_safe = driver.make_safe

        def interrupted() -> None:
            signal.raise_signal(signal.SIGINT)
            make_safe()

        driver.make_safe = interrupted
        with pytest.raises(KeyboardInterrupt):
            execute(workspace, job, station, Breaks(20, KeyboardInterrupt()))  # type: ignore[arg-type]
        assert is_safe(station)
    (root,) = workspace.evidence.iterdir()
    assert [e.kind for e in RunReader(root).events("safe_state", "run_ended")] == [
        "safe_state",
        "run_ended",
    ]


def test_an_answer_that_does_not_arrive_once_is_asked_for_again_and_recorded(
    tmp_path: Path,
) -> None:
    workspace, job, station_context = opened(tmp_path)
    with station_context as station:  # type: ignore[attr-defined]
        driver = station.role("temperature_chamber")
        read, calls = driver.read_temperature_c, iter(range(10**6))

        def glitch() -> float:
            if next(calls) == 30:
                raise LinkTimeout("chamber: no answer to 'TEMP?'")
            return float(read())

        driver.read_temperature_c = glitch
        outcome = execute(workspace, job, station)  # type: ignore[arg-type]
    assert outcome.assessment.verdict is Verdict.PASS
    (retry,) = RunReader(outcome.root).events("retry")
    assert "no answer to 'TEMP?'" in retry.data["reason"]


def without(outcome: Outcome, target: Path, drop: Callable[[Event], bool]) -> Assessment:
    """Assess a copy of a run's evidence whose journal never had some events."""
    shutil.copytree(outcome.root, target)
    kept = [event for event in RunReader(target).events() if not drop(event)]
    (target / "journal.jsonl").unlink()
    writer = JournalWriter(target / "journal.jsonl", sha256((target / "run.json").read_bytes()))
    for event in kept:
        writer.append(event.t, event.time, event.kind, event.data)
    writer.commit()
    writer.close()
    return assess(RunReader(target))


@pytest.fixture(scope="module")
def stressed(run_demo: RunDemo, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    root = tmp_path_factory.mktemp("stressed")
    run_demo(root, FULL, units=2)
    workspace = Workspace(root)
    job = load_job(workspace, HTOL, "sbp1")
    clock = VirtualClock(datetime(2026, 6, 2, tzinfo=UTC))
    lots = [(job.lot, job.part)]
    with open_station(job.station, clock, lots, workspace.load_memory()) as station:
        return execute(workspace, job, station)


def test_hours_that_were_not_recorded_were_not_given(stressed: Outcome, tmp_path: Path) -> None:
    dwells = [
        (e.data["start_s"], e.data["end_s"]) for e in RunReader(stressed.root).events("dwell")
    ]
    start_s = json.loads((stressed.root / "run.json").read_bytes())["clock_start_s"]

    def inside(event: Event) -> bool:
        t = event.t + start_s
        return event.kind == "log" and any(a + 1 < t < b - 1 for a, b in dwells)

    found = without(stressed, tmp_path / stressed.root.name, inside)
    assert found.verdict is Verdict.INVALID
    assert "of stress are on record at temperature and bias" in found.units[0].reasons[0]


@pytest.mark.parametrize(("key", "value"), [("condition", "hot"), ("hours", 1000.0)])
def test_a_planned_readout_that_is_not_there_is_no_pass(
    stressed: Outcome, tmp_path: Path, key: str, value: object
) -> None:
    found = without(
        stressed,
        tmp_path / stressed.root.name,
        lambda event: event.kind == "readout" and event.data["asked"][key] == value,
    )
    assert found.verdict is Verdict.INVALID
    assert "planned readouts of HTOL are not there" in found.units[0].reasons[0]


def test_the_instruments_own_protections_are_set_before_anything_moves(made_run: Outcome) -> None:
    events = list(RunReader(made_run.root).events("armed", "step"))
    assert events[0].kind == "armed"
    assert events[0].data == {
        "chamber_low_c": -48.0,
        "chamber_high_c": 133.0,
        "over_voltage_v": 3.7,
    }


def test_a_unit_of_another_serial_number_is_invalid(tmp_path: Path) -> None:
    write_demo(tmp_path, 1, date(2026, 6, 1), units=2)
    workspace = Workspace(tmp_path)
    job = load_job(workspace, SHORT, "sbp1")
    swapped = job.lot.model_copy(
        update={
            "unit": tuple(
                unit.model_copy(update={"socket": other.socket})
                for unit, other in zip(job.lot.unit, reversed(job.lot.unit), strict=True)
            )
        }
    )
    clock = VirtualClock(datetime(2026, 6, 1, tzinfo=UTC))
    with open_station(job.station, clock, [(swapped, job.part)]) as station:
        outcome = execute(workspace, job, station)
    assert {unit.verdict for unit in outcome.assessment.units} == {Verdict.INVALID}
    assert (
        "socket S001 holds 26000002, the lot says 26000001"
        in (outcome.assessment.units[0].reasons[0])
    )


def test_a_soak_that_never_settles_makes_its_results_invalid(tmp_path: Path) -> None:
    write_demo(tmp_path, 1, date(2026, 6, 1), units=2)
    workspace = Workspace(tmp_path)
    path = workspace.root / SHORT
    path.write_text(path.read_text().replace('within = "20 Pa"', 'within = "0.001 Pa"'))
    job = load_job(workspace, SHORT, "sbp1")
    clock = VirtualClock(datetime(2026, 6, 1, tzinfo=UTC))
    with open_station(job.station, clock, [(job.lot, job.part)]) as station:
        outcome = execute(workspace, job, station)
    assert outcome.assessment.verdict is Verdict.INVALID
    assert "was not reached in 20 min" in " ".join(outcome.assessment.units[0].reasons) or (
        "too few readings to fit" in outcome.assessment.units[0].reasons[0]
    )


def test_everything_simulated_says_so(made_run: Outcome) -> None:
    assert made_run.root.name.startswith("SIM-")
    manifest = json.loads((made_run.root / "run.json").read_bytes())
    seal = json.loads((made_run.root / "seal.json").read_bytes())
    assert manifest["provenance"] == "simulated"
    assert "simulated" in seal["payload_type"]
    for event in RunReader(made_run.root).events("instrument"):
        assert event.data["provenance"] == "simulated"


@pytest.mark.slow
def test_wire_and_in_process_give_the_same_coefficients_and_verdicts(
    run_demo: RunDemo, tmp_path: Path
) -> None:
    """Every instrument behind a real pty or TCP port, reached through pyserial and pyvisa-py."""
    inside = run_demo(tmp_path / "inside", units=4)
    write_demo(tmp_path / "wire", 1, date(2026, 6, 1), units=4)
    workspace = Workspace(tmp_path / "wire")
    job = load_job(workspace, SHORT, "sbp1")
    with open_station(
        job.station, RealClock(2000), [(job.lot, job.part)], {}, wire=True
    ) as station:
        links = {
            type(i.driver._line).__name__ for i in station.instruments if i.name != "thermometer"
        }
        assert links == {"SerialLine", "VisaLine"}
        wire = execute(workspace, job, station)
    verdicts = [[u.verdict for u in o.assessment.units] for o in (inside, wire)]
    assert verdicts[0] == verdicts[1] == [Verdict.PASS] * 4
    raw = RunData(RunReader(inside.root)).of_phase("fit")
    for one, other in zip(_pressures(inside, raw), _pressures(wire, raw), strict=True):
        # A single reading has 3 Pa of noise (docs/devices/sbp1.md, section 1).
        assert np.sqrt(((one - other) ** 2).mean()) < 3.0


def _pressures(outcome: Outcome, readouts: list[object]) -> list[np.ndarray]:
    """Evaluate each unit's written coefficients at the same raw counts, in Pa."""
    (event,) = RunReader(outcome.root).events("calibration")
    terms = event.data["formats"][0]["terms"]
    found = []
    for index, serial in enumerate(sorted(event.data["units"])):
        words = event.data["units"][serial]["written"][: len(terms)]
        r, t = (
            np.array([readout.values[name][index] for readout in readouts]) / 2**23  # type: ignore[attr-defined]
            for name in ("pressure_raw", "temperature_raw")
        )
        total = sum(w / 2**20 * r**i * t**j for w, (i, j) in zip(words, terms, strict=True))
        found.append(70_000 + 50_000 * total)
    return found
