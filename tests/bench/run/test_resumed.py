"""A run that was cut off anywhere goes on: nothing done twice or left out unseen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sensorbench.assessment.data import RunData
from sensorbench.assessment.verify import verify
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, EvidenceError, InputError
from sensorbench.core.provenance import Identity
from sensorbench.core.verdict import Verdict
from sensorbench.profiles.schedule import Release
from sensorbench.reports.events import events_table
from sensorbench.reports.model import Table
from sensorbench.reports.runs import load
from sensorbench.reports.words import Words
from sensorbench.run.duts import Duts
from sensorbench.run.execute import Outcome
from sensorbench.run.resuming import find
from sensorbench.safety.reaching import reach_and_make_safe
from sensorbench.station.station import OpenInstrument
from sensorbench.station.workspace import Workspace

from ...proof.proving import Bench
from ...workspaces import data_of, events, reasons
from .deaths import Mortal

PRESSURE = Path(__file__).parents[2] / "proof" / "pressure"
CALIBRATION = "calibration/pressure_temperature"
PROFILE = "profiles/own.toml"
LOG_S = 60.0
HEAD = """
id = "own/x"
title = "x"
source = "own"
log = "1 min"

[soak]
temperature = { within = "1 K", for = "1 min", timeout = "40 min" }
"""
TESTED = 'test = { before = ["room"], after = ["room"] }\n'
STRESS = (
    HEAD
    + """
[[phase]]
kind = "stress"
name = "bake"
set = [{ supply = "max" }, { temperature = "40 degC" }]
hours = "3 h"
readouts = ["1 h"]
monitor = { every = "5 min", measures = ["error"], limits = { error = ["-0.02 FS", "0.02 FS"] } }
cool = { set = { supply = "max" }, until = { temperature = "35 degC" } }
"""
    + TESTED
)
CYCLE = (
    HEAD
    + """
[[phase]]
kind = "cycle"
name = "cycles"
set = { supply = "max" }
steps = [
    { set = { temperature = "20 degC" }, dwell = "10 min" },
    { set = { temperature = "40 degC" }, dwell = "10 min" },
]
cycles = 6
readouts = [3]
rate = { temperature = "5 K/min" }
"""
    + TESTED
)
STEPS = (
    HEAD
    + """
[[phase]]
kind = "steps"
name = "steps"
set = { temperature = "30 degC", pressure = ["60 kPa", "90 kPa", "120 kPa", "off"] }
dwell = "5 min"
times = 2
"""
    + TESTED
)
RECORD = (
    HEAD
    + """
[[phase]]
kind = "record"
name = "rest"
set = { temperature = "30 degC" }
duration = "20 min"
every = "1 min"
measures = ["error"]

[[phase]]
kind = "response"
name = "way"
set = { pressure = ["60 kPa", "90 kPa"] }
lead = "1 min"
duration = "2 min"
every = "10 s"
measures = ["error"]
"""
)
SCENES = {"stress": STRESS, "cycle": CYCLE, "steps": STEPS, "record": RECORD}


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose units are calibrated."""
    root = tmp_path_factory.mktemp("calibrated") / "bench"
    shutil.copytree(PRESSURE, root)
    Bench(Workspace(root)).run(CALIBRATION, "few")
    shutil.rmtree(root / "evidence")
    return root


def mortal(calibrated: Path, folder: Path, text: str = "", **more: Any) -> Mortal:
    """Return a bench of its own, with a profile or for the calibration."""
    root = calibrated if text else PRESSURE
    shutil.copytree(root, folder)
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / PROFILE).write_text(text, encoding="utf-8")
    return Mortal(Workspace(folder), PROFILE if text else CALIBRATION, ("few",), **more)


def given_h(bench: Mortal) -> dict[str, float]:
    """Return the hours of stress of each unit by the world's own account."""
    memory = bench.world.remembered()
    return {key: float(value) for key, value in memory.items() if key.endswith("stress_h")}


def written(bench: Mortal) -> dict[str, str]:
    """Return what each unit's memory holds."""
    memory = bench.world.remembered()
    return {key: value for key, value in memory.items() if key.endswith("nvm")}


IN_A_HOLD = 330
"""An event of the stress, in the middle of its second hold."""


