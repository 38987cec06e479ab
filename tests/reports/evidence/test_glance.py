"""A run at a glance says what verify says, as long as nobody touched it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sensorbench.assessment.verify import verify
from sensorbench.core.clock import VirtualClock
from sensorbench.evidence.glance import glance
from sensorbench.evidence.run import RunWriter

FROZEN = sorted(path.parent for path in Path("tests/evidence").glob("*/*/run.json"))
RESULTS = "derived/results.json"


def test_there_are_frozen_runs_to_look_at() -> None:
    assert FROZEN


@pytest.mark.parametrize("root", FROZEN, ids=lambda root: root.name)
def test_a_sealed_run_has_the_verdict_that_verify_computes(root: Path) -> None:
    found = glance(root, RESULTS)
    assert found.verdict == verify(root).verdict.value
    assert found.state in {"complete", "stopped by a gate"}


@pytest.mark.parametrize(
    ("events", "state", "waits"),
    [
        ([("run_ended", {"state": "parked", "reason": {"until": "time"}})], "parked", True),
        (
            [("run_ended", {"state": "parked", "reason": {"until": "attach"}}), ("attached", {})],
            "parked", True,
        ),
        ([("run_ended", {"state": "parked", "reason": {}}), ("resumed", {})], "", False),
        ([("run_ended", {"state": "stopped by safety", "reason": {}})], "stopped by safety", False),
        ([("step", {"text": "x" * 200_000})], "", False),
    ],
)  # fmt: skip
def test_a_run_without_a_seal_says_how_it_ended_and_what_it_waits_for(
    tmp_path: Path, events: list[tuple[str, dict[str, Any]]], state: str, waits: bool
) -> None:
    with RunWriter(tmp_path / "run", VirtualClock(), {"units": 1}, {}) as writer:
        writer.append("step", {})
        for kind, data in events:
            writer.append(kind, data)
        writer.commit()
    found = glance(tmp_path / "run", RESULTS)
    assert (found.state, found.waits is not None) == (state, waits)
    assert found.verdict == ("parked" if waits else "INVALID")


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 200_000])
def test_damage_is_never_an_error(run_copy: Path, text: str) -> None:
    for name in ("seal.json", "run.json", RESULTS):
        (run_copy / name).write_text(text)
        assert glance(run_copy, RESULTS).verdict == "INVALID"
