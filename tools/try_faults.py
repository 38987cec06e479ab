"""Try every fault of every twin in the middle of every kind of step, and write docs/faults.md.

python tools/try_faults.py [SCENE…] [--keep rows.jsonl]
python tools/try_faults.py --keep rows.jsonl --into docs/faults.md

Each fault begins in the middle of a step, and stays for a moment, for a while, or to the end. Takes
several hours; several may run at once, a scene each, and keep their rows in one file.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.proof.faulting import Scene, Seen, Tried, Wrong, compare, faults_of, moments, tried
from tests.proof.proving import Bench

from sensorbench.core.errors import BenchError
from sensorbench.core.verdict import Verdict
from sensorbench.station.workspace import Workspace

PROOF = Path(__file__).parents[1] / "tests" / "proof"
CALIBRATION = "calibration/pressure_temperature"
STAYS_S = (0.15, 120.0, inf)
"""A moment that one retry outlasts, two minutes, and to the end."""
SOON_S = 0.1
QUIET = ("load", "gate", "release", "set supply", "set temperature")
"""Steps at which nothing is done that another does not do too."""
PAIRS = (
    (("chamber", "sensor_stuck"), ("thermometer", "silent")),
    (("chamber", "sensor_stuck"), ("thermometer", "stuck")),
    (("chamber", "sensor_open"), ("thermometer", "silent")),
    (("chamber", "sensor_stuck"), ("hygrometer", "stuck")),
    (("chamber", "silent"), ("thermometer", "silent")),
    (("psu", "trip1"), ("dmm", "silent")),
    (("psu", "silent"), ("unit", "silent")),
    (("pace", "silent"), ("unit", "stuck")),
    (("relays", "welded"), ("unit", "stuck")),
)
HEAD = """
id = "own/{name}"
title = "{name}"
source = "own"
log = "1 min"

[soak]
temperature = {{ within = "1 K", for = "1 min", timeout = "40 min" }}
humidity = {{ within = "3 %RH", for = "1 min", timeout = "40 min" }}
"""
TESTED = 'test = { before = ["room"], after = ["room"] }\n'
PROFILES = {
    "grid": """
[[phase]]
kind = "grid"
name = "check"
axes = [
    { set = { temperature = ["30 degC", "40 degC"] } },
    { set = { pressure = ["20 %", "80 %"] } },
]
measures = ["error"]
""",
    "test": """
[[phase]]
kind = "test"
name = "test"
conditions = ["room"]
""",
    "stress": """
[[phase]]
kind = "stress"
name = "bake"
set = [{ supply = "max" }, { temperature = "40 degC" }]
hours = "20 min"
monitor = { every = "5 min", measures = ["error"], limits = { error = ["-0.02 FS", "0.02 FS"] } }
cool = { set = { supply = "max" }, until = { temperature = "35 degC" } }
"""
    + TESTED,
    "cycle": """
[[phase]]
kind = "cycle"
name = "cycles"
set = { supply = "max" }
steps = [
    { set = { temperature = "20 degC" }, dwell = "10 min" },
    { set = { temperature = "40 degC" }, dwell = "10 min" },
]
cycles = 2
rate = { temperature = "5 K/min" }
"""
    + TESTED,
    "steps": """
[[phase]]
kind = "steps"
name = "steps"
set = { temperature = "30 degC", pressure = ["60 kPa", "90 kPa", "120 kPa", "off"] }
dwell = "5 min"
times = 2
"""
    + TESTED,
    "prompt": """
[[phase]]
kind = "prompt"
name = "look"
text = "Look at the tubes."

[[phase]]
kind = "test"
name = "test"
conditions = ["room"]
""",
    "record": """
[[phase]]
kind = "record"
name = "rest"
duration = "10 min"
settings = "noise"
measures = ["noise_density"]
""",
    "humid grid": """
[[phase]]
kind = "grid"
name = "check"
axes = [
    { set = { temperature = ["25 degC", "35 degC"] } },
    { set = { humidity = ["30 %RH", "60 %RH"] } },
]
measures = ["error"]
""",
    "humid stress": """
[[phase]]
kind = "stress"
name = "damp"
set = [{ supply = "max" }, { temperature = "40 degC" }, { humidity = "85 %RH" }]
hours = "20 min"
monitor = { every = "5 min", measures = ["error"] }
"""
    + TESTED,
    "supply grid": """
[[phase]]
kind = "grid"
name = "characterisation"
axes = [
    { set = { temperature = ["25 degC", "35 degC"] } },
    { set = { supply = ["min", "nominal", "max"] } },
]
measures = ["offset", "sensitivity", "supply_current"]
""",
    "pulsed": """
[[phase]]
kind = "cycle"
name = "pulsed"
set = { supply = "max", pressure = { low = "min", high = "max", period = "2 s", shape = "square" } }
steps = [
    { set = { temperature = "20 degC" }, dwell = "5 min" },
    { set = { temperature = "40 degC" }, dwell = "5 min" },
]
cycles = 1
monitor = { every = "1 min", measures = ["error"], limits = { error = ["-0.02 FS", "0.02 FS"] } }
"""
    + TESTED,
    "burst": """