def told(outcome: Outcome) -> dict[str, Any]:
    """Return what must be the same as if nothing had happened."""
    data = data_of(outcome)
    return {
        "verdict": outcome.assessment.verdict,
        "units": [(u.serial, u.verdict, u.reasons) for u in outcome.assessment.units],
        "points": sorted(data.readouts),
        "results": len(outcome.assessment.results),
        "held": {
            name: {key: facts.get(key) for key in ("cycles_done", "cycles_asked", "times")}
            for name, facts in outcome.assessment.facts.items()
        },
    }


@pytest.fixture(scope="module", params=SCENES)
def scene(
    request: pytest.FixtureRequest, calibrated: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Outcome, Mapping[str, float]]:
    """A kind of phase, run undisturbed, with the hours that its units had."""
    bench = mortal(calibrated, tmp_path_factory.mktemp("plain") / "bench", SCENES[request.param])
    outcome = bench.goes_on()
    assert outcome.assessment.verdict is Verdict.PASS
    return request.param, outcome, given_h(bench)


@pytest.mark.parametrize(
    ("share", "again"),
    [(share, ()) for share in (0.03, 0.22, 0.43, 0.71, 0.97)]
    + [pytest.param(share, (), marks=pytest.mark.chaos) for share in (0.11, 0.58, 0.84)]
    + [pytest.param(share, (14,), marks=pytest.mark.chaos) for share in (0.15, 0.37, 0.9)]
    + [(0.66, (14,))]
    + [pytest.param(share, (3, 40), marks=pytest.mark.chaos) for share in (0.08, 0.5, 0.77)],
)
def test_a_run_that_died_comes_to_what_it_would_have_come_to(
    scene: tuple[str, Outcome, Mapping[str, float]],
    calibrated: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
    again: tuple[int, ...],
) -> None:
    name, plain, plain_h = scene
    bench = mortal(calibrated, tmp_path / "bench", SCENES[name])
    count = len(list(data_of(plain).events()))
    for at in (round(share * count), *again):
        bench.dies(monkeypatch, at)
    deaths = 1 + len(again)
    outcome = bench.goes_on()
    assert told(outcome) == told(plain)
    assert verify(outcome.root).is_whole
    assert len(events(outcome, "resumed")) == deaths
    # No more than a log period and one cycle a death, at 125 degC by Arrhenius.
    hold_h = max(plain_h.values())
    more = {unit: hours - plain_h[unit] for unit, hours in given_h(bench).items()}
    at_most = hold_h / 6 if name == "cycle" else hold_h * LOG_S / (3 * 3600)
    if name in ("stress", "cycle"):
        assert max(more.values()) <= deaths * at_most * 1.1


@pytest.mark.parametrize("share", [0.22, 0.43, 0.58, 0.84])
def test_a_bench_that_was_made_safe_meanwhile_changes_nothing(
    scene: tuple[str, Outcome, Mapping[str, float]],
    calibrated: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
) -> None:
    """As by a watchdog, or a power cut: all is off, and two hours later it goes on."""
    name, plain, _ = scene
    bench = mortal(calibrated, tmp_path / "bench", SCENES[name])
    assert bench.dies(monkeypatch, round(share * len(list(data_of(plain).events()))))
    reach_and_make_safe(bench.job.station, "safe", bench.clock, bench.world)
    bench.clock.sleep(7200.0)
    outcome = bench.goes_on()
    assert told(outcome) == told(plain)
    assert verify(outcome.root).is_whole


