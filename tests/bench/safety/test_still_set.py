"""Still as set? What somebody changes at an instrument during a run is noticed, never set back."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensorbench.instruments.telling import Held, OfItsOwn, Swing, Told, Untold, changed

from ...workspaces import HEAD, QUICK, events, problems, run
from ..run.climate import CLIMATE, bake, done, fault, workspace
from .test_safety import tripped

LONG = bake("100 h").replace(
    'set = { temperature = "85 degC" }', 'set = { supply = "max", temperature = "85 degC" }'
)
SWITCHED = """
[[phase]]
kind = "stress"
name = "bake"
set = { temperature = "85 degC", supply = { high = "max", low = "off", period = "10 min" } }
hours = "2 h"
test = { before = ["room"], after = ["room"] }
"""
RAMPED = """
[[phase]]
kind = "cycle"
name = "c"
steps = [
    { set = { temperature = "60 degC" }, dwell = "10 min" },
    { set = { temperature = "0 degC" }, dwell = "10 min" },
]
cycles = 2
rate = { temperature = "1 K/min" }
test = { before = ["room"], after = ["room"] }
"""


def test_an_instrument_that_tells_no_alarms_is_noted_once_until_it_answers(tmp_path: Path) -> None:
    wrong = fault("chamber", "silent", "40 min", "41 min")
    wrong += fault("chamber", "silent", "70 min", "71 min")
    outcome = done(tmp_path, bake("2 h"), wrong, implied=False)
    noted = [e.t for e in events(outcome, "retry") if e.data["what"] == "chamber alarms"]
    assert [round(t_s / 600) for t_s in noted] == [4, 7]


@pytest.mark.parametrize(
    ("device", "kind", "code", "where"),
    [
        ("chamber", "setpoint_changed", "set_value", "temperature"),
        ("chamber", "output_off", "set_off", "temperature"),
        ("chamber", "program_started", "set_otherwise", "temperature"),
        ("psu", "setpoint_changed", "set_value", "supply"),
        ("psu", "output_off", "set_off", "supply"),
    ],
)
def test_what_somebody_changes_at_the_panel_stops_the_run_within_seconds(
    tmp_path: Path, device: str, kind: str, code: str, where: str
) -> None:
    stop, root, at_s = tripped(tmp_path, LONG, fault(device, kind, "50 h"))
    assert (stop.code, stop.values["address"]) == (code, where)
    assert 0 <= at_s - 50 * 3600 <= 11.0
    assert "not set back" in str(stop)
    # Nothing was sent to the place after the change but what makes it safe.
    assert [e.t for e in events(root, "sent") if e.t > at_s] == []


@pytest.mark.parametrize("tested_before", [True, False], ids=["released", "never set"])
def test_what_is_off_may_not_act_on_units_that_nobody_asked_it_for(
    tmp_path: Path, tested_before: bool
) -> None:
    """A storage without bias: somebody presses On at the supply."""
    stored = bake("100 h")
    if not tested_before:
        stored = stored.replace('before = ["room"]', "before = []")
    stop, _, at_s = tripped(tmp_path, stored, fault("psu", "output_on", "50 h"))
    assert (stop.code, stop.values["address"]) == ("set_on", "supply")
    assert (stop.values["instrument"], stop.values["zone"]) == ("psu.out1", "")
    assert 0 <= at_s - 50 * 3600 <= 11.0
    assert "psu.out1 acts again on supply, and not by this run" in str(stop)


def test_a_change_names_what_was_sent_and_what_is_there(tmp_path: Path) -> None:
    stop, _, _ = tripped(tmp_path, LONG, fault("chamber", "setpoint_changed", "50 h"))
    assert (stop.values["sent"], stop.values["now"], stop.values["unit"]) == (85.0, 75.0, "degC")
    assert "it was sent 85 degC, now it has 75 degC" in str(stop)


def test_changed_note_records_it_once_and_goes_on(tmp_path: Path) -> None:
    station = CLIMATE.replace('high = "155 degC"', 'high = "155 degC"\nchanged = "note"')
    phases, faults = bake("20 h", 'longest = "22 h"'), fault("chamber", "setpoint_changed", "10 h")
    outcome = run(workspace(tmp_path, phases, faults, station=station, head=HEAD + QUICK))
    (noted,) = events(outcome, "set_value")
    assert noted.data["sent"] == 85.0
    assert 10 * 3600 <= noted.t <= 10 * 3600 + 11.0
    assert events(outcome, "trip") == []
    # Not where it was to be: those hours are not credited.
    assert events(outcome, "hold")[0].data["credit_s"] < 10.5 * 3600


def test_any_other_word_for_changed_is_refused(tmp_path: Path) -> None:
    station = CLIMATE.replace('high = "155 degC"', 'high = "155 degC"\nchanged = "set back"')
    found = problems(workspace(tmp_path, bake(), station=station))
    assert "bench.temperature.changed" in found
    assert "note" in found


@pytest.mark.parametrize("phases", [SWITCHED, RAMPED], ids=["wave", "ramp"])
def test_what_the_run_does_itself_is_no_change(tmp_path: Path, phases: str) -> None:
    outcome = done(tmp_path, phases, head=HEAD + QUICK, implied=False)
    assert events(outcome, "trip") == []
    assert events(outcome, "retry") == []


# A chamber that is told a humidity runs, and holds a temperature too that nobody asked it for.
DAMP = """
[instrument.hygrometer]
model = "sht4x"
link = { kind = "i2c", bus = "bus0", address = 0x46 }

