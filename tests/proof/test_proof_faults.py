"""A part of what tools/try_faults.py tries: nothing that changed something is a PASS, unsaid."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from .conftest import MakeBench
from .faulting import Scene, Wrong, compare, faults_of, moments, tried
from .proving import Bench

GRID = """
id = "own/faulty"
title = "faulty"
source = "own"
log = "1 min"

[soak]
temperature = { within = "1 K", for = "1 min", timeout = "20 min" }

[[phase]]
kind = "grid"
name = "check"
axes = [
    { set = { temperature = ["30 degC"] } },
    { set = { pressure = ["20 %", "80 %"] } },
]
measures = ["error"]
"""


@pytest.mark.slow
@pytest.mark.parametrize("step", ["settle supply", "read"])
def test_no_fault_of_any_twin_in_a_pressure_check_goes_by_unsaid(
    calibrated: Bench, tmp_path: Path, step: str
) -> None:
    path = calibrated.workspace.root / "profiles" / "faulty.toml"
    path.write_text(GRID, encoding="utf-8")
    scene = Scene("grid", calibrated, "profiles/faulty.toml", ("few",), "grid")
    assert _unsaid(scene, tmp_path, step) == {}


@pytest.mark.slow
def test_a_field_that_only_its_coil_knows_may_be_wrong_and_the_bench_says_so(
    bench: MakeBench, tmp_path: Path
) -> None:
    """A welded relay turns the field round: nothing but the coil's current tells of it."""
    scene = Scene("coil", bench("coil"), "check/magnetic_field", ("mag",), "grid")
    plain = tried(scene, tmp_path / "plain")
    at_s, took_s = moments(scene, plain)["read"]
    fault = (Wrong("relays", "welded", at_s + took_s / 2),)
    seen = compare(plain, tried(scene, tmp_path / "try", fault, plain.start_s), fault)
    assert seen.wrong
    assert all(text.startswith("told: ") for text in seen.wrong)


def _unsaid(scene: Scene, folder: Path, step: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return by device and fault what it changed although units are PASS."""
    plain = tried(scene, folder / "plain")
    began_s, took_s = moments(scene, plain)[step]
    found = {}
    for device, _, kind in faults_of(scene):
        fault = (Wrong(device, kind, began_s + took_s / 2, inf),)
        seen = compare(plain, tried(scene, folder / "try", fault, plain.start_s), fault)
        wrong = tuple(text for text in seen.wrong if not text.startswith("told"))
        if wrong:
            found[device, kind] = wrong
    return found