def test_a_second_death_before_the_first_row_credits_nothing_twice(
    calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = mortal(calibrated, tmp_path / "bench", STRESS)
    assert bench.dies(monkeypatch, IN_A_HOLD)
    assert bench.root is not None
    first = find(RunData.read(bench.root)).state.kept_s
    assert first > 0
    for at in (1, 5, 15):  # before anything, while it introduces itself, before the hold
        assert bench.dies(monkeypatch, at)
        assert find(RunData.read(bench.root)).state.kept_s == pytest.approx(first, abs=1e-6)
    outcome = bench.goes_on()
    assert outcome.assessment.verdict is Verdict.PASS
    (facts,) = outcome.assessment.facts.values()
    assert facts["served_s"][""] == pytest.approx(3 * 3600.0, abs=1e-3)


@pytest.mark.chaos
def test_words_are_written_to_every_unit_once_wherever_the_run_died(
    calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = mortal(calibrated, tmp_path / "plain")
    events_there = list(data_of(plain.goes_on()).events())
    first = next(e.seq for e in events_there if e.kind == "intent")
    last = max(e.seq for e in events_there if e.kind == "outcome")
    for at in range(first, last + 2):
        bench = mortal(calibrated, tmp_path / f"bench{at}")
        assert bench.dies(monkeypatch, at)
        outcome = bench.goes_on()
        assert outcome.assessment.verdict is Verdict.PASS
        assert written(bench) == written(plain)
        outcomes = [e.data["unit"] for e in events(outcome, "outcome")]
        assert sorted(outcomes) == sorted(set(outcomes))


def test_what_units_felt_is_not_repeated_unasked(
    calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = mortal(calibrated, tmp_path / "bench", STEPS, answers={"resume": ["leave it"]})
    step = -1
    for at in range(60, 200, 4):
        assert bench.dies(monkeypatch, at if bench.root is None else 30)
        assert bench.root is not None
        found = find(RunData.read(bench.root))
        step = found.cut.next
        if found.asks:
            break
    before = sorted((p, p.stat().st_size) for p in bench.root.rglob("*"))
    with pytest.raises(InputError, match="stays as it is"):
        bench.goes_on()
    assert sorted((p, p.stat().st_size) for p in bench.root.rglob("*")) == before
    question = next(q for q in bench.asked if q.what.get("kind") == "resume")
    assert "once more" in question.text["en"]
    assert find(RunData.read(bench.root)).cut.next == step
    outcome = bench.goes_on()  # asked again, the person says: repeat
    assert outcome.assessment.verdict is Verdict.PASS


def test_a_unit_that_was_swapped_is_noticed_before_anything_acts_on_it(
    calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = mortal(calibrated, tmp_path / "bench", STRESS)
    assert bench.dies(monkeypatch, IN_A_HOLD)
    real = Duts.who

    def swapped(duts: Duts, group: Any) -> dict[str, Identity]:
        found = real(duts, group)
        serial = min(found)
        return found | {serial: replace(found[serial], serial="26109999")}

    with monkeypatch.context() as patched:
        patched.setattr(Duts, "who", swapped)
        with pytest.raises(BenchError, match=r"socket S01 has .*26109999, where 26100001 was"):
            bench.goes_on()
    outcome = bench.goes_on()
    assert outcome.assessment.verdict is Verdict.PASS


def test_an_instrument_that_is_another_one_must_be_said_to_be(
    calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = mortal(calibrated, tmp_path / "bench", STRESS)
    assert bench.dies(monkeypatch, IN_A_HOLD)

    real = OpenInstrument.__init__

    def another(
        self: OpenInstrument, name: str, entry: Any, driver: Any, who: Identity, w: Any
    ) -> None:
        real(self, name, entry, driver, replace(who, serial="SIM-2") if name == "psu" else who, w)

    with monkeypatch.context() as patched:
        patched.setattr(OpenInstrument, "__init__", another)
        with pytest.raises(InputError, match=r"instrument\.psu.*--replaced psu"):
            bench.goes_on()
        bench.replaced = frozenset({"psu"})
        outcome = bench.goes_on()
    (resumed,) = events(outcome, "resumed")
    assert "SIM-2" in resumed.data["replaced"]["psu"]


def test_what_is_read_no_longer_is_not_read_on_a_bench_that_was_made_safe(
    calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is to hold before the monitor ends: with no supply it would not be answered."""
    text = CYCLE.replace("cycles = 6", 'cycles = 6\nmonitor = { every = "1 min" }')
    plain = mortal(calibrated, tmp_path / "plain", text).goes_on()
    ends = [e.seq for e in events(plain, "step") if "monitor" in str(e.data.get("what"))]
    bench = mortal(calibrated, tmp_path / "bench", text)
    assert bench.dies(monkeypatch, ends[0])
    assert bench.root is not None
    found = find(RunData.read(bench.root))
    assert found.state.reads
    assert found.step is not None
    assert isinstance(found.step.action, Release)
    reach_and_make_safe(bench.job.station, "safe", bench.clock, bench.world)
    bench.clock.sleep(3600.0)
    outcome = bench.goes_on()
    assert told(outcome) == told(plain)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("inputs/schedule.json", '"credit_s":7200', '"credit_s":60'),
        ("inputs/profile.toml", "3 h", "1 h"),
        ("journal.jsonl", '"credit_s":3600', '"credit_s":7200'),
    ],
)
def test_a_run_whose_question_was_edited_does_not_go_on(
    calibrated: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    old: str,
    new: str,
) -> None:
    bench = mortal(calibrated, tmp_path / "bench", STRESS)
    assert bench.dies(monkeypatch, IN_A_HOLD)
    assert bench.root is not None
    path = bench.root / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"is damaged: .*Nothing was touched"):
        bench.goes_on()
    path.write_text(text, encoding="utf-8")
    assert bench.goes_on().assessment.verdict is Verdict.PASS


def test_a_copy_of_a_run_does_not_go_on(
    calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = mortal(calibrated, tmp_path / "bench", STRESS)
    assert bench.dies(monkeypatch, IN_A_HOLD)
    assert bench.root is not None
    copy = bench.root.with_name("SIM-copy")
    shutil.copytree(bench.root, copy)
    run_id, bench.root = bench.root.name, copy
    with pytest.raises(InputError, match=run_id):
        bench.goes_on()


def test_two_that_went_on_from_one_torso_are_told_apart(
    calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, seals = set(), set()
    for name in ("one", "other"):
        bench = mortal(calibrated, tmp_path / name, STRESS)
        assert bench.dies(monkeypatch, IN_A_HOLD)
        outcome = bench.goes_on()
        ids.add(events(outcome, "resumed")[0].data["id"])
        seals.add(json.loads((outcome.root / "seal.json").read_text())["seal"])
    assert len(ids) == len(seals) == 2


def test_the_end_says_where_it_went_on(
    calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = mortal(calibrated, tmp_path / "bench", STRESS)
    assert bench.dies(monkeypatch, IN_A_HOLD)
    bench.clock.sleep(7200.0)
    outcome = bench.goes_on()
    (resumed,) = events(outcome, "resumed")
    assert resumed.data["gap_s"] >= 7200.0
    assert resumed.data["ended"] == ""
    assert resumed.data["begun"]
    assert not reasons(outcome)


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "the calendar was set by -"), ("zh", "日历被调整")],
)
def test_a_clock_that_was_set_back_in_between_is_on_record_and_told(
    calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, said: str
) -> None:
    bench = mortal(calibrated, tmp_path / "bench", STRESS)
    assert bench.dies(monkeypatch, IN_A_HOLD)
    utc = VirtualClock.utc
    monkeypatch.setattr(VirtualClock, "utc", lambda clock: utc(clock) - timedelta(days=1))
    outcome = bench.goes_on()
    (jumped,) = events(outcome, "time_jumped")
    assert jumped.data["calendar_set_by_s"] == pytest.approx(-86400, abs=400)
    (shown,) = load([outcome.root])
    table = events_table(shown, Words(language))
    assert isinstance(table, Table)
    (row,) = [row for row in table.rows if said in row[1].text]
    assert row[0].text == Words(language).text("look.interrupted")


NOISE = (
    HEAD
    + """
[[phase]]
kind = "record"
name = "rest"
duration = "10 min"
settings = "noise"
measures = ["noise_density"]
"""
)


def test_a_stream_that_was_cut_off_is_read_anew_and_only_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(PRESSURE.with_name("imu"), tmp_path / "bench")
    there = Workspace(tmp_path / "bench")
    (there.root / "profiles").mkdir(exist_ok=True)
    (there.root / PROFILE).write_text(NOISE, encoding="utf-8")
    whole = Bench(there).run(PROFILE, "one")
    (there.root / "evidence").rename(tmp_path / "plain")
    plain = replace(whole, root=tmp_path / "plain" / whole.root.name)
    bench = Mortal(there, PROFILE, ("one",))
    assert bench.dies(monkeypatch, 200)
    assert events(bench.root or tmp_path, "stream_data")
    outcome = bench.goes_on()
    assert told(outcome) == told(plain)
    one, other = (data_of(run).streams("rest") for run in (outcome, plain))
    for serial, data in one.items():  # where a period begins is chance
        assert data.count == pytest.approx(other[serial].count, abs=2)
