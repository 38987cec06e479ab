"""A package of somebody else's, made as the guides say, runs to a report; no file of ours changes.

The code of the kind, its quantity, measure, words and profile, and the bench that it runs on, are
those of docs/guides/add-a-kind.md.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sensorbench.app.commands.new import new_thing
from sensorbench.assessment.verify import verify
from sensorbench.core.verdict import Verdict

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"
_BLOCK = re.compile(r"```(?:python|toml)\n# (\S+\.(?:py|toml))\n(.*?)```", re.DOTALL)

# What turns the thermometer and the plate that `new` writes into a force sensor and a press.
IMPORT = "from acme_press.quantities import FORCE\n"
SENSOR = {
    "driver.py": [
        ("from sensorbench.core.quantity import TEMPERATURE\n", IMPORT),
        ('Channel("temperature", TEMPERATURE', 'Channel("force", FORCE'),
    ],
    "twin.py": [("self._place.temperature_c(ended_s)", 'self._place.scalar("force", ended_s)')],
}  # fmt: skip
INSTRUMENT = {
    "driver.py": [
        ("import TEMPERATURE, Value", "import Value"),
        ("from sensorbench.core.clock", f"{IMPORT}from sensorbench.core.clock"),
        ("temperature = setpoint", "force = setpoint"),
        ("TEMPERATURE, rated", "FORCE, rated"),
        ("@temperature.", "@force."),
    ],
    "twin.py": [('{"temperature": self._plate}', '{"force": self._plate}'),
                ('ambient_of("temperature")', 'ambient_of("force")')],
}  # fmt: skip


def replace(folder: Path, changes: dict[str, list[tuple[str, str]]]) -> None:
    for name, pairs in changes.items():
        path = folder / name
        text = path.read_text()
        for old, new in pairs:
            assert old in text, f"{name}: {old}"
            text = text.replace(old, new)
        path.write_text(text)


def guide_files() -> dict[str, str]:
    """Return the files that the guide shows, by path."""
    return dict(_BLOCK.findall((GUIDES / "add-a-kind.md").read_text(encoding="utf-8")))


def install(root: Path, site: Path) -> None:
    """Write the metadata that installing a project leaves: its name, and its entry points."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    info = site / "acme_press-0.1.0.dist-info"
    info.mkdir(parents=True)
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(head)
    lines: list[str] = []
    for group, rows in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in rows.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as a user makes it, installed, and a workspace that uses it."""
    folder = tmp_path_factory.mktemp("plugin")
    root = folder / "acme_press"
    new_thing("sensor", "press_cell", root)
    new_thing("instrument", "press", root)
    devices = root / "acme_press" / "devices"
    replace(devices / "press_cell", SENSOR)
    replace(devices / "press", INSTRUMENT)
    with (devices / "press_cell" / "device.toml").open("a") as file:
        file.write('\n[check.values]\nforce = ["10 N", "0.04 kN", "90 N"]\n')
    for name, text in guide_files().items():
        if name == "pyproject.toml":
            continue
        path = (folder if name.startswith("bench/") else root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if path.is_relative_to(root):
            (path.parent / "__init__.py").touch()
    added = re.search(
        r"# add to pyproject.toml\n(.*?)```", (GUIDES / "add-a-kind.md").read_text(), re.DOTALL
    )
    assert added
    with (root / "pyproject.toml").open("a") as file:
        file.write("\n" + added[1])
    install(root, folder / "site")
    return folder


def python(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = [str(place / "acme_press"), str(place / "site"), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=place / "bench",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        check=False,
    )


def sensorbench(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return python(place, "-m", "sensorbench.app.main", *arguments)


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    """The folder of a run of the package's profile."""
    done = sensorbench(place, "run", "acme/repeat", "--lot", "first")
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = (place / "bench" / "evidence").iterdir()
    return found


