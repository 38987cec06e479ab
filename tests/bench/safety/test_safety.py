"""Safety stands apart: each end by itself, every meter counts, whatever a profile logs or asks."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sensorbench.assessment.data import RunData
from sensorbench.core.errors import InputError, LinkTimeout, ProtocolError
from sensorbench.core.verdict import Verdict
from sensorbench.profiles.needs import needs
from sensorbench.safety.limits import SafetyStop
from sensorbench.station.station import Station

from ...workspaces import (
    HEAD,
    QUICK,
    data_of,
    events,
    execute_ending,
    job_of,
    opened,
    problems,
    run,
)
from ..run.climate import CLIMATE, bake, done, fault, phase_of_tests, workspace

Bench = tuple[SafetyStop, Path, float]
SOON = HEAD + QUICK.replace("4 h", "1 h")
"""Soaks that give up soon: for benches on which nothing settles any more."""


def tripped(
    root: Path, phases: str, faults: str = "", station: str = CLIMATE, head: str = HEAD + QUICK,
    implied: bool = True,
) -> Bench:  # fmt: skip
    """Run what safety must stop; return the stop, the evidence, and when, in s from the start."""
    there = workspace(root, phases, faults, station=station, head=head)
    job = job_of(there)
    with opened(there, job) as opened_station:
        raised = execute_ending(there, job, opened_station, implied=implied)
    assert isinstance(raised, SafetyStop), raised
    (found,) = there.evidence.iterdir()
    trip = events(found, "trip")
    assert [event.kind for event in trip] == ["trip"]
    (ended,) = events(found, "run_ended")
    assert ended.data["state"] == "stopped by safety"
    return raised, found, trip[0].t


# -- found on 0.1.0 --------------------------------------------------------------------------------


def test_a_chamber_sensor_that_sticks_while_the_reference_climbs_is_a_trip(tmp_path: Path) -> None:
    """The controller heats on for its stuck sensor; another thermometer knows better."""
    phases = bake("100 h", temperature="125 degC")
    station = CLIMATE.replace('high = "155 degC"', 'high = "130 degC"')
    stop, root, at_s = tripped(tmp_path, phases, fault("chamber", "sensor_stuck", "10 h"), station)
    assert stop.code == "limit"
    assert stop.values["meter"] == "thermometer.temperature"
    assert stop.values["end"] == "high"
    assert stop.values["value"] > 130.0
    assert 10 * 3600 < at_s < 12 * 3600
    assert events(root, "safe_state")[0].data["problems"] == []


def test_a_chamber_that_sticks_below_the_limit_is_never_a_pass(tmp_path: Path) -> None:
    """Inside the bench's limits, but not where it was to be: hours are not credited."""
    phases = bake("20 h", 'longest = "22 h"', temperature="85 degC")
    outcome = done(tmp_path, phases, fault("chamber", "sensor_stuck", "5 h"))
    assert outcome.assessment.verdict is Verdict.INVALID
    assert "not_served" in [r.code for u in outcome.assessment.units for r in u.reasons]
    hold = events(outcome, "hold")[0].data
    assert hold["credit_s"] < 6 * 3600
    assert [e.data["address"] for e in events(outcome, "disagree")] == ["temperature"]


def test_a_chamber_that_reads_no_number_never_settles_and_never_credits(tmp_path: Path) -> None:
    # It breaks on the way up, and nobody knows the air's temperature any more.
    outcome = done(
        tmp_path, bake("3 h", 'longest = "4 h"'), fault("chamber", "sensor_open", "8 min")
    )
    assert outcome.assessment.verdict is Verdict.INVALID
    soaks = [
        e.data["settled"] for e in events(outcome, "soak") if "temperature" in e.data["addresses"]
    ]
    assert soaks[0] is True
    assert not any(soaks[1:])
    assert [event.data["credit_s"] for event in events(outcome, "hold")] == [0.0]
    assert [event.data["meter"] for event in events(outcome, "meter_lost")] == [
        "chamber.temperature"
    ]


@pytest.mark.parametrize("log", ["1 min", "12 h", "1000 h"])
def test_however_seldom_it_logs_safety_looks_as_often(tmp_path: Path, log: str) -> None:
    station = CLIMATE.replace('high = "155 degC"', 'high = "130 degC"')
    head = f'{HEAD}log = "{log}"\n{QUICK}'
    phases = bake("1000 h", temperature="125 degC")
    _, _, at_s = tripped(tmp_path, phases, fault("chamber", "sensor_stuck", "30 h"), station, head)
    assert 30 * 3600 < at_s < 30.5 * 3600


