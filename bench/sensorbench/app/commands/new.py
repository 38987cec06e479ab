"""new: a device or a profile to start from, that works as it is.

The rules:
- A device is made in the checkout that one stands in, or with `--into` in a package of one's own,
  which is made too where it is not there.
- Nothing is overwritten: if one file is there already, none is written.
- The test of a package's device tries the suite; a checkout's own tests try it on every device.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from keyword import iskeyword
from pathlib import Path
from typing import Any

import typer

from sensorbench.app.commands.common import print_json, quoted
from sensorbench.app.demo import template
from sensorbench.core.catalog import GROUP as DEVICES
from sensorbench.core.catalog import devices
from sensorbench.core.errors import InputError
from sensorbench.profiles.library import GROUP as PROFILES
from sensorbench.profiles.library import profile_ids
from sensorbench.profiles.model import kinds

KINDS = ("sensor", "instrument", "profile")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PROFILE = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)*")
_SUITE = """\
@pytest.mark.parametrize("check", {checks}, ids=lambda check: check.__name__)
def test_it_does_what_every_{kind}_does(check: Callable[[Case], None]) -> None:
    check(case_of(devices()["{name}"]))


"""


@dataclass(frozen=True, slots=True)
class Home:
    """Where a new device goes: the package of device folders, their folder, tests and pages.

    `maker` is what the example says that its maker is; `more` are files of a package that is made.
    """

    root: Path
    package: str
    devices: Path
    tests: Path
    pages: Path
    maker: str
    more: Mapping[Path, str]


def new_thing(kind: str, name: str, into: Path | None, as_json: bool = False) -> None:
    """Write the files of a new sensor, instrument or profile, and print what comes next.

    Raises InputError for a name that can't be or is taken, and where there is no place for it.
    """
    if kind not in KINDS:
        raise InputError.one("new", kind, f"can't be made; there are {', '.join(KINDS)}")
    if kind == "profile":
        files, steps = _new_profile(name, into)
    else:
        files, steps = _new_device(kind, name, into)
    if as_json:
        print_json({"wrote": [str(path) for path in files], "next": steps})
    else:
        _say(files, steps)


# -- devices ---------------------------------------------------------------------------------------


def _new_device(kind: str, name: str, into: Path | None) -> tuple[Mapping[Path, str], list[str]]:
    if not _NAME.fullmatch(name):
        raise InputError.one("new", name, "is no name: small letters, digits and _, a letter first")
    if iskeyword(name):
        raise InputError.one("new", name, "is a word of Python: no module can have it")
    if name in devices():
        whose = devices()[name].origin
        raise InputError.one("new", name, f"is there already (from {whose}); take another name")
    home = _package(into) if into is not None else _checkout(Path(), kind)
    page = home.pages / f"{name}.md"
    ours = home.package.startswith("sensorbench.")
    codec = f"from {home.package}.{name}.driver import decode_temperature\n"
    words = {
        "OURS": codec if ours else "",  # where formatters want it, so that it stays there
        "YOURS": "" if ours else f"\n{codec}",
        "NAME": name,
        "CLASS": "".join(word.capitalize() for word in name.split("_")),
        "MODEL": name.upper().replace("_", "-"),
        "MAKER": home.maker,
        "PACKAGE": home.package,
        "PAGE": page.relative_to(home.root).as_posix(),
        **_suite(kind, "" if ours else name),
    }
    folder = home.devices / name
    files = {
        folder / "__init__.py": _filled(f"{kind}/__init__.py", words),
        folder / "device.toml": _filled(f"{kind}/device.toml", words),
        folder / "driver.py": _filled(f"{kind}/driver.py", words),
        folder / "twin.py": _filled(f"{kind}/twin.py", words),
        page: _filled(f"{kind}/page.md", words),
        home.tests / f"test_{name}.py": _filled(f"{kind}/test.py", words),
    }
    _write({**home.more, **files})
    steps = [
        f"sensorbench check-device {name}",
        f"change {_shown(page)}, then {_shown(folder)}, one fact at a time",
    ]
    if not _is_installed(home):
        steps.insert(0, f"pip install -e {quoted(_shown(home.root))}")
    if ours:
        steps += [
            f"pytest {quoted(_shown(home.tests))} -k {name}",
            f"sensorbench devices --pages {quoted(_shown(home.pages))}",
            f"python {quoted(_shown(home.root / 'tools' / 'make_conformance_table.py'))}",
        ]
    return {**home.more, **files}, steps


def _suite(kind: str, name: str) -> dict[str, str]:
    """Return what a test says to try the suite on the device `name`; all "" where it has none."""
    checks = f"{kind.upper()}_CHECKS"
    words = {
        "SAYS": f"what every {kind} owes the bench, and ",
        "CALLABLE": "from collections.abc import Callable\n\n",
        "CHECKS": f"from sensorbench.testing.{kind}s import {checks}\n",
        "CASE": "Case, ",
        "SUITE": _SUITE.format(checks=checks, kind=kind, name=name),
    }
    return words if name else dict.fromkeys(words, "")


def _checkout(here: Path, kind: str) -> Home:
    """Return the place in the checkout that `here` is in. Raises InputError where there is none."""
    for root in (here.resolve(), *here.resolve().parents):
        floor = root / "drivers" / "sensorbench"
        if (floor / f"{kind}s" / "__init__.py").is_file():
            return Home(
                root,
                f"sensorbench.{kind}s",
                floor / f"{kind}s",
                root / "tests" / "drivers" / f"{kind}s",
                root / "docs" / "devices",
                "sensorbench",
                {},
            )
    raise InputError.one(
        "new", kind, "is made in a checkout of sensorbench; give --into FOLDER for your own package"
    )


def _package(root: Path) -> Home:
    """Return the place in a package of the user's own, there or still to be made."""
    path = root / "pyproject.toml"
    if path.is_file():
        package = _entry(path, DEVICES)
        return _home(root, package, _folder_of(root, package), {})
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise InputError.one(
            str(root), "", "is neither empty nor a package with a pyproject.toml; give a new folder"
        )
    name = re.sub(r"\W+", "_", root.resolve().name.lower()).strip("_")
    if not _NAME.fullmatch(name) or name == "sensorbench" or iskeyword(name):
        raise InputError.one(
            str(root), "", "the folder's name must do as a package's: acme_sensors"
        )
    words = {"PACKAGE": name, "PROJECT": name.replace("_", "-")}
    more = {
        path: _filled("package/pyproject.toml", words),
        root / name / "__init__.py": f'"""What {words["PROJECT"]} adds to sensorbench."""\n',
        root / name / "py.typed": "",
        root / name / "devices" / "__init__.py": '"""Devices, one a folder."""\n',
        root
        / name
        / "profiles"
        / "__init__.py": '"""Profiles, as TOML; a folder is a part of an id."""\n',
    }
    return _home(root, f"{name}.devices", root / name / "devices", more)


