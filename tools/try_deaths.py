"""Kill simulated runs at random moments and at file operations, go on until they are done, compare.

python tools/try_deaths.py KILLS [--seed N] [--keep rows.jsonl] [SCENE…]

The world is a process of its own that outlives them. Each run is compared with one that nobody
disturbed, with the same seed: points, counts, verdicts, units and what is in their memories are
equal, values within their uncertainty, and the hours of stress by the world's own account are a
log period and a cycle more for each death at most. Prints a line a scene; exits with 1 where one
fell short. A thousand kills take about an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from sensorbench.app.main import main as main_of_the_program
from sensorbench.assessment.data import RunData
from sensorbench.assessment.results import Assessment, Result
from sensorbench.assessment.verify import verify
from sensorbench.evidence.check import Level, check
from sensorbench.evidence.journal import JournalWriter
from sensorbench.evidence.run import RunReader
from sensorbench.evidence.segments import SegmentWriter
from sensorbench.station.worlds import end_world, world_alive

PROOF = Path(__file__).parents[1] / "tests" / "proof"
CALIBRATION = "calibration/pressure_temperature"
OWN = "profiles/own.toml"
LOG_S = 300.0
HEAD = """
id = "own/x"
title = "x"
source = "own"
log = "5 min"

[soak]
temperature = { within = "1 K", for = "1 min", timeout = "40 min" }
"""
HTOL = """
[[phase]]
kind = "stress"
name = "HTOL"
set = [{ supply = "max" }, { temperature = "65 degC" }]
hours = "96 h"
readouts = ["48 h"]
monitor = { every = "1 h", measures = ["error"], limits = { error = ["-0.02 FS", "0.02 FS"] } }
cool = { set = { supply = "max" }, until = { temperature = "55 degC" } }
test = { before = ["room"], after = ["room"] }
"""
CYCLING = """
[[phase]]
kind = "cycle"
name = "TC"
set = { supply = "max" }
steps = [
    { set = { temperature = "0 degC" }, dwell = "10 min" },
    { set = { temperature = "65 degC" }, dwell = "10 min" },
]
cycles = 20
readouts = [10]
test = { before = ["room"], after = ["room"] }
"""
COUNTS = 1 << 60
"""An operation that never comes: all are counted."""
MORTALITY = 0.6
"""How likely who goes on is killed, too."""
MOST = 12
FAR = 3.0
"""Times both uncertainties, no value is apart by chance."""
SCENES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "HTOL": (HTOL, ("few",)),
    "cycling": (CYCLING, ("few",)),
    "write-back": ("", ("few",)),
    "lots": (HTOL.replace("96 h", "24 h").replace("48 h", "12 h"), ("few", "more")),
}
A_DEATH = {
    "HTOL": 1.1 * LOG_S / (96 * 3600), "cycling": 1.1 / 20, "write-back": 1.1 * 920 / 3520,
    "lots": 1.1 * LOG_S / (24 * 3600),
}  # fmt: skip
"""Which share of a run's hours of stress a death may cost: a log period, or a cycle.

In a calibration the soak of 15 min and its point are done again, at the warmest 125 degC: the whole
of it is worth 3520 s there.
"""
MORE = """
[lot]
id = "F2"
part = "sbp1"

[[unit]]
serial = "26100004"

