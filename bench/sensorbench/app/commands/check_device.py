"""check-device: what a device still owes the bench, in words."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence

import typer

from sensorbench.app.commands.common import print_json
from sensorbench.app.commands.find import device_named
from sensorbench.core.catalog import Device
from sensorbench.testing.cases import case_of
from sensorbench.testing.conformity import Nonconformity
from sensorbench.testing.instruments import INSTRUMENT_CHECKS
from sensorbench.testing.sensors import SENSOR_CHECKS
from sensorbench.testing.world import Case

Check = Callable[[Case], None]


def check_device(name: str, as_json: bool = False) -> int:
    """Try everything on a device and print each claim; return 0 if it keeps them all, else 1.

    Raises InputError for a name that is no device.
    """
    device = device_named("check-device", name)
    if not as_json:
        typer.echo(f"{device.name}: {device.title} (from {device.origin}; {device.source})")
    missing = _cannot_be_loaded(device)
    checks: Sequence[Check] = SENSOR_CHECKS if device.kind == "sensor" else INSTRUMENT_CHECKS
    claims: list[tuple[str, str]] = []
    if missing:
        claims = [("the driver and the twin can be loaded", missing)]
        checks = ()
    for check in checks:
        claim = (check.__doc__ or check.__name__).strip().splitlines()[0].rstrip(".")
        claims.append((claim, _try(check, device)))
        if not as_json:
            _print(*claims[-1])
    wrong = sum(bool(found) for _, found in claims)
    if as_json:
        print_json(
            {
                "device": device.name,
                "kept": len(claims) - wrong,
                "missing": wrong,
                "claims": [{"claim": c, "kept": not found, "text": found} for c, found in claims],
            }
        )
    elif missing:
        typer.echo(f"  MISSING  {missing}")
    else:
        kept = f"{len(claims) - wrong} of {len(claims)} kept"
        typer.echo(kept + (f", {wrong} missing" if wrong else ""))
    return int(wrong > 0)


def _print(claim: str, found: str) -> None:
    typer.echo(f"  {'MISSING' if found else 'ok     '}  {claim}")
    if found:
        typer.echo(f"           {found}")


def _cannot_be_loaded(device: Device) -> str:
    for what, load in (("driver", device.load_driver), ("twin", device.load_twin)):
        try:
            load()
        except (Exception, SystemExit) as error:  # whatever a module of somebody's does at import
            return f"{what}.py can't be used: {_told(error, device)}"
    return ""


def _try(check: Check, device: Device) -> str:
    """Return what is missing, "" where nothing is."""
    try:
        check(case_of(device))
    except Nonconformity as error:
        return str(error)
    except (Exception, SystemExit) as error:  # a driver or twin that fails in its own way
        return _told(error, device)
    return ""


def _told(error: BaseException, device: Device) -> str:
    """Return an unexpected error in words, with the last line of the device that led to it."""
    folder = device.package.rpartition(".")[2]
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if f"/{folder}/" in frame.filename.replace("\\", "/")
    ]
    where = ""
    if frames:
        where = f" ({frames[-1].filename.replace(chr(92), '/').rpartition('/')[2]}"
        where += f", line {frames[-1].lineno})"
    return f"it raised {type(error).__name__}: {error}{where}"
