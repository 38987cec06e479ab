"""A run over real ports that was killed, made safe by its watchdog, and gone on with."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensorbench.assessment.verify import verify
from sensorbench.evidence.run import RunReader

from .served import PROFILE, PROGRAM, Served, served

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif(sys.platform == "win32", reason="twins are served on a pseudo-terminal"),
]
HOURS_S = 45.0


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as there:
        text = PROFILE.replace('hours = "10 h"', f'hours = "{HOURS_S:g} s"')
        text = text.replace('source = "own"', 'source = "own"\nlog = "2 s"')
        (there.root / "profiles" / "bake.toml").write_text(text, encoding="utf-8")
        yield there


def said(bench: Served, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words], cwd=bench.root, text=True, capture_output=True, check=False
    )


def test_its_hours_count_on_and_nobody_goes_on_before_a_person_knows(bench: Served) -> None:
    program = bench.run()
    time.sleep(26.0)  # a log is flushed every 20 s
    program.kill()
    program.wait()
    end = time.monotonic() + 10
    while bench.is_on():
        assert time.monotonic() < end
        time.sleep(0.1)
    root = bench.journals()[-1].parent
    looked = said(bench, "resume", root.name, "--look")
    assert "was cut off" in looked.stdout
    assert "served and on record" in looked.stdout
    barred = said(bench, "resume", root.name)
    assert barred.returncode == 4, barred.stderr
    assert "sensorbench acknowledge --by NAME" in barred.stderr
    said(bench, "acknowledge", "--by", "operator 7", "--because", "the PC was restarted")
    done = said(bench, "resume", root.name)
    assert done.returncode == 0, done.stdout + done.stderr  # what is served has the lot's part
    assert verify(root).is_whole
    run = RunReader(root)
    first, second = (event.data for event in run.events("hold"))
    assert first["cut"]
    assert 2.0 <= first["credit_s"] < HOURS_S
    assert first["credit_s"] + second["credit_s"] == pytest.approx(HOURS_S, abs=0.5)
    assert [event.data["by"] for event in run.events("acknowledged")] == ["operator 7"]
    assert not bench.is_on()