def test_a_supply_that_goes_wrong_is_a_trip_within_seconds(tmp_path: Path) -> None:
    station = CLIMATE
    there = workspace(tmp_path, bake("100 h", 'start = "always"'), station=station,
                      head=f'{HEAD}log = "1000 h"\n{QUICK}')  # fmt: skip
    job = job_of(there)
    with opened(there, job) as bench:
        moment: list[float] = []
        meter = bench.bindings.rows["", "supply"].meters[0]
        original = bench.member

        def member(ref: Any) -> Any:
            found = original(ref)
            if str(ref) != str(meter):
                return found

            def read() -> Any:
                now = bench.clock.now()
                if now > 36_000:
                    moment.append(now)
                    return 5.0
                return found._read()  # type: ignore[union-attr]

            return replace(found, _read=read)  # type: ignore[type-var]

        bench.member = member  # type: ignore[method-assign]
        raised = execute_ending(there, job, bench, implied=False)
    assert isinstance(raised, SafetyStop)
    assert raised.values["address"] == "supply"
    assert moment[0] - 36_000 < 2.0


# -- meters ----------------------------------------------------------------------------------------


def lose(*names: str, from_s: float = 3600.0, to_s: float = math.inf) -> Any:
    """Return what makes meters fail from a moment on."""

    def before(station: Station) -> None:
        original = station.meters

        def meters(row: Any) -> Any:

            found = []
            for name, meter in original(row):
                if name not in names:
                    found.append((name, meter))
                    continue

                def read(meter: Any = meter, name: str = name) -> Any:
                    if from_s <= station.clock.now() < to_s:
                        raise LinkTimeout(f"{name}: no answer within 3 s")
                    return meter._read()

                found.append((name, replace(meter, _read=read)))
            return found

        station.meters = meters  # type: ignore[method-assign]

    return before


def test_losing_one_of_two_meters_is_an_alarm_and_its_hours_are_not_credited(
    tmp_path: Path,
) -> None:
    there = workspace(tmp_path, bake("2 h", 'longest = "3 h"'), head=SOON)
    outcome = run(there, before=lose("thermometer.temperature"), implied=False)
    (lost,) = events(outcome, "meter_lost")
    assert lost.data["meter"] == "thermometer.temperature"
    assert "no answer" in lost.data["reason"]
    assert events(outcome, "trip") == []
    assert events(outcome, "run_ended")[0].data["state"] == "complete"
    assert events(outcome, "hold")[0].data["credit_s"] < 3600
    assert outcome.assessment.verdict is Verdict.INVALID


def test_losing_the_last_meter_is_a_trip(tmp_path: Path) -> None:
    there = workspace(tmp_path, bake("5 h"))
    job = job_of(there)
    with opened(there, job) as station:
        lose("thermometer.temperature", "chamber.temperature")(station)
        raised = execute_ending(there, job, station, implied=False)
    assert isinstance(raised, SafetyStop)
    assert raised.code == "meters_lost"
    assert raised.values["address"] == "temperature"


@pytest.mark.parametrize(
    ("said", "after_s"),
    [("", 10.0), ("lost = 1\n", 0.0), ("lost = 4\n", 30.0), ('lost = "1 min"\n', 60.0)],
)
def test_a_place_says_how_long_its_last_meter_may_be_lost(
    tmp_path: Path, said: str, after_s: float
) -> None:
    station = CLIMATE.replace("[bench.temperature]\n", f"[bench.temperature]\n{said}")
    there = workspace(tmp_path, bake("5 h"), station=station)
    job = job_of(there)
    with opened(there, job) as bench:
        lose("thermometer.temperature", "chamber.temperature")(bench)
        raised = execute_ending(there, job, bench, implied=False)
    assert isinstance(raised, SafetyStop)
    (root,) = there.evidence.iterdir()
    assert events(root, "trip")[0].t == pytest.approx(3600.0 + after_s, abs=1.0)


