"""The beginning of a run, and its going on: one lost reply costs a retry on record, no run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensorbench.core.errors import LinkTimeout
from sensorbench.instruments.espec_p300.driver import EspecP300
from sensorbench.instruments.keysight_e36312a.driver import KeysightE36312a
from sensorbench.instruments.members import Setpoint
from sensorbench.station.workspace import Workspace

from ...workspaces import events, go_on, run
from .climate import bake, phase_of_tests, workspace

PARKED = (
    '[[phase]]\nkind = "external"\nname = "MS"\nattach = ["laboratory", "result of each unit"]\n'
    + phase_of_tests("after")
)


class Lossy:
    """Lets calls of a method get no answer: the first `count` from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        self.count, self._there = 0, getattr(owner, name)
        there: Callable[..., Any] = self._there

        def loses(*arguments: Any) -> Any:
            if self.count:
                self.count -= 1
                raise LinkTimeout("no answer within 3 s")
            return there(*arguments)

        monkeypatch.setattr(owner, name, loses)


PLACES = [
    (EspecP300, "identify"), (KeysightE36312a, "identify"), (KeysightE36312a, "take"),
    (Setpoint, "protect"),
]  # fmt: skip
"""Where a run opens an instrument, takes it over and arms it."""


@pytest.mark.parametrize(("owner", "name"), PLACES)
def test_a_reply_that_is_lost_at_the_beginning_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    lossy = Lossy(monkeypatch, owner, name)
    lossy.count = 1
    outcome = run(workspace(tmp_path, bake("1 h")))
    (retry,) = events(outcome, "retry")
    assert retry.data["what"].startswith(("chamber", "psu"))
    assert (retry.data["reason"], retry.data["attempt"]) == ("no answer within 3 s", 1)
    assert events(outcome, "run_ended")[0].data["state"] == "complete"


@pytest.mark.parametrize(("owner", "name"), PLACES)
def test_a_reply_that_is_lost_where_a_parked_run_goes_on_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    there: Workspace = workspace(tmp_path, PARKED)
    lossy = Lossy(monkeypatch, owner, name)
    parked = run(there)
    assert parked.parked is not None
    lossy.count = 1
    outcome = go_on(there, parked.root, reached=["attach"])
    (retry,) = events(outcome, "retry")
    assert retry.data["reason"] == "no answer within 3 s"


def test_what_is_lost_twice_while_it_is_opened_is_told_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Lossy(monkeypatch, EspecP300, "identify").count = 2
    with pytest.raises(LinkTimeout, match="no answer") as raised:
        run(workspace(tmp_path, bake("1 h")))
    assert "this was chamber, a espec_p300, while it was opened" in raised.value.__notes__
