"""The wheel carries its data files, and works where there is no checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = ("bench", "drivers", "profiles", "reports")
OUTSIDE = """
import sys
floors, wheel = sys.argv[1].split("|"), sys.argv[2]
sys.path[:] = [wheel, *(path for path in sys.path if path not in floors)]
sys.argv = ["sensorbench", *sys.argv[3:]]
from sensorbench.app.main import main
import sensorbench.core
assert sensorbench.core.__file__.startswith(wheel)
main()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_every_file_of_the_four_floors_and_nothing_else(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    there = {
        path.relative_to(ROOT / floor).as_posix()
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == there
    assert {Path(name).suffix for name in inside} >= {".py", ".toml", ".typed"}


@pytest.mark.slow
def test_the_wheel_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-c", OUTSIDE, "|".join(str(ROOT / floor) for floor in FLOORS),
         str(tmp_path / "site"), "demo", "--short", "--units", "2"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "sensorbench-demo" / "reports").glob("*.pdf"))) == 1