def test_fewer_polls_than_a_place_tolerates_are_no_loss(tmp_path: Path) -> None:
    station = CLIMATE.replace("[bench.temperature]\n", "[bench.temperature]\nlost = 4\n")
    there = workspace(tmp_path, bake("2 h", 'longest = "3 h"'), head=SOON, station=station)
    before = lose("thermometer.temperature", "chamber.temperature", to_s=3600.0 + 25.0)
    outcome = run(there, before=before, implied=False)
    assert events(outcome, "trip", "meter_lost") == []


@pytest.mark.parametrize("said", ["lost = 0", "lost = 61", 'lost = "11 min"', "lost = true"])
def test_a_loss_that_nobody_would_notice_is_refused(tmp_path: Path, said: str) -> None:
    station = CLIMATE.replace("[bench.temperature]\n", f"[bench.temperature]\n{said}\n")
    there = workspace(tmp_path, bake("5 h"), station=station)
    with pytest.raises(InputError, match="lost"):
        job_of(there)


def test_a_meter_that_comes_back_is_noted(tmp_path: Path) -> None:
    there = workspace(tmp_path, bake("5 h"))
    before = lose("thermometer.temperature", from_s=7200.0, to_s=9000.0)
    outcome = run(there, before=before, implied=False)
    kinds = [e.kind for e in events(outcome, "meter_lost", "meter_back")]
    assert kinds == ["meter_lost", "meter_back"]
    # What was not seen was not given, the rest was, and it was served longer for it.
    hold = events(outcome, "hold")[0].data
    assert hold["credit_s"] == pytest.approx(5 * 3600, abs=1)
    assert hold["end_s"] - hold["start_s"] > 5 * 3600 + 1700
    assert outcome.assessment.verdict is Verdict.PASS


def test_one_missed_answer_is_no_loss(tmp_path: Path) -> None:
    there = workspace(tmp_path, bake("2 h"))
    before = lose("thermometer.temperature", from_s=5000.0, to_s=5009.0)
    outcome = run(there, before=before, implied=False)
    assert events(outcome, "meter_lost") == []
    assert len(events(outcome, "retry")) == 1
    assert outcome.assessment.verdict is Verdict.PASS


def test_a_reading_that_is_no_number_is_a_meter_that_is_lost(tmp_path: Path) -> None:
    there = workspace(tmp_path, bake("2 h"))
    job = job_of(there)
    with opened(there, job) as station:
        meter = station.meters(station.bindings.rows["", "temperature"])[0][1]

        broken = replace(meter, _read=lambda: math.nan)
        with pytest.raises(ProtocolError, match=r"reads nan: that is no temperature"):
            broken.read()
        with pytest.raises(ProtocolError, match="over its range"):
            replace(meter, _read=lambda: 9.9e37).read()


# -- limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "temperature", "end"),
    [
        ('high = "80 degC"', "85 degC", ""),  # check refuses what is asked beyond it
        ('high = "130 degC"', "125 degC", "high"),
        ('low = "-60 degC"', "125 degC", ""),  # only low: nothing stops it upwards
    ],
)
def test_each_end_of_a_limit_stands_by_itself(
    tmp_path: Path, limits: str, temperature: str, end: str
) -> None:
    station = CLIMATE.replace('low = "-60 degC"\nhigh = "155 degC"', limits)
    phases = bake("20 h", 'longest = "21 h"', temperature=temperature)
    stuck = fault("chamber", "sensor_stuck", "10 h")
    if end:
        stop, _, _ = tripped(tmp_path, phases, stuck, station)
        assert stop.values["end"] == end
    elif "low" in limits:
        there = workspace(tmp_path, phases, stuck, station=station)
        assert events(run(there), "trip") == []
    else:
        there = workspace(tmp_path, phases, station=station)
        assert "85 degC is outside what this bench may do" in problems(there)


def test_a_limit_that_is_not_given_leaves_the_instruments_own_as_it_is(tmp_path: Path) -> None:
    station = CLIMATE.replace('low = "-60 degC"\nhigh = "155 degC"', 'high = "130 degC"')
    outcome = run(workspace(tmp_path, phase_of_tests("t"), station=station))
    (armed,) = events(outcome, "armed")
    assert armed.data["temperature"] == {"by": "chamber.temperature", "low": -75.0, "high": 133.0}


