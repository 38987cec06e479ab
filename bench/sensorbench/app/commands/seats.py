"""Which parts `read` means: a socket, or all sockets of a part."""

from __future__ import annotations

from collections.abc import Sequence

from sensorbench.core.catalog import Device, devices
from sensorbench.core.channel import read_settings
from sensorbench.core.errors import InputError, Problem
from sensorbench.core.folders import toml_files
from sensorbench.parts.model import Lot, Part
from sensorbench.run.taking import Seat
from sensorbench.station.model import Socket, StationFile
from sensorbench.station.sockets import fits, unfit
from sensorbench.station.workspace import Workspace

Lots = Sequence[tuple[Lot, Part]]


def seats_of(
    workspace: Workspace, file: StationFile, lots: Lots, what: str, part: str
) -> list[Seat]:
    """Return the parts in a socket, or in all sockets that lots name for a part (else that fit).

    A part is a file of parts/, or a model of the catalogue. Raises InputError in words.
    """
    socket = next((socket for socket in file.socket if socket.id == what), None)
    if socket is not None:
        return [_in_socket(workspace, lots, socket, part)]
    known = _known(workspace)
    if what not in known and what not in devices():
        sockets = ", ".join(socket.id for socket in file.socket) or "none"
        raise InputError.one(
            "read", what,
            f"is neither a socket ({sockets}) nor a part ({', '.join(known) or 'none'}) "
            "nor a model of `sensorbench devices`",
        )  # fmt: skip
    if part:
        raise InputError.one("read", "--part", f"says what a socket holds, and {what} is no socket")
    here = {s.id: s for s in file.socket}
    units = [
        (here[unit.socket], unit.serial)
        for lot, _ in lots
        if lot.lot.part == what
        for unit in lot.unit
        if unit.socket in here
    ]
    places = {socket.id: (socket, serial) for socket, serial in reversed(units)}
    if places:
        wanted = [places[socket.id] for socket in file.socket if socket.id in places]
        return [_seat(workspace, socket, what, serial) for socket, serial in wanted]
    device = _device(workspace, what)
    fitting = [socket for socket in file.socket if fits(socket, device)]
    if not fitting:
        raise InputError.one("read", what, "no socket of station.toml fits it")
    return [_seat(workspace, socket, what, "") for socket in fitting]


def _in_socket(workspace: Workspace, lots: Lots, socket: Socket, part: str) -> Seat:
    units = [(lot, unit) for lot, _ in lots for unit in lot.unit if unit.socket == socket.id]
    names = {lot.lot.part for lot, _ in units}
    if not part and not names:
        names = {n for n in _known(workspace) if fits(socket, _device(workspace, n))}
    if not part and len(names) != 1:
        between = f"it may be {', '.join(sorted(names))}" if names else "no lot says it"
        raise InputError.one(
            "read", socket.id,
            f"which part is in it: {between}. Say --part PART, a file of parts/ or a model",
        )  # fmt: skip
    name = part or names.pop()
    serials = {unit.serial for lot, unit in units if lot.lot.part == name}
    return _seat(workspace, socket, name, serials.pop() if len(serials) == 1 else "")


def _seat(workspace: Workspace, socket: Socket, name: str, serial: str) -> Seat:
    device = _device(workspace, name)
    problems = [Problem("read", socket.id, text) for text in unfit(socket, device)]
    if problems:
        raise InputError(problems)
    part = workspace.load_part(name) if name in _known(workspace) else None
    raw = part.settings_of("") if part else {}
    settings, wrong = read_settings(device.load_sensor().SETTINGS, raw)
    if wrong:
        raise InputError(
            [Problem(part.label if part else name, "settings.always", text) for text in wrong]
        )
    return Seat(socket, device.name, part, serial, settings)


def _device(workspace: Workspace, name: str) -> Device:
    known = _known(workspace)
    driver = workspace.load_part(name).part.driver if name in known else name
    device = devices().get(driver)
    if device is None or not device.channels:
        raise InputError.one(
            f"parts/{name}.toml" if name in known else "read", driver,
            f"is no sensor that is known; parts are: {', '.join(known) or 'none'}",
        )  # fmt: skip
    return device


def _known(workspace: Workspace) -> list[str]:
    return sorted(path.stem for path in toml_files(workspace.root / "parts"))
