"""`sensorbench safe`: the bench is safe without a run, whatever left it on, over real ports."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from sensorbench.safety import marks

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


def beside(bench: Served) -> Path:
    """Return another workspace that shares the chamber with a bench, and has no supply."""
    text = (bench.root / "station.toml").read_text(encoding="utf-8")
    chamber = text.partition("[instrument.psu]")[0]
    heats = text.partition("[bench.temperature]")[2].partition("[bench.supply]")[0]
    root = bench.root.parent / "beside"
    root.mkdir()
    file = root / "station.toml"
    file.write_text(f"{chamber}[bench.temperature]{heats}", encoding="utf-8")
    return root


def test_a_bench_that_shares_some_devices_makes_no_other_one_safe(tmp_path: Path) -> None:
    with served(tmp_path) as bench:
        bench.kill_with_its_watchdog(bench.run())
        other = ["-w", str(beside(bench))]
        done = safe(bench, *other)
        assert "chamber: safe" in done.stdout
        assert bench.is_on()
        assert done.returncode == 9
        last = done.stderr.splitlines()[-1]
        assert last.startswith("NOT SAFE: ")
        assert f"host 127.0.0.1:{bench.ports['psu']}" in last
        assert [mark.state for mark in marks.marks()] == [marks.ENERGISED]
        refused = subprocess.run(
            [*PROGRAM, "acknowledge", "--by", "operator 7", *other], capture_output=True,
            cwd=bench.root, check=False,
        )  # fmt: skip
        assert refused.returncode == 2
        assert safe(bench).returncode == 0
        assert [mark.state for mark in marks.marks()] == [marks.SAFE]
        assert not bench.is_on()


def test_a_mark_bars_its_workspace_where_a_device_has_another_plug_by_now(tmp_path: Path) -> None:
    with served(tmp_path) as bench:
        bench.kill_with_its_watchdog(bench.run())
        file = bench.root / "station.toml"
        text = file.read_text(encoding="utf-8")
        for other, port in enumerate(bench.ports.values(), 1):
            text = text.replace(f"port = {port}", f"port = {other}")
        chamber = text.partition("[instrument.psu]")[0].partition('port = "')[2].partition('"')[0]
        file.write_text(text.replace(chamber, "/dev/other"), encoding="utf-8")
        refused = subprocess.run(
            [*PROGRAM, "run", "profiles/bake.toml", "--lot", "a"], cwd=bench.root, text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        assert refused.returncode == 4
        assert "it may be left energised" in refused.stderr


def test_a_mark_that_can_not_be_read_hides_nothing_that_was_made_safe(tmp_path: Path) -> None:
    with served(tmp_path) as bench:
        bench.kill_with_its_watchdog(bench.run())
        (marks.folder() / "damaged.json").write_text('{"run":', encoding="utf-8")
        done = safe(bench)
        assert "psu: safe" in done.stdout
        assert done.returncode == 3
        assert "damaged.json can't be read" in done.stderr
        assert [mark.state for mark in marks.readable()[0]] == [marks.SAFE]