def lines_of(place: Path) -> dict[str, int]:
    """Return how many lines each thing took, blank ones and comments left out."""
    package = place / "acme_press" / "acme_press"
    made = {
        "quantity": [package / "quantities.py"],
        "sensor": sorted((package / "devices" / "press_cell").glob("*")),
        "instrument": sorted((package / "devices" / "press").glob("*")),
        "measure": sorted((package / "repeatability").glob("*")),
        "kind": sorted((package / "repeat").glob("*")),
        "words": [package / "words.py"],
        "profile": [package / "profiles" / "acme" / "repeat.toml"],
    }
    return {
        name: sum(
            bool(line.strip()) and not line.lstrip().startswith("#")
            for path in paths
            if path.suffix in (".py", ".toml")
            for line in path.read_text(encoding="utf-8").splitlines()
        )
        for name, paths in made.items()
    }


FAILS = {
    "driver.py": [
        ('return parse_number(self._line.query(":MEAS:TEMP?"), ":MEAS:TEMP?")', "return [][0]"),
    ],
}  # fmt: skip
LIES = {
    "driver.py": [
        ('return parse_number(self._line.query(":MEAS:TEMP?"), ":MEAS:TEMP?")',
         'return self._line.query(":MEAS:TEMP?")'),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (FAILS, "a fault of the driver or twin of press (from acme-press 0.1.0), not of "
         "sensorbench: IndexError: list index out of range (at driver.py:"),
        (LIES, "where a force belongs. That is a fault of the driver, not of the instrument: "
         "`sensorbench check-device press` tries it"),
    ],
)  # fmt: skip
def test_a_run_whose_driver_is_wrong_ends_safe_and_names_it(
    place: Path, tmp_path: Path, changes: dict[str, list[tuple[str, str]]], said: str
) -> None:
    other = tmp_path / "plugin"
    shutil.copytree(place, other, ignore=shutil.ignore_patterns("evidence"))
    replace(other / "acme_press" / "acme_press" / "devices" / "press", changes)
    done = sensorbench(other, "run", "acme/repeat", "--lot", "first")
    assert done.returncode == 70, done.stdout + done.stderr
    assert said in done.stderr
    assert "the bench is in its safe state" in done.stderr
    assert "Traceback" not in done.stderr
    assert sensorbench(other, "check-device", "press").returncode == 1


def test_the_guide_says_what_each_thing_took(place: Path) -> None:
    guide = (GUIDES / "add-a-kind.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| (\w+) \| .* \| (\d+) \|$", guide, re.MULTILINE))
    assert {name: int(count) for name, count in told.items()} == lines_of(place)


@pytest.mark.parametrize("name", ["press_cell", "press"])
def test_its_devices_keep_what_every_device_keeps(place: Path, name: str) -> None:
    check = "import sys; from sensorbench.app.commands.check_device import check_device as check; "
    done = python(place, "-c", f"{check}sys.exit(check({name!r}))")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "(from acme-press 0.1.0;" in done.stdout


def test_everything_of_it_is_found_and_nothing_is_broken(place: Path) -> None:
    code = (
        "from sensorbench.core.catalog import devices; from sensorbench.core.plugins import *\n"
        "from sensorbench.core.quantity import quantities\n"
        "from sensorbench.profiles.library import profile_ids\n"
        "assert {'press', 'press_cell'} <= set(devices()); assert 'force' in quantities()\n"
        "assert 'acme/repeat' in profile_ids()\n"
        "for group in ('profiles.kinds', 'assessment.kinds', 'reports.kinds'):\n"
        "    assert load(f'sensorbench.{group}', 'repeat'), group\n"
        "assert broken() == (), broken()"
    )
    done = python(place, "-c", code)
    assert done.returncode == 0, done.stderr


