"""new and check-device: what is made works as it is, and what is missing is told in words."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sensorbench.app.commands.check_device import check_device
from sensorbench.app.commands.init import init_workspace
from sensorbench.app.commands.new import new_thing
from sensorbench.core.errors import InputError
from sensorbench.profiles.library import load_profile
from sensorbench.station.preflight import preflight
from sensorbench.station.workspace import Workspace, load_job

ROOT = Path(__file__).parents[2]
OURS = 'lint.isort.known-first-party = ["sensorbench"]'
CHECK = "import sys; from sensorbench.app.commands.check_device import check_device as check; "


def install(root: Path) -> dict[str, str]:
    """Do what an editable installation does, and return the environment in which it holds."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    site = root / "site"
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    head = f"Name: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{head}")
    rows = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(rows))
    paths = [str(root), str(site), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def python(
    root: Path, *arguments: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=root, capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip


def check_in(root: Path, name: str) -> subprocess.CompletedProcess[str]:
    return python(root, "-c", f"{CHECK}sys.exit(check('{name}'))", environment=install(root))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of the user's own with a sensor and an instrument."""
    root = tmp_path / "acme_sensors"
    new_thing("sensor", "acme_t1", root)
    new_thing("instrument", "acme_plate", root)
    return root


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders of a checkout, and one stands somewhere in it."""
    for kind in ("sensors", "instruments"):
        folder = tmp_path / "drivers" / "sensorbench" / kind
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("")
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    return tmp_path


# -- devices -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["acme_t1", "acme_plate"])
def test_a_new_device_keeps_every_claim_as_it_is(package: Path, name: str) -> None:
    done = check_in(package, name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{name}: " in done.stdout
    assert "(from acme-sensors 0.1.0; " in done.stdout
    assert "MISSING" not in done.stdout
    assert "  ok       " in done.stdout


def test_its_own_tests_pass(package: Path) -> None:
    done = python(package, "-m", "pytest", "-q", environment=install(package))
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "told"),
    [
        ("acme_t1", "driver.py", "signed=True) / 128", "signed=True) / 100", "temperature reads"),
        ("acme_t1", "driver.py", "if data[0] != READY", "if data[0] == 7", "the same reading was"),
        ("acme_t1", "driver.py", "before_s = self._clock.now()", "before_s = None / 2",
         "it raised TypeError: unsupported operand"),
        ("acme_t1", "driver.py", "import numpy as np", "import nympy as np",
         "driver.py can't be used: it raised ModuleNotFoundError: No module named 'nympy'"),
        ("acme_t1", "twin.py", "class SimAcmeT1", "class Other", "twin.py can't be used"),
        ("acme_t1", "twin.py", "import math\n",
         "import math\nimport sensorbench.protocols.checksums\n", "which drivers decode with"),
        ("acme_plate", "driver.py", 'send(self._line, ":OUTP 0")', "pass", "it is still on"),
        ("acme_plate", "driver.py", '":MEAS:TEMP?"), ":MEAS', '":SOUR:TEMP?"), ":MEAS',
         "reads 105.0 degC where the world has"),
        ("acme_plate", "twin.py", "0.05 * world", "5.0 * world", "brought the world to"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_in_words(
    package: Path, name: str, file: str, old: str, new: str, told: str
) -> None:
    path = package / "acme_sensors" / "devices" / name / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    done = check_in(package, name)
    assert done.returncode == 1
    assert "  MISSING  " in done.stdout
    assert told in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_line_that_fails_is_named(package: Path) -> None:
    path = package / "acme_sensors" / "devices" / "acme_t1" / "driver.py"
    lines = path.read_text().splitlines()
    number = next(n for n, line in enumerate(lines) if "before_s = self._clock.now()" in line)
    lines[number] = "        before_s = self._clok.now()"
    path.write_text("\n".join(lines))
    done = check_in(package, "acme_t1")
    assert f"has no attribute '_clok' (driver.py, line {number + 1})" in done.stdout


def test_a_device_of_ours_keeps_its_claims(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_device("tmp117") == 0
    assert check_device("helmholtz_coil") == 0
    assert "MISSING" not in capsys.readouterr().out


def test_an_unknown_device_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match="is no device; did you mean tmp117"):
        check_device("tmp17")


def test_a_checkout_gets_its_devices_where_ours_are(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new_thing("sensor", "acme_t1", None)
    new_thing("instrument", "acme_plate", None)
    files = {p.relative_to(checkout).as_posix() for p in checkout.rglob("*") if p.is_file()}
    assert files >= {
        "drivers/sensorbench/sensors/acme_t1/driver.py",
        "drivers/sensorbench/sensors/acme_t1/device.toml",
        "drivers/sensorbench/instruments/acme_plate/twin.py",
        "docs/devices/acme_t1.md",
        "tests/drivers/sensors/test_acme_t1.py",
        "tests/drivers/instruments/test_acme_plate.py",
    }
    text = (checkout / "tests/drivers/sensors/test_acme_t1.py").read_text()
    assert "from sensorbench.sensors.acme_t1.driver import" in text
    out = capsys.readouterr().out
    assert "sensorbench check-device acme_t1" in out
    assert "pip install" not in out


@pytest.mark.parametrize("kind", ["sensor", "instrument"])
def test_what_the_repository_wants_of_a_device_is_told_last(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str],
    kind: str,
) -> None:  # fmt: skip
    new_thing(kind, "acme_t1", None, as_json=True)
    tests, pages, table = json.loads(capsys.readouterr().out)["next"][-3:]
    assert tests == f"pytest {checkout / 'tests' / 'drivers' / f'{kind}s'} -k acme_t1"
    assert pages == "sensorbench devices --pages devices"
    assert table == f"python {checkout / 'tools' / 'make_conformance_table.py'}"
    assert (ROOT / "tools" / "make_conformance_table.py").is_file()
    new_thing(kind, "acme_t1", tmp_path_factory.mktemp("own") / "acme_sensors")
    assert "--pages" not in capsys.readouterr().out  # a package of one's own has neither


@pytest.mark.parametrize("kind", ["sensor", "instrument"])
def test_the_suite_is_tried_by_a_package_s_test_and_in_a_checkout_by_the_tests_of_all(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    own = tmp_path_factory.mktemp("own") / "acme_sensors"
    new_thing(kind, "acme_t1", None)
    new_thing(kind, "acme_t1", own)
    ours = (checkout / "tests" / "drivers" / f"{kind}s" / "test_acme_t1.py").read_text()
    theirs = (own / "tests" / "test_acme_t1.py").read_text()
    assert f"{kind.upper()}_CHECKS" in theirs
    assert "_CHECKS" not in ours
    assert (
        f"test_every_{kind}"
        in (ROOT / "tests" / "drivers" / f"{kind}s" / "test_conformance.py").read_text()
    )


def test_what_is_made_needs_no_tidying(checkout: Path) -> None:
    new_thing("sensor", "acme_t1", None)
    new_thing("instrument", "acme_plate", None)
    made = [*checkout.rglob("*acme*/*.py"), *checkout.rglob("test_*.py")]
    assert len(made) == 8
    for path in made:
        name = path.relative_to(checkout).as_posix()  # as if it lay in our checkout
        for words in (["check"], ["format", "--check"]):
            done = subprocess.run(
                [sys.executable, "-m", "ruff", *words, "--no-cache", "--config", OURS,
                 "--stdin-filename", name, "-"],
                cwd=ROOT, input=path.read_text(), capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout
    text = "".join(p.read_text() for p in checkout.rglob("*acme*") if p.is_file())
    assert not re.findall("@[A-Z]+@", text)


@pytest.mark.parametrize(
    ("name", "message"),
    [("Acme", "is no name"), ("1st", "is no name"), ("a-b", "is no name"), ("../x", "is no name"),
     ("class", "is a word of Python"),
     ("bmp280", r"is there already \(from sensorbench\)")],
)  # fmt: skip
def test_a_name_that_can_t_be_is_refused(checkout: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        new_thing("sensor", name, None)


def test_outside_a_checkout_a_package_must_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="give --into FOLDER for your own package"):
        new_thing("sensor", "acme_t1", None)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(checkout: Path) -> None:
    page = checkout / "docs" / "devices" / "acme_t1.md"
    page.parent.mkdir()
    page.write_text("mine")
    with pytest.raises(InputError, match=r"acme_t1\.md: is there already; nothing was written"):
        new_thing("sensor", "acme_t1", None)
    assert page.read_text() == "mine"
    assert not (checkout / "drivers" / "sensorbench" / "sensors" / "acme_t1").exists()


def test_a_package_s_folder_must_be_new_or_a_package(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="neither empty nor a package"):
        new_thing("sensor", "acme_t1", tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme"\n')
    with pytest.raises(InputError, match=r'entry-points."sensorbench.devices".*is missing; write'):
        new_thing("sensor", "acme_t1", tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        '[project.entry-points."sensorbench.devices"]\nacme = "acme.devices"\n'
    )
    with pytest.raises(InputError, match="acme/devices with an __init__"):
        new_thing("sensor", "acme_t1", tmp_path)
    (tmp_path / "src" / "acme" / "devices").mkdir(parents=True)
    new_thing("sensor", "acme_t1", tmp_path)
    assert (tmp_path / "src" / "acme" / "devices" / "acme_t1" / "driver.py").is_file()
    with pytest.raises(InputError, match="must do as a package's"):
        new_thing("sensor", "acme_t2", tmp_path / "1")


def test_a_package_can_not_have_a_word_of_python_for_its_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must do as a package's"):
        new_thing("sensor", "cell", tmp_path / "class")


def test_only_three_things_can_be_made() -> None:
    with pytest.raises(InputError, match="there are sensor, instrument, profile"):
        new_thing("lot", "x", None)


# -- profiles ----------------------------------------------------------------------------------


def test_a_new_profile_can_be_run_in_a_new_workspace(tmp_path: Path) -> None:
    root = tmp_path / "bench"
    init_workspace(root)
    new_thing("profile", "acme/first", root)
    job = load_job(Workspace(root), "profiles/acme/first.toml", ["first"])
    assert job.profile.id == "acme/first"
    assert preflight(job, datetime.now(UTC)).duration_s > 0


def test_a_package_s_profile_is_found_by_its_id(package: Path) -> None:
    new_thing("profile", "acme/first", package)
    show = "from sensorbench.profiles.library import load_profile as load; "
    done = python(
        package, "-c", f"{show}print(load('acme/first').title)", environment=install(package)
    )
    assert done.stdout == "First\n", done.stderr


def test_a_checkout_s_profile_goes_into_the_library(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "profiles" / "sensorbench" / "profiles" / "library").mkdir(parents=True)
    new_thing("profile", "acme/first", checkout)
    path = checkout / "profiles" / "sensorbench" / "profiles" / "library" / "acme" / "first.toml"
    assert load_profile(str(path), checkout).id == "acme/first"
    with pytest.raises(InputError, match="is in the library already"):
        new_thing("profile", "check/pressure", checkout)


@pytest.mark.parametrize("name", ["Acme", "a//b", "/a", "../a", ""])
def test_an_id_that_can_t_be_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="is no id"):
        new_thing("profile", name, tmp_path)


def test_a_folder_that_is_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a workspace nor a package"):
        new_thing("profile", "first", tmp_path)