[[phase]]
kind = "steps"
name = "proof front"
units = "front"
set = { temperature = "30 degC", pressure.front = ["1 FS", "2 FS", "off"] }
dwell = "5 min"
times = 2
"""
    + TESTED,
}


PAGE = """# What becomes of a fault

Faults of twins, begun in the middle of each kind of step of the scenes named below, for a moment,
for two minutes and to the end; and pairs of which each hides the other. Each run is compared with
the same run without the fault, and with what the simulated world really had at each place.
`tools/try_faults.py` makes this page: {runs} runs, {wrong} of them WRONG: what a unit saw, or
what was recorded, is not as it was to be, and a unit is PASS.

What nobody can notice, counted as unseen: where only the instrument that acts tells what it does,
some of its faults (`check` and the report name such places; `watch = ["METER"]` gives them a second
meter); a reference that is off, stuck or noisy by less than the meters of its place may differ
(`agree`): only its calibration tells. A fault of a unit itself is judged by its limits. One that is
not met, as of a part that nobody reads meanwhile, changes nothing.

Scenes: {scenes}.

"""
WRONG = """
## What is PASS and should not be

| fault | what is not as it was to be | where |
| --- | --- | --- |
"""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One fault in one scene: in the middle of which step, for how long."""

    scene: Scene
    step: str
    model: str
    faults: tuple[Wrong, ...]


# name: workspace, profile (ours by name, or of the library), lot, kind of phase, made ready by
SCENES: dict[str, tuple[str, str, str, str, str]] = {
    "grid": ("pressure", "grid", "few", "grid", CALIBRATION),
    "test": ("pressure", "test", "few", "test", CALIBRATION),
    "stress": ("pressure", "stress", "few", "stress", CALIBRATION),
    "cycle": ("pressure", "cycle", "few", "cycle", CALIBRATION),
    "steps": ("pressure", "steps", "few", "steps", CALIBRATION),
    "response": ("pressure", "characterisation/step_response", "few", "response", CALIBRATION),
    "prompt": ("pressure", "prompt", "few", "prompt", CALIBRATION),
    "fit": ("pressure", CALIBRATION, "few", "grid", ""),
    "calibrate": ("pressure", CALIBRATION, "few", "calibrate", ""),
    "humid grid": ("humidity", "humid grid", "desk", "grid", ""),
    "humid stress": ("humidity", "humid stress", "desk", "stress", ""),
    "analog grid": ("analog", "supply grid", "a", "grid", ""),
    "coil grid": ("coil", "check/magnetic_field", "mag", "grid", ""),
    "positions": ("imu", "check/six_positions", "one", "grid", ""),
    "rate": ("imu", "check/rate", "one", "grid", ""),
    "record": ("imu", "record", "one", "record", ""),
    "pulsed cycle": ("pulsed", "pulsed", "few", "cycle", CALIBRATION),
    "burst steps": ("burst", "burst", "b1", "steps", ""),
}


def scene(name: str, folder: Path) -> Scene:
    """Return a scene, its units made ready, in a folder."""
    workspace, profile, lot, phase, first = SCENES[name]
    root = folder / f"{workspace}-{name.replace(' ', '-')}"
    shutil.copytree(PROOF / workspace, root)
    bench = Bench(Workspace(root))
    if first:
        bench.run(first, lot)
    if profile in PROFILES:
        path = root / "profiles" / "faulty.toml"
        path.parent.mkdir(exist_ok=True)
        head = HEAD.format(name=profile.replace(" ", "_"))
        path.write_text(head + PROFILES[profile], encoding="utf-8")
        profile = "profiles/faulty.toml"
    return Scene(name, bench, profile, (lot,), phase)


def cases(one: Scene, plain: Tried, only: str = "") -> Iterator[Case]:
    """Yield every fault of every twin of a scene's bench, in the middle of every kind of step."""
    for step, (began_s, took_s) in moments(one, plain).items():
        if not step.startswith(only) or step.startswith(QUIET) or began_s < SOON_S:
            continue
        lasts = took_s > 0.2
        # What takes no time meets a fault that begins right before it.
        at_s = began_s + took_s / 2 if lasts else began_s - 0.01
        stays_s = (inf,) if not lasts else STAYS_S if step in ("read", "hold") else STAYS_S[1:]
        for device, model, kind in faults_of(one):
            for stay_s in stays_s:
                yield Case(one, step, model, (Wrong(device, kind, at_s, at_s + stay_s),))


def pairs(one: Scene, plain: Tried) -> Iterator[Case]:
    """Yield pairs of faults of which each hides the other: what acts, and what watches it."""
    there = {(device, kind): model for device, model, kind in faults_of(one)}
    unit = faults_of(one)[-1][0]
    for step, (began_s, took_s) in moments(one, plain).items():
        if step not in ("hold", "read") or began_s < SOON_S:
            continue
        at_s = began_s + took_s / 2
        for acts, watches in PAIRS:
            second = (unit if watches[0] == "unit" else watches[0], watches[1])
            if acts in there and second in there:
                both = (Wrong(*acts, at_s), Wrong(*second, at_s))
                yield Case(one, step, f"{there[acts]} + {there[second]}", both)


