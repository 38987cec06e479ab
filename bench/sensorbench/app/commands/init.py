"""init: a workspace with commented examples, all of it or nothing."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import typer

from sensorbench.app.commands.common import print_json, quoted
from sensorbench.app.demo import template
from sensorbench.core.errors import InputError
from sensorbench.evidence.foreign import left_by

FILES = {
    "station.toml": "init_station.toml",
    "parts/sbp1.toml": "sbp1.toml",
    "lots/first.toml": "init_lot.toml",
    ".gitattributes": "gitattributes",
}


def init_workspace(root: Path, as_json: bool = False) -> None:
    """Write the files. Raises InputError where `root` is not new or empty."""
    _check(root)
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
    steps = [
        f"cd {quoted(root)}",
        "sensorbench check",
        "sensorbench check calibration/pressure_temperature --lot first",
        "sensorbench run calibration/pressure_temperature --lot first",
    ]
    if as_json:
        print_json({"workspace": str(here), "wrote": list(FILES), "next": steps})
        return
    typer.echo(f"{root} is ready: edit station.toml, parts/ and lots/, then")
    typer.echo("\n".join(f"  {step}" for step in steps))


def _check(root: Path) -> None:
    """Refuse a place where somebody's files are; what file managers leave is nobody's."""
    if root.exists() and not root.is_dir():
        raise InputError.one(str(root), "", "is a file; give a new folder")
    there = sorted(path.name for path in root.iterdir()) if root.is_dir() else []
    own = [name for name in there if not left_by(name)]
    if "station.toml" in own:
        text = "is not empty; give a new folder. It is a workspace already: `sensorbench check`"
        raise InputError.one(str(root.resolve()), "", f"{text} says whether it is in order")
    if own:
        some = ", ".join(own[:3]) + (f" and {len(own) - 3} more" if len(own) > 3 else "")
        raise InputError.one(
            str(root.resolve()), "", f"is not empty; give a new folder. There are {some}"
        )
    for parent in root.resolve().parents:
        if (parent / "station.toml").is_file():
            text = f"would be inside of the workspace {parent}; give a folder outside of it"
            raise InputError.one(str(root), "", text)