def _home(root: Path, package: str, folder: Path, more: Mapping[Path, str]) -> Home:
    maker = package.partition(".")[0].replace("_", "-")
    return Home(root, package, folder, root / "tests", root / "docs", maker, more)


def _entry(path: Path, group: str) -> str:
    """Return the package that a pyproject.toml names in a group. Raises InputError."""
    try:
        data: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        found = data["project"]["entry-points"][group]
        return str(next(iter(found.values())))
    except tomllib.TOMLDecodeError as error:
        raise InputError.one(str(path), "", f"is not valid TOML: {error}") from None
    except (KeyError, TypeError, AttributeError, StopIteration):
        key = f'project.entry-points."{group}"'
        what = group.rpartition(".")[2]
        raise InputError.one(
            str(path), key, f'is missing; write [{key}] with a row such as acme = "acme.{what}"'
        ) from None


def _folder_of(root: Path, package: str) -> Path:
    """Return the folder of a package in a project, beside pyproject.toml or below src."""
    relative = Path(*package.split("."))
    for base in (root, root / "src"):
        if (base / relative).is_dir():
            return base / relative
    raise InputError.one(
        str(root), package, f"has no folder; make {relative.as_posix()} with an __init__.py"
    )


def _is_installed(home: Home) -> bool:
    ours = home.package.startswith("sensorbench.")
    return ours or any(entry.value == home.package for entry in entry_points(group=DEVICES))


# -- profiles --------------------------------------------------------------------------------------


def _new_profile(name: str, into: Path | None) -> tuple[Mapping[Path, str], list[str]]:
    name = name.removesuffix(".toml")
    if not _PROFILE.fullmatch(name):
        raise InputError.one("new", name, "is no id: small letters, digits and _, parts with /")
    root = into or Path()
    words = {
        "ID": name,
        "TITLE": name.rpartition("/")[2].replace("_", " ").capitalize(),
        "KINDS": ", ".join(kinds()),
    }
    path, show = _profile_path(root, name)
    _write({path: _filled("profile/profile.toml", words)})
    return {path: ""}, [f"sensorbench profiles show {show}", f"change {_shown(path)}"]


def _profile_path(root: Path, name: str) -> tuple[Path, str]:
    """Return a profile's file, and what people call it: a file of a workspace, or an id."""
    if (root / "station.toml").is_file():
        path = root / "profiles" / f"{name}.toml"
        workspace = "" if root == Path() else f" --workspace {quoted(root)}"
        return path, f"profiles/{name}.toml{workspace}"
    if name in profile_ids():
        raise InputError.one("new", name, "is in the library already; take another name")
    library = root / "profiles" / "sensorbench" / "profiles" / "library"
    if library.is_dir():
        return library / f"{name}.toml", name
    if (root / "pyproject.toml").is_file():
        package = _entry(root / "pyproject.toml", PROFILES)
        return _folder_of(root, package) / f"{name}.toml", name
    raise InputError.one(
        str(root),
        "",
        "is neither a workspace nor a package; `sensorbench init DIR` makes a workspace",
    )


# --------------------------------------------------------------------------------------------------


def _filled(name: str, words: Mapping[str, str]) -> str:
    text = template(f"new/{name}.in")
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def _write(files: Mapping[Path, str]) -> None:
    there = [str(path) for path in files if path.exists()]
    if there:
        raise InputError.one(there[0], "", "is there already; nothing was written")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError.one(str(path), "", f"can't be written: {error.strerror}") from None


def _say(files: Mapping[Path, str], steps: list[str]) -> None:
    for path in files:
        typer.echo(f"wrote {_shown(path)}")
    typer.echo("next:")
    for step in steps:
        typer.echo(f"  {step}")


def _shown(path: Path) -> str:
    """Return a path as people type it from where they are."""
    here = Path().resolve()
    whole = path.resolve()
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else str(whole)