# -- the table -------------------------------------------------------------------------------------


def as_row(case: Case, seen: Seen) -> Row:
    """Return one run as plain values."""
    return {
        "scene": case.scene.name,
        "step": case.step,
        "model": case.model,
        "kind": " + ".join(fault.kind for fault in case.faults),
        "stays_s": case.faults[0].until_s - case.faults[0].at_s,
        "noticed": seen.noticed,
        "after_s": seen.after_s,
        "ends": seen.ends,
        "verdict": seen.verdict.value,
        "why": list(seen.why),
        "wrong": list(seen.wrong),
    }


def is_wrong(row: Row) -> bool:
    """Return whether what a fault changed is PASS, and nobody told that it could be."""
    return any(not text.startswith("told") for text in row["wrong"])


def table(rows: Sequence[Row]) -> str:
    """Return the page: a line a fault of a model, worst first, and every run that is wrong."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["model"], row["kind"]), []).append(row)
    wrong = [row for row in rows if is_wrong(row)]
    scenes = sorted({row["scene"] for row in rows})
    lines = [PAGE.format(runs=len(rows), scenes=", ".join(scenes), wrong=len(wrong))]
    lines.append("| device | fault | runs | noticed as | after, s | came to | unseen | WRONG |\n")
    lines.append("| --- | --- | --- | --- | --- | --- | --- | --- |\n")
    for (model, kind), own in sorted(groups.items()):
        said = Counter(row["noticed"].partition(",")[0] for row in own if row["noticed"])
        noticed = ", ".join(f"{what} ({n})" for what, n in said.most_common(3)) or "nothing"
        after = sorted(row["after_s"] for row in own if isfinite(row["after_s"]))
        span = f"{median(after):.3g}, at most {after[-1]:.3g}" if after else ""
        came = ", ".join(f"{v} {n}" for v, n in sorted(Counter(r["verdict"] for r in own).items()))
        unseen = sum(bool(row["wrong"]) for row in own if not is_wrong(row))
        count = sum(map(is_wrong, own))
        cells = (
            model, f"`{kind}`", str(len(own)), noticed, span, came, str(unseen or ""),
            str(count or ""),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |\n")
    lines.append(WRONG if wrong else "")
    kinds: dict[str, list[str]] = {}
    for row in wrong:
        what = ", ".join(dict.fromkeys(text.partition(" ")[0] for text in row["wrong"]))
        where = f"{row['scene']}, {row['step']}"
        key = f"| {row['model']} `{row['kind']}` | {what.replace(':', '')} | {row['wrong'][0]}"
        kinds.setdefault(key.partition(" | ")[0] + f" | {what}", []).append(where)
    for key, places in sorted(kinds.items()):
        lines.append(f"{key.replace(':', '')} | {'; '.join(dict.fromkeys(places))} |\n")
    return "".join(lines)


def main() -> int:
    """Try what is asked for; 0 only if nothing that changed something is PASS."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("scenes", nargs="*", help="names; all if left out")
    parser.add_argument("--only", default="", help="the steps whose names begin so")
    parser.add_argument("--keep", type=Path, help="add every run to this file, as JSON lines")
    parser.add_argument("--into", type=Path, help="write the page, of what is kept")
    asked = parser.parse_args()
    rows: list[Row] = []
    if asked.into is None or not asked.keep:
        with tempfile.TemporaryDirectory() as temporary:
            for name in asked.scenes or SCENES:
                for row in try_scene(name, Path(temporary), asked.only):
                    rows.append(row)
                    if asked.keep:
                        with asked.keep.open("a", encoding="utf-8") as file:
                            file.write(json.dumps(row) + "\n")
    else:
        rows = [json.loads(line) for line in asked.keep.read_text(encoding="utf-8").splitlines()]
    if asked.into:
        asked.into.write_text(table(rows), encoding="utf-8")
    else:
        sys.stdout.write(table(rows))
    return 1 if any(map(is_wrong, rows)) else 0


def try_scene(name: str, folder: Path, only: str = "") -> Iterator[Row]:
    """Yield what came of every fault in a scene. Raises SystemExit where it fails without any."""
    one = scene(name, folder)
    plain = tried(one, folder / "plain")
    if plain.assessment.verdict is not Verdict.PASS:
        raise SystemExit(f"{name} is {plain.assessment.verdict} without any fault")
    for case in (*cases(one, plain, only=only), *pairs(one, plain)):
        try:
            run = tried(one, folder / "try", case.faults, plain.start_s)
        except BenchError:
            continue  # it met the bench while it was opened: nothing was begun
        yield as_row(case, compare(plain, run, case.faults))


if __name__ == "__main__":
    sys.exit(main())
