"""How the program ends: its exit code says whose turn it is."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest

from sensorbench.app.main import main
from sensorbench.core.errors import LinkTimeout
from sensorbench.evidence.run import RunReader
from sensorbench.instruments.espec_p300.driver import EspecP300
from sensorbench.instruments.keysight_e36312a.driver import KeysightE36312a

from .run.climate import CLIMATE, FIRST, SECOND, bake, fault, phase_of_tests, workspace

EXTERNAL = phase_of_tests("t") + '[[phase]]\nkind = "external"\nname = "MS"\nattach = ["report"]\n'
RAISED = CLIMATE.replace('high = "155 degC"', 'high = "130 degC"')


def ends(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Type a command and return its exit code; a warning of a library is an error."""
    monkeypatch.setattr(sys, "argv", ["sensorbench", *words])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
    return 0


@pytest.mark.parametrize(
    ("phases", "faults", "station", "code", "said"),
    [
        (phase_of_tests("t"), "", CLIMATE, 0, "PASS: 2 of 2 units passed"),
        # A unit that failed, one that is not known.
        (phase_of_tests("t", '["room", "hot"]'), fault(SECOND, "stuck"), CLIMATE, 1,
         f"{SECOND}: FAIL: "),
        (phase_of_tests("t"), fault(SECOND, "absent"), CLIMATE, 1, f"{SECOND}: INVALID: "),
        # Bad input: nothing was touched.
        (phase_of_tests("t", '["tropical"]'), "", CLIMATE, 2, "has no [condition] tropical"),
        # A device that does not answer while it is opened: it was not touched either.
        (phase_of_tests("t"), fault("chamber", "silent"), CLIMATE, 3, "chamber: no answer"),
        (phase_of_tests("t"), fault("chamber", "identity"), CLIMATE, 3, "chamber"),
        (bake("100 h", temperature="125 degC"), fault("chamber", "sensor_stuck", "5 h"), RAISED, 4,
         "the bench is in its safe state"),
        (EXTERNAL, "", CLIMATE, 5, "parked: waits for evidence of MS"),
    ],
    ids=["pass", "fail", "unknown", "input", "device", "other device", "safety", "parked"],
)  # fmt: skip
def test_the_exit_code_says_whose_turn_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    phases: str, faults: str, station: str, code: int, said: str,
) -> None:  # fmt: skip
    there = workspace(tmp_path, phases, faults, station=station)
    found = ends(monkeypatch, "run", "profile.toml", "--lot", "H1", "-w", str(there.root))
    shown = capsys.readouterr()
    text = shown.out + shown.err
    assert said in text
    assert found == code
    assert "Traceback" not in text
    assert "Warning" not in text
    if code == 2:
        assert not there.evidence.exists()


def test_not_safe_is_above_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = workspace(tmp_path, phase_of_tests("t"), fault(SECOND, "absent"))

    def fails(_: EspecP300) -> None:
        raise LinkTimeout("no answer within 3 s")

    monkeypatch.setattr(EspecP300, "make_safe", fails)
    found = ends(monkeypatch, "run", "profile.toml", "--lot", "H1", "-w", str(there.root))
    shown = capsys.readouterr()
    assert found == 9
    # The last thing that the person sees.
    assert (shown.out + shown.err).strip().splitlines()[-1].startswith("NOT SAFE: chamber: ") or (
        "NOT SAFE: chamber: no answer within 3 s. Make it safe by hand." in shown.err
    )


def test_a_driver_that_does_not_look_whether_it_is_safe_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = workspace(tmp_path, bake("1 h"))
    monkeypatch.setattr(EspecP300, "make_safe", lambda _: None)
    found = ends(monkeypatch, "run", "profile.toml", "--lot", "H1", "-w", str(there.root))
    said = capsys.readouterr().err
    assert found == 9
    assert "NOT SAFE: chamber: it was told to be safe, and its temperature still acts, at " in said
    assert said.strip().endswith("Make it safe by hand.")


def test_a_fault_of_the_program_itself_is_no_failed_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))

    def crashes(_: object) -> float:
        raise KeyError("what nobody thought of")

    monkeypatch.setattr("sensorbench.sensors.sht4x.driver.Sht4x.start", crashes)
    found = ends(monkeypatch, "run", "profile.toml", "--lot", "H1", "-w", str(there.root))
    shown = capsys.readouterr()
    assert found == 70
    assert "a fault of sensorbench itself: KeyError" in shown.err
    assert "the bench is in its safe state" in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize(
    ("method", "gives"),
    [("identify", "ESPEC P300"), ("read_alarms", None), ("read_alarms", "hot"),
     ("read_alarms", [7])],
)  # fmt: skip
def test_a_driver_that_gives_what_none_may_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    method: str, gives: object,
) -> None:  # fmt: skip
    there = workspace(tmp_path, phase_of_tests("t"))
    monkeypatch.setattr(EspecP300, method, lambda _: gives)
    found = ends(monkeypatch, "run", "profile.toml", "--lot", "H1", "-w", str(there.root))
    shown = capsys.readouterr()
    assert found == 70
    assert (
        f"chamber: its driver {'identify() gave' if method == 'identify' else 'gave'}" in shown.err
    )
    assert "`sensorbench check-device espec_p300` tries it" in shown.err


def test_an_instrument_that_falls_silent_as_a_run_begins_leaves_its_end_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))

    def silent(_: KeysightE36312a) -> None:
        raise LinkTimeout("psu: no answer within 2 s")

    monkeypatch.setattr(KeysightE36312a, "take", silent)
    found = ends(monkeypatch, "run", "profile.toml", "--lot", "H1", "-w", str(there.root))
    shown = capsys.readouterr()
    assert found == 3
    assert "psu: no answer within 2 s" in shown.err
    assert "is not on record" not in shown.err
    (root,) = there.evidence.iterdir()
    assert [event.kind for event in RunReader(root).events()][-1] == "run_ended"


def test_a_driver_that_calls_exit_ends_no_run_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))

    def leaves(_: EspecP300) -> None:
        sys.exit(3)

    monkeypatch.setattr(EspecP300, "read_alarms", leaves)
    found = ends(monkeypatch, "run", "profile.toml", "--lot", "H1", "-w", str(there.root))
    shown = capsys.readouterr()
    assert found == 70
    assert "SystemExit: 3" in shown.err
    assert "the bench is in its safe state" in shown.err


def test_a_unit_that_is_stuck_gives_its_own_line_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = workspace(tmp_path, phase_of_tests("t", '["room", "hot"]'), fault(SECOND, "stuck"))
    ends(monkeypatch, "run", "profile.toml", "--lot", "H1", "-w", str(there.root))
    shown = capsys.readouterr()
    assert [line for line in shown.out.splitlines() if SECOND in line]
    assert not [line for line in shown.out.splitlines() if f"{FIRST}:" in line]
    assert shown.err == ""
