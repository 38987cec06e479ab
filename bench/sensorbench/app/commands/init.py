"""init: a workspace with commented examples, all of it or nothing."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import typer

from sensorbench.app.demo import template
from sensorbench.core.errors import InputError

FILES = {
    "station.toml": "init_station.toml",
    "parts/sbp1.toml": "sbp1.toml",
    "lots/first.toml": "init_lot.toml",
    ".gitattributes": "gitattributes",
}


def init_workspace(root: Path) -> None:
    """Write the files. Raises InputError where `root` is not new or empty."""
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise InputError.one(str(root), "", "is not empty; give a new folder")
    here = root.resolve()
    try:
        here.parent.mkdir(parents=True, exist_ok=True)
        # Written beside and moved in one piece, so that nothing half-done is left behind.
        draft = Path(tempfile.mkdtemp(prefix=f".{here.name}-", dir=here.parent))
    except OSError as error:
        raise InputError.one(str(root), "", f"can't be written: {error.strerror}") from None
    try:
        for name, source in FILES.items():
            path = draft / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(template(source), encoding="utf-8", newline="\n")
        if here.exists():
            # The folder may be somebody's current one: it stays, its content comes in.
            for path in draft.iterdir():
                path.rename(here / path.name)
            draft.rmdir()
        else:
            draft.chmod(0o755)
            draft.rename(here)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise InputError.one(str(root), "", f"can't be written: {error.strerror}") from None
    typer.echo(
        f"{root} is ready: edit station.toml, parts/ and lots/, then\n"
        f"  cd {root}\n"
        "  sensorbench check\n"
        "  sensorbench check calibration/pressure_temperature --lot first\n"
        "  sensorbench run calibration/pressure_temperature --lot first"
    )