def test_one_reading_tells_no_repeatability(place: Path) -> None:
    """How many readings a measure of somebody else's needs is checked before a run."""
    profile = place / "bench" / "once.toml"
    profile.write_text(
        'id = "acme/once"\ntitle = "Once"\nsource = "own"\n[[phase]]\nkind = "grid"\nname = "g"\n'
        'axes = [{ set = { force = ["50 %"] } }]\nmeasures = ["repeatability"]\n'
    )
    done = sensorbench(place, "check", "once.toml", "--lot", "first")
    assert done.returncode == 2, done.stdout
    assert "repeatability of force: it needs 2 readings, there are 1" in done.stderr


def test_check_knows_its_kind(place: Path) -> None:
    done = sensorbench(place, "check", "acme/repeat", "--lot", "first")
    assert done.returncode == 0, done.stdout + done.stderr
    profile = place / "bench" / "wrong.toml"
    text = (place / "acme_press" / "acme_press" / "profiles" / "acme" / "repeat.toml").read_text()
    profile.write_text(text.replace('"90 %"', '"130 %"').replace("times = 5", "times = 1"))
    done = sensorbench(place, "check", "wrong.toml", "--lot", "first")
    assert done.returncode == 2
    assert "times" in done.stderr
    profile.write_text(text.replace('"90 %"', '"130 %"'))
    done = sensorbench(place, "check", "wrong.toml", "--lot", "first")
    assert done.returncode == 2
    assert "force = 130 N is outside what this bench may do, 0..120 N" in done.stderr


def test_a_run_names_whose_rules_it_was_judged_by(run: Path) -> None:
    results = json.loads((run / "derived" / "results.json").read_text())
    assert results["verdict"] == "PASS"
    assert results["rules"]["repeat"] == "repeat 1, acme-press 0.1.0"
    assert results["rules"]["repeatability"] == "repeatability 1, acme-press 0.1.0"
    own = {row["serial"]: row for row in results["results"] if row["measure"] == "repeatability"}
    assert set(own) == {"26000001", "26000002"}
    for row in own.values():
        assert 0.0 < row["value"] < 0.2
        assert (row["unit"], row["high"], row["verdict"]) == ("N", 0.2, "PASS")
    schedule = json.loads((run / "inputs" / "schedule.json").read_text())
    assert schedule["quantities"]["force"]["unit"] == "N"
    assert {phase["origin"] for phase in schedule["phases"]} == {"acme-press 0.1.0"}


def test_its_chapter_stands_in_the_report_in_both_languages(place: Path, run: Path) -> None:
    done = sensorbench(place, "report", run.name, "--format", "html", "--lang", "en,zh")
    assert done.returncode == 0, done.stdout + done.stderr
    (page,) = (place / "bench" / "reports").rglob("*.html")
    text = page.read_text(encoding="utf-8")
    for words in ("Readings at every return", "returns made", "repeatability", "acme-press 0.1.0",
                  "每次往返的读数", "重复性"):  # fmt: skip
        assert words in text, words


def test_verify_computes_the_same_again(place: Path, run: Path) -> None:
    done = sensorbench(place, "verify", run.name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_the_package_the_stored_results_stand(run: Path) -> None:
    found = verify(run)
    assert found.is_whole
    said = "is not installed here: the stored results stand"
    assert [text for text in found.changed if "repeatability" in text and said in text]
    assert found.assessment is not None
    assert found.assessment.verdict is Verdict.PASS


def test_a_broken_module_is_named_and_takes_nothing_down(place: Path) -> None:
    path = place / "acme_press" / "acme_press" / "words.py"
    text = path.read_text()
    path.write_text("import nothing_of_that_name\n")
    try:
        done = python(
            place,
            "-c",
            "from sensorbench.reports.words import Words; print(Words('zh').text('yes'));"
            "from sensorbench.core.plugins import broken; print(*broken())",
        )
    finally:
        path.write_text(text)
    assert done.returncode == 0, done.stderr
    assert "acme-press 0.1.0" in done.stdout
    assert "No module named 'nothing_of_that_name'" in done.stdout