def test_what_a_person_set_tighter_stays(tmp_path: Path) -> None:
    def tighter(station: Station) -> None:
        chamber: Any = next(i for i in station.instruments if i.name == "chamber").driver
        chamber.temperature.protect(-20.0, 90.0)

    outcome = run(workspace(tmp_path, phase_of_tests("t")), before=tighter)
    (armed,) = events(outcome, "armed")
    assert (armed.data["temperature"]["low"], armed.data["temperature"]["high"]) == (-20.0, 90.0)


def test_a_limit_may_be_exceeded_for_its_delay(tmp_path: Path) -> None:
    station = CLIMATE.replace('high = "155 degC"', 'high = "130 degC"\ndelay = "30 min"')
    phases = bake("100 h", temperature="125 degC")
    stuck = fault("chamber", "sensor_stuck", "10 h")
    _, _, at_once = tripped(
        tmp_path / "a", phases, stuck, station.replace('delay = "30 min"\n', "")
    )
    _, _, delayed = tripped(tmp_path / "b", phases, stuck, station)
    assert delayed - at_once == pytest.approx(1800, abs=11)


def test_an_alarm_of_an_instrument_is_a_trip_in_its_words(tmp_path: Path) -> None:
    stop, root, at_s = tripped(tmp_path, bake("100 h"), fault("chamber", "alarm", "7 h"))
    assert stop.code == "alarm"
    assert stop.values["instrument"] == "chamber"
    assert 7 * 3600 <= at_s < 7 * 3600 + 21
    assert str(stop).count("manual") == 1
    assert events(root, "trip")[0].data["values"]["alarms"]


def test_an_instrument_that_is_mute_hides_no_alarm_of_another(tmp_path: Path) -> None:
    mute = fault("chamber", "silent", "50 h") + fault("psu", "trip1", "51 h")
    stop, _, at_s = tripped(tmp_path, bake("100 h"), mute)
    assert (stop.code, stop.values["instrument"]) == ("alarm", "psu")
    assert 51 * 3600 <= at_s < 51 * 3600 + 21


def test_a_trip_writes_the_last_polls_and_makes_the_bench_safe(tmp_path: Path) -> None:
    station = CLIMATE.replace('high = "155 degC"', 'high = "130 degC"')
    phases = bake("100 h", temperature="125 degC")
    head = f'{HEAD}log = "12 h"\n{QUICK}'
    _, root, at_s = tripped(
        tmp_path, phases, fault("chamber", "sensor_stuck", "10 h"), station, head
    )
    trace = RunData.read(root).log["thermometer.temperature"].whole()
    assert trace.time_s[-1] == pytest.approx(at_s, abs=1.0)
    assert trace.high[-1] > 130.0


# -- what stands still -----------------------------------------------------------------------------


def test_a_meter_that_stops_answering_while_all_stands_still_is_lost_in_two_polls(
    tmp_path: Path,
) -> None:
    _, root, at_s = tripped(tmp_path, bake("100 h", 'start = "always"').replace(
        'set = { temperature = "85 degC" }', 'set = { supply = "max", temperature = "85 degC" }'),
        fault("psu", "silent", "50 h"))  # fmt: skip
    assert events(root, "trip")[0].data["code"] == "meters_lost"
    assert 0 < at_s - 50 * 3600 < 3.0  # the supply is looked at every second


# -- what a run touches ----------------------------------------------------------------------------


def test_what_a_run_touches_is_what_it_was_said_to_need(tmp_path: Path) -> None:
    outcome = done(
        tmp_path,
        phase_of_tests("t") + bake("2 h", 'monitor = { every = "30 min" }')
        + '[[phase]]\nkind = "steps"\nname = "s"\nset = { supply = ["3.0 V", "max"] }\n'
        'dwell = "1 s"\n',
    )  # fmt: skip
    asked = needs(data_of(outcome).schedule)
    touched = {e.data["address"] for e in events(outcome, "sent")}
    waited = {where for e in events(outcome, "soak") for where in e.data["addresses"]}
    assert touched == asked.sets[""]
    assert waited == asked.settles[""]
    # Everything else that is bound is only watched by safety, and nothing else is.
    (told,) = events(outcome, "needs")
    assert set(told.data["touches"][""]) == asked.touches("")
    meters = {row["address"] for row in events(outcome, "meters")[0].data["meters"]}
    assert meters >= asked.touches("")