[bench.humidity]
set = "chamber.humidity"
watch = ["hygrometer.humidity"]
high = "95 %RH"
"""
DAMP_ALONE = """
[[phase]]
kind = "steps"
name = "damp"
set = { humidity = ["40 %RH", "60 %RH"] }
dwell = "30 min"
"""


@pytest.mark.parametrize("phases", [DAMP_ALONE, bake("10 min") + DAMP_ALONE], ids=["first", "then"])
def test_what_one_command_brings_along_at_its_instrument_is_no_change(
    tmp_path: Path, phases: str
) -> None:
    there = workspace(tmp_path, phases, station=CLIMATE + DAMP, head=HEAD + QUICK)
    outcome = run(there, implied=False)
    assert events(outcome, "trip") == []
    assert [event.data["address"] for event in events(outcome, "sent")].count("humidity") == 2


@pytest.mark.slow
def test_what_somebody_changed_just_before_a_command_to_its_neighbour_stops_the_run(
    tmp_path: Path,
) -> None:
    """A command to one output hides nothing of another of the same instrument."""
    phases = DAMP_ALONE.replace("set = {", 'set = { temperature = "60 degC",')
    healthy = run(
        workspace(tmp_path / "healthy", phases, station=CLIMATE + DAMP, head=HEAD + QUICK),
        implied=False,
    )
    _, sent = (e for e in events(healthy, "sent") if e.data["address"] == "humidity")
    faults = fault("chamber", "setpoint_changed", f"{sent.t - 0.1:.3f} s")
    stop, _, at_s = tripped(tmp_path / "changed", phases, faults, CLIMATE + DAMP, implied=False)
    assert (stop.code, stop.values["address"]) == ("set_value", "temperature")
    assert 0 <= at_s - sent.t <= 11.0


@pytest.mark.parametrize(
    ("sent", "found", "word"),
    [
        (Held(125.0), Held(125.04), ""),
        (Held(125.0), Held(125.1), "value"),
        (Held(5.0, 0.1), Held(5.0, 0.2), "limit"),
        (Held(5.0), Held(5.0, 0.2), ""),
        (Held(5.0), None, "off"),
        (None, Held(5.0), "on"),
        (None, None, ""),
        (None, Untold(), ""),
        (Held(5.0), Untold(), ""),
        (Held(5.0), OfItsOwn("a program"), "otherwise"),
        (Held(5.0), Swing(1.0, 5.0, 2.0, "sine"), "otherwise"),
        (Swing(1.0, 5.0, 2.0, "sine"), Swing(1.0, 5.02, 2.0, "sine"), ""),
        (Swing(1.0, 5.0, 2.0, "sine"), Swing(1.0, 5.0, 3.0, "sine"), "otherwise"),
        (Held((1.0, 0.0, 2.0)), Held((1.0, 0.0, 2.02)), ""),
        (Held((1.0, 0.0, 2.0)), Held((1.0, 0.0, -2.0)), "value"),
    ],
)
def test_what_counts_as_changed(sent: Told, found: Told, word: str) -> None:
    assert changed(sent, found, 0.05, 1.0) == word
