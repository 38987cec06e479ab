"""`sensorbench safe`: the bench is safe without a run, whatever left it on, over real ports."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from .served import PROGRAM, Served, served

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX"),
    pytest.mark.slow,
]


def safe(bench: Served, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, "safe", *words], cwd=bench.root, text=True, capture_output=True, check=False
    )


def test_what_a_killed_run_left_on_is_made_safe(tmp_path: Path) -> None:
    with served(tmp_path) as bench:
        program = bench.run()
        # While the run goes on the bench is its own: it is named, and nothing is touched.
        refused = safe(bench)
        assert refused.returncode == 3
        assert f"process {program.pid} holds it" in refused.stderr
        assert bench.is_on()
        assert program.poll() is None
        bench.kill_with_its_watchdog(program)
        assert bench.is_on()
        done = safe(bench, "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["states"] == {
            "chamber": "safe", "psu": "safe", "dmm": "safe",
        }  # fmt: skip
        assert not bench.is_on()


def test_one_that_can_not_be_reached_hides_none_that_can(tmp_path: Path) -> None:
    with served(tmp_path) as bench:
        program = bench.run()
        bench.kill_with_its_watchdog(program)
        station = bench.root / "station.toml"
        text = station.read_text(encoding="utf-8")
        chamber = text.partition("[instrument.psu]")[0].partition('port = "')[2].partition('"')[0]
        station.write_text(text.replace(chamber, "/dev/nothing"), encoding="utf-8")
        done = safe(bench)
        assert done.returncode == 9
        assert "psu: safe" in done.stdout
        last = done.stderr.splitlines()[-1]
        assert last.startswith("NOT SAFE: chamber: ")
        assert last.endswith("Make it safe by hand.")
        assert not bench.is_on()


def test_a_simulated_bench_is_on_only_while_a_program_runs(tmp_path: Path) -> None:
    with served(tmp_path) as bench:
        twins = bench.root.parent / "twins"
        done = subprocess.run(
            [*PROGRAM, "safe", "-w", str(twins)], text=True, capture_output=True, check=False
        )
        assert done.returncode == 0
        assert "all of it is simulated" in done.stdout
