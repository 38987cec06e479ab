"""Runs on a supply that switches itself off when nobody speaks to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensorbench.core.quantity import components
from sensorbench.core.verdict import Verdict
from sensorbench.instruments.keysight_n6700.twin import SimKeysightN6700
from sensorbench.station.station import Station
from sensorbench.station.workspace import Workspace

from ...workspaces import SHT4X, STATION, events, run, sht4x_lot, sht4x_sockets, write
from .deaths import Mortal

STRESS = """
[[phase]]
kind = "stress"
name = "bias"
set = { supply = "nominal" }
hours = "20 min"
test = { before = ["room"], after = ["room"] }
"""
WATCHED = STATION.replace("keysight_e36312a", "keysight_n6700") + sht4x_sockets()


def workspace(root: Path) -> Workspace:
    return write(root, STRESS, WATCHED, {"sht4x": SHT4X}, {"H1": sht4x_lot()})


def ask(twin: SimKeysightN6700, message: str) -> str:
    return (twin.handle(message.encode()) or b"").decode()


@pytest.mark.parametrize("implied", [True, False])
def test_a_run_feeds_it_to_its_end_and_disarms_it(tmp_path: Path, implied: bool) -> None:
    seen: list[SimKeysightN6700] = []

    def keep(station: Station) -> None:
        seen.append(station.bench.twins["psu"])  # type: ignore[union-attr]

    outcome = run(workspace(tmp_path), before=keep, implied=implied)
    (armed,) = events(outcome, "armed")
    assert armed.data["supply"]["by"] == "psu.out1"
    assert outcome.assessment.verdict is Verdict.PASS
    assert ask(seen[0], "OUTP:PROT:WDOG?;:OUTP? (@1);:STAT:QUES? (@1)") == "0;0;+0"
    assert ask(seen[0], "OUTP:PROT:WDOG:DEL?") == "+60"


def test_a_run_that_dies_leaves_it_off_and_goes_on_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mortal = Mortal(workspace(tmp_path))
    twin = mortal.world.twins["psu"]

    def rail_v() -> float:
        return components(twin.drives["out1"].at(mortal.clock.now()))[0]

    for event in range(10, 500):
        if not mortal.dies(monkeypatch, event):
            raise AssertionError("it ended before it died with its supply on")
        if rail_v() > 3.0:
            break
    mortal.clock.sleep(61.0)
    assert rail_v() == 0.0
    assert mortal.goes_on().assessment.verdict is Verdict.PASS
    assert ask(twin, "OUTP:PROT:WDOG?;:STAT:QUES:COND? (@1)") == "0;+0"
