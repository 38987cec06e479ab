"""The demonstration bench: a workspace with 24 SBP1, 2 BMP280 and 2 MS5611, all simulated."""

from __future__ import annotations

from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

from sensorbench.core.errors import InputError
from sensorbench.station.workspace import Workspace

MARK = "# sensorbench demonstration bench"
UNITS = 24
LEAST_WITH_FAULTS = 3
_MULTIPLEXERS, _CHANNELS, _STRAPS, _BUSES = 4, 8, 4, 2
MOST_UNITS = _MULTIPLEXERS * _CHANNELS * _STRAPS * _BUSES
COMPANIONS = ("bmp280", "ms5611")
_CALIBRATED_DAYS_AGO, _VALID_DAYS = 90, 365


def template(name: str) -> str:
    """Return a template file that comes with the program."""
    return files("sensorbench.app").joinpath("templates", name).read_text(encoding="utf-8")


def write_demo(
    root: Path, seed: int, today: date, units: int = UNITS, faults: bool = False
) -> None:
    """Write the demonstration's files into `root`, a new folder or an earlier demonstration.

    With `faults` the second unit has far too much hysteresis and the third socket is empty. Earlier
    runs stay; what simulated parts remember is reset. Raises InputError where `root` holds
    something else, or for too many units.
    """
    if not 1 <= units <= MOST_UNITS:
        raise InputError.one("demo", "--units", f"write 1 to {MOST_UNITS}, not {units}")
    if faults and units < LEAST_WITH_FAULTS:
        raise InputError.one(
            "demo", "--faults", f"needs {LEAST_WITH_FAULTS} units: one fails, one socket is empty"
        )
    workspace = Workspace(root)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        station = workspace.station_path
        if not (station.is_file() and station.read_bytes().startswith(MARK.encode())):
            raise InputError.one(
                str(root), "", "is neither empty nor a demonstration; give another folder"
            )
    for folder in ("parts", "lots", "profiles"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    workspace.memory_path().unlink(missing_ok=True)
    _write(root / ".gitattributes", template("gitattributes"))
    _write(workspace.station_path, _station(seed, today, units, faults))
    for part in ("sbp1", *COMPANIONS):
        _write(root / "parts" / f"{part}.toml", template(f"{part}.toml"))
    _write(root / "profiles" / "short_calibration.toml", template("short_calibration.toml"))
    _write(root / "lots" / "sbp1.toml", _lot("SBP1-A", "sbp1", _sbp1(units)))
    for part in COMPANIONS:
        rows = [(f"{part.upper()}-{n + 1:03d}", f"{part.upper()}-{n + 1}") for n in range(_BUSES)]
        _write(root / "lots" / f"{part}.toml", _lot(f"{part.upper()}-A", part, rows))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _sbp1(units: int) -> list[tuple[str, str]]:
    """Return serial and socket of every SBP1."""
    return [(f"{26_000_001 + number:08d}", f"S{number + 1:03d}") for number in range(units)]


def _station(seed: int, today: date, units: int, faults: bool) -> str:
    sockets = []
    for number, (_, socket) in enumerate(_sbp1(units)):
        bus, place = number % _BUSES, number // _BUSES
        strap, place = divmod(place, _MULTIPLEXERS * _CHANNELS)
        multiplexer, channel = divmod(place, _CHANNELS)
        sockets.append(_socket(socket, bus, 0x70 + multiplexer, channel, 0x28 + strap))
    for number, part in enumerate(COMPANIONS):
        for bus in range(_BUSES):
            sockets.append(_socket(f"{part.upper()}-{bus + 1}", bus, 0x71, 6 + number, 0x76))
    broken = ""
    if faults:
        serials = [serial for serial, _ in _sbp1(units)]
        pairs = list(zip(serials[1:3], ("hysteresis", "absent"), strict=False))
        broken = "".join(
            f'[[simulation.fault]]\ndevice = "{serial}"\nkind = "{kind}"\n\n'
            for serial, kind in pairs
        )
    due = today - timedelta(days=_CALIBRATED_DAYS_AGO - _VALID_DAYS)
    text = template("demo_station.toml")
    for name, value in (
        ("SEED", str(seed)), ("DUE", due.isoformat()), ("FAULTS", broken),
        ("SOCKETS", "\n".join(sockets)),
    ):  # fmt: skip
        text = text.replace(f"@{name}@", value)
    return text


def _socket(name: str, bus: int, multiplexer: int, channel: int, address: int) -> str:
    return (
        f'  {{ id = "{name}", link = {{ bus = "bus{bus}", multiplexer = {multiplexer:#04x}, '
        f"channel = {channel}, address = {address:#04x} }} }},"
    )


def _lot(lot: str, part: str, units: list[tuple[str, str]]) -> str:
    rows = "\n".join(
        f'  {{ serial = "{serial}", socket = "{socket}" }},' for serial, socket in units
    )
    return (
        f"# Which units are tested, and where they sit.\n"
        f"unit = [\n{rows}\n]\n\n"
        f'[lot]\nid = "{lot}"\npart = "{part}"\ndescription = "demonstration lot"\n'
    )
