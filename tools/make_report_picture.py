"""Draw docs/pictures/report-page.png: the first page of the demo's report.

python tools/make_report_picture.py

Needs poppler's pdftoppm. The demo runs in a folder of its own, with faults, so that
the page shows a unit that failed and one that is not known.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "report-page.png"
DPI = 130
COLOURS = 64


def main() -> int:
    """Run the demo and draw its report's first page, in as few colours as it has."""
    with tempfile.TemporaryDirectory() as folder:
        _run(sys.executable, "-m", "sensorbench.app.main", "demo", "demo", "--faults", cwd=folder)
        (report,) = Path(folder, "demo", "reports").glob("*.pdf")
        drawn = Path(folder, "page")
        _run(
            "pdftoppm", "-png", "-singlefile", "-r", str(DPI), "-f", "1", "-l", "1",
            str(report), str(drawn), cwd=folder,
        )  # fmt: skip
        with Image.open(drawn.with_suffix(".png")) as page:
            page.convert("RGB").quantize(COLOURS).save(PICTURE, optimize=True)
    return 0


def _run(*command: str, cwd: str) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode not in (0, 1):  # 1: a unit failed, as it should
        raise SystemExit(f"{command[0]}: {done.stderr[-500:]}")


if __name__ == "__main__":
    sys.exit(main())
