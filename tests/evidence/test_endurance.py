"""A long run costs at its end what it cost at its start, also to read."""

import shutil
import sys
from pathlib import Path
from statistics import median

import pytest

from sensorbench.assessment.verify import verify
from sensorbench.core.verdict import Verdict

from .endurance import LongRun, read, write

RUN = "SIM-20260601-200000-endurance"
EVENTS = 200_000
MIB = 1 << 20
pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif(sys.platform != "linux", reason="memory is told by /proc"),
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LongRun]:
    folder = tmp_path_factory.mktemp("endurance")
    (folder / "station.toml").touch()
    return folder, write(folder / "evidence" / RUN, EVENTS)


def test_the_memory_of_a_writer_is_flat(written: tuple[Path, LongRun]) -> None:
    _, run = written
    assert max(run.memory[10:]) <= 1.05 * run.memory[10]


def test_an_event_costs_at_the_end_what_it_cost_at_the_start(
    written: tuple[Path, LongRun],
) -> None:
    _, run = written
    # The machine may be busy now and then: half as much again is not yet a trend.
    assert median(run.busy[-30:]) <= 1.5 * median(run.busy[:30])


@pytest.mark.parametrize(
    ("command", "most_mib"), [("verify", 160), ("show", 160), ("runs", 80), ("report", 260)]
)
def test_every_command_reads_it_in_little_memory(
    written: tuple[Path, LongRun], command: str, most_mib: int
) -> None:
    folder, _ = written
    words = [command] if command == "runs" else [command, RUN]
    for _ in range(2):
        found = read(folder, *words)
        assert found.code == 0, found.said
        assert found.bytes < most_mib * MIB


def test_its_results_are_a_pass_and_a_changed_byte_is_found(
    written: tuple[Path, LongRun], tmp_path: Path
) -> None:
    folder, _ = written
    root = Path(shutil.copytree(folder / "evidence" / RUN, tmp_path / RUN))
    found = verify(root)
    assert found.is_whole
    assert found.verdict is Verdict.PASS
    assert found.assessment is not None
    assert found.assessment.facts["bake"]["served_s"][""] == pytest.approx(3.6e6, rel=1e-6)
    with (root / "journal.jsonl").open("r+b") as file:
        file.seek(file.seek(0, 2) // 2)
        file.write(b"~")
    assert "journal.jsonl: line" in "".join(map(str, verify(root).findings))
