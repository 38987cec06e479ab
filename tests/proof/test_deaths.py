"""Runs that are killed until they are done, by the script whose full count takes an hour."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "try_deaths.py"

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="programs are forked, to be begun at once"),
]


@pytest.mark.parametrize("scene", ["HTOL", "cycling", "write-back", "lots"])
def test_runs_that_are_killed_come_to_what_they_would_have_come_to(scene: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "SENSORBENCH_WORLD"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "12", scene, "--seed", "26"],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 runs fell short" in done.stdout
