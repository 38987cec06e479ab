"""The house: four source roots, one namespace, nothing that only POSIX has at import."""

import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = ("bench", "drivers", "profiles", "reports")

IMPORT_ALL_WITHOUT_POSIX = """
import importlib, pkgutil, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in POSIX:
            raise ModuleNotFoundError(name)
POSIX = {'fcntl', 'termios', 'tty', 'pty', 'pwd', 'grp', 'resource', 'smbus2'}
for name in POSIX:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Missing())
import sensorbench
count = 0
for module in pkgutil.walk_packages(sensorbench.__path__, 'sensorbench.'):
    importlib.import_module(module.name)
    count += 1
print(count)
"""


def test_no_init_file_stands_directly_in_the_namespace() -> None:
    assert [
        p for floor in FLOORS for p in (ROOT / floor / "sensorbench").glob("__init__.py*")
    ] == []


def test_no_package_is_in_two_floors() -> None:
    names = [
        path.name
        for floor in FLOORS
        for path in (ROOT / floor / "sensorbench").iterdir()
        if path.is_dir() and path.name != "__pycache__"
    ]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_every_package_has_its_init_and_is_typed() -> None:
    for floor in FLOORS:
        root = ROOT / floor / "sensorbench"
        for folder in {path.parent for path in root.rglob("*.py")}:
            assert (folder / "__init__.py").is_file(), folder
        for package in root.iterdir():
            if package.is_dir() and package.name != "__pycache__":
                assert (package / "py.typed").is_file(), package


def test_every_module_imports_without_what_only_posix_has() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL_WITHOUT_POSIX],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 80


@pytest.mark.parametrize("heavy", ["numpy", "scipy", "matplotlib", "pyvisa", "pydantic", "rich"])
def test_help_imports_nothing_heavy(heavy: str) -> None:
    code = (
        "import sys\nfrom sensorbench.app.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit: pass\n"
        f"assert {heavy!r} not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "calibrate" in done.stdout.lower()


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    reasons = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    names = [
        requirement.split(">=")[0].strip()
        for requirement in [
            *project["project"]["dependencies"],
            *project["project"]["optional-dependencies"]["test"],
        ]
    ]
    assert [name for name in names if f"`{name.lower()}`" not in reasons] == []