[[unit]]
serial = "26100005"
"""


@dataclass(slots=True)
class Tried:
    """One run that was killed until it was done: how often, and what was not as it was to be."""

    kills: int = 0
    at_files: int = 0
    began_anew: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plain:
    """A run that nobody disturbed: how long it took, its operations on files, what units kept."""

    run: Path
    took_s: float
    operations: int
    memory: Mapping[str, str]


# -- programs --------------------------------------------------------------------------------------


def started(words: Sequence[str], root: Path, operation: int | None = None) -> int:
    """Start the program in a process of its own and return its number.

    With `operation` it dies at that operation on files, counted from 0, before or after it.
    """
    pid = os.fork()  # all is imported already: a program in a millisecond
    if pid:
        return pid
    left: list[int] = []
    try:
        os.setsid()
        os.chdir(root)
        out = os.open(root / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.argv = ["sensorbench", *words]
        left = _dies_at(operation) if operation is not None else []
        main_of_the_program()
    except SystemExit as end:
        sys.stdout.flush()
        if operation == COUNTS:
            Path("operations.txt").write_text(str(COUNTS - left[0]), encoding="ascii")
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException as error:
        os.write(2, repr(error).encode())
    os._exit(70)


def _dies_at(operation: int) -> list[int]:
    """Let this process die by SIGKILL at an operation on files; return what counts them down."""
    left = [operation]

    def die() -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def dying(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def call(*args: Any, **more: Any) -> Any:
            die()
            try:
                return real(*args, **more)
            finally:
                die()

        setattr(owner, name, call)

    for name in ("fsync", "link", "replace", "rename", "mkdir", "unlink", "ftruncate"):
        dying(os, name)
    for owner, name in (
        (JournalWriter, "hand_over"), (SegmentWriter, "flush"), (SegmentWriter, "hand_over"),
    ):  # fmt: skip
        dying(owner, name)
    return left


def ended(pid: int, within_s: float | None = None) -> int | None:
    """Wait for a program and return its exit code, negative for a signal; kill it after a time."""
    if within_s is not None:
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return None  # it was done before
            time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# -- one run ---------------------------------------------------------------------------------------


def base(scene: str, folder: Path) -> Path:
    """Return a workspace for a scene, its units calibrated where it does not do that itself."""
    text, lots = SCENES[scene]
    root = folder / f"{scene}-base"
    shutil.copytree(PROOF / "pressure", root)
    (root / "profiles").mkdir(exist_ok=True)
    (root / OWN).write_text(HEAD + text, encoding="utf-8")
    (root / "lots" / "more.toml").write_text(MORE, encoding="utf-8")
    for lot in lots if text else ():
        if ended(started(["run", CALIBRATION, "--lot", lot], root)):
            raise SystemExit((root / "said.txt").read_text())
    shutil.rmtree(root / "evidence", ignore_errors=True)
    return root


def words_of(scene: str) -> list[str]:
    """Return the words of the run of a scene."""
    text, lots = SCENES[scene]
    found = ["run", OWN if text else CALIBRATION]
    for lot in lots:
        found += ["--lot", lot]
    return found


def undisturbed(scene: str, source: Path, folder: Path) -> Plain:
    """Run a scene with nobody disturbing it."""
    root = folder / f"{scene}-plain"
    shutil.copytree(source, root)
    began = time.monotonic()
    code = ended(started(words_of(scene), root, COUNTS))
    took_s = time.monotonic() - began
    if code:
        raise SystemExit(
            f"{scene} is not PASS without any death: {(root / 'said.txt').read_text()}"
        )
    count = int((root / "operations.txt").read_text())
    return Plain(the_run(root), took_s, count, memory_of(root))


def the_run(root: Path) -> Path:
    """Return the only run that began in a workspace."""
    begun = [p for p in (root / "evidence").iterdir() if (p / "run.json").exists()]
    (found,) = begun
    return found


def memory_of(root: Path) -> dict[str, str]:
    """Return what the units remember."""
    told: dict[str, str] = json.loads((root / "simulation.json").read_text())
    return told


def disturbed(scene: str, source: Path, plain: Plain, chance: random.Random, folder: Path) -> Tried:
    """Run a scene, kill it until chance lets it live, and compare."""
    root = folder / f"{scene}-tried"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(source, root)
    tried = Tried()
    words = words_of(scene)
    records: list[bytes] = []
    lives = 0
    while True:
        lives += 1
        dies = chance.random() < (1.0 if lives == 1 else MORTALITY) and lives < MOST
        at_file = dies and chance.random() < 0.5
        rest = 1.0 if lives == 1 else chance.random()
        operation = int(chance.random() * rest * plain.operations) if at_file else None
        pid = started(words, root, operation)
        within_s = chance.random() * rest * plain.took_s if dies and not at_file else None
        code = ended(pid, within_s)
        if code != -signal.SIGKILL:
            break
        tried.kills += 1
        tried.at_files += at_file
        words = _goes_on(root, words_of(scene), tried, records)
    if code not in (0, None):
        tried.wrong.append(f"exit code {code}: {(root / 'said.txt').read_text()[-600:]}")
        return tried
    if world_alive(root):  # who was killed after the seal left it: what units remember is there
        end_world(root)
    tried.wrong += compare(scene, plain, root, tried.kills, records)
    return tried


def _goes_on(root: Path, anew: list[str], tried: Tried, records: list[bytes]) -> list[str]:
    """Look at what a death left; return the words that go on with it, or begin anew."""
    evidence = root / "evidence"
    folders = sorted(evidence.iterdir()) if evidence.exists() else []
    begun = [path for path in folders if (path / "run.json").exists()]
    for path in folders:
        damage = [str(f) for f in check(path) if f.level is Level.DAMAGE]
        tried.wrong += [f"damage after a death: {text}" for text in damage]
    if not begun:
        tried.began_anew += 1
        return anew
    data = (begun[-1] / "journal.jsonl").read_bytes()
    records.append(data[: data.rfind(b"\n") + 1])
    if (begun[-1] / "seal.json").exists():
        return ["verify", str(begun[-1])]
    events = [e.data for e in RunReader(begun[-1]).events("run_ended")]
    if events and events[-1]["state"] == "complete":
        return ["seal", begun[-1].name]
    return ["resume", begun[-1].name]


def compare(
    scene: str, plain: Plain, root: Path, kills: int, records: Sequence[bytes]
) -> Iterator[str]:
    """Yield what is not as it was to be."""
    run = the_run(root)
    found, there = verify(run), verify(plain.run)
    if not found.is_whole or found.assessment is None or there.assessment is None:
        yield f"verify: {[str(finding) for finding in found.findings]}"
        return
    journal = (run / "journal.jsonl").read_bytes()
    if not all(journal.startswith(record) for record in records):
        yield "a record that was there after a death is not there at the end"
    own, other = told(run, found.assessment), told(plain.run, there.assessment)
    for name, value in other.items():
        if own[name] != value:
            yield f"{name}: {own[name]} and not {value}"
    yield from apart(found.assessment, there.assessment)
    memory = memory_of(root)
    for name, before_h in plain.memory.items():
        if name.endswith("stress_h"):
            served = float(before_h) - base_h(scene, name, root)
            a_death = served * A_DEATH[scene]
            more = float(memory[name]) - float(before_h)
            if more > kills * a_death + 1e-9:
                yield f"{name}: {more:.4g} h more, {kills} deaths may cost {a_death:.3g} h each"
        elif name.endswith("nvm") and SCENES[scene][0] and memory[name] != before_h:
            yield f"{name} is another than it was"


def apart(own: Assessment, other: Assessment) -> Iterator[str]:
    """Yield what differs by more than both uncertainties allow: one value in twenty does.

    Where the worst of many readings is, and on which side, is chance: its size is compared.
    """
    before = {_of(r): r for r in other.results if r.uncertainty is not None}
    shares = []
    for result in own.results:
        one = before.get(_of(result))
        if one is None or one.uncertainty is None or result.uncertainty is None:
            continue
        by = abs(abs(result.value) - abs(one.value))
        shares.append(by / (result.uncertainty + one.uncertainty))
        if not shares[-1] <= FAR:
            u = result.uncertainty
            yield f"{result.serial} {result.measure} {result.at}: {by:.3g}, U {u:.3g}"
    beyond = sum(share > 1.0 for share in shares)
    if beyond > max(2, 0.05 * len(shares)):
        yield f"{beyond} of {len(shares)} values are further apart than their uncertainties"


def _of(result: Result) -> tuple[object, ...]:
    """Return what a result is of, wherever its worst reading was."""
    at = {key: result.at.get(key) for key in ("condition", "served_s", "cycles", "step")}
    return result.serial, *result.key[:-1], repr(at)


def told(run: Path, assessment: Assessment) -> dict[str, Any]:
    """Return what must be the same, whatever happened."""
    data = RunData.read(run)
    outcomes = [event.data["unit"] for event in data.events("outcome")]
    return {
        "verdict": assessment.verdict.value,
        "units": [
            (u.serial, u.verdict.value, [r.code for r in u.reasons]) for u in assessment.units
        ],
        "results": sorted(map(str, map(_of, assessment.results))),
        "points": sorted(data.readouts),
        "written": sorted(outcomes),
        "cycles": [facts.get("cycles_done") for facts in assessment.facts.values()],
        "served": [
            {k: round(v, 1) for k, v in facts.get("served_s", {}).items()}
            for facts in assessment.facts.values()
        ],
    }


def base_h(scene: str, name: str, root: Path) -> float:
    """Return the hours of stress that a unit had before the run of a scene."""
    source = root.with_name(f"{scene}-base") / "simulation.json"
    return float(json.loads(source.read_text()).get(name, 0.0)) if source.exists() else 0.0


# -- the whole -------------------------------------------------------------------------------------


def main() -> int:
    """Kill until there were enough; 0 only if every run came to what it was to come to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kills", type=int)
    parser.add_argument("scenes", nargs="*", help="names; all if left out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="add every run to this file, as JSON lines")
    asked = parser.parse_args()
    names = asked.scenes or list(SCENES)
    chance = random.Random(asked.seed)  # noqa: S311 - nothing secret
    began, failed = time.monotonic(), 0
    sums = {name: [0, 0, 0, 0] for name in names}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["SENSORBENCH_STATE"] = str(folder / "state")
        sources = {name: base(name, folder) for name in names}
        plain = {name: undisturbed(name, sources[name], folder) for name in names}
        while sum(row[1] for row in sums.values()) < asked.kills:
            name = min(names, key=lambda one: sums[one][1])
            tried = disturbed(name, sources[name], plain[name], chance, folder)
            for k, value in enumerate((1, tried.kills, tried.at_files, tried.began_anew)):
                sums[name][k] += value
            failed += bool(tried.wrong)
            for text in tried.wrong:
                sys.stdout.write(f"{name}, {tried.kills} deaths: {text}\n")
                sys.stdout.flush()
            if asked.keep:
                row = {"scene": name, "kills": tried.kills, "wrong": tried.wrong}
                with asked.keep.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
    for name, (runs, kills, at_files, anew) in sums.items():
        sys.stdout.write(
            f"{name}: {runs} runs, {kills} kills, {at_files} of them at operations on files, "
            f"{anew} before anything had begun\n"
        )
    took = (time.monotonic() - began) / 60
    sys.stdout.write(f"{failed} runs fell short; {took:.1f} min\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
