"""simulate: a station's twins for any other program, on ports as the real ones would be reached."""

from __future__ import annotations

import json
import math
import signal
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import typer

from sensorbench.core.catalog import devices
from sensorbench.core.clock import RealClock
from sensorbench.core.errors import InputError
from sensorbench.links.line import HasMorePorts, LineTwin, SpeaksOverTcp
from sensorbench.links.mount import PtyMount, TcpMount
from sensorbench.links.rfc2217_mount import Rfc2217Mount
from sensorbench.links.usb_mount import UsbMount
from sensorbench.parts.model import Lot, Part
from sensorbench.station.apart import users
from sensorbench.station.leaving import line_name
from sensorbench.station.locks import held, simulation_key
from sensorbench.station.model import StationFile
from sensorbench.station.preflight import check_lot, check_station
from sensorbench.station.simulation import SimulatedBench
from sensorbench.station.workspace import Workspace

_SHOWN = 30
_SERIAL = ("pty", "rfc2217")
_MOUNTS = {"pty": PtyMount, "rfc2217": Rfc2217Mount, "tcp": TcpMount}


def serve(station: Path, speed: float, serial: str, as_json: bool) -> None:
    """Serve until SIGINT or SIGTERM, then say what was asked for beyond the twins' models.

    Raises InputError for a station that can't be simulated."""
    if not 0 < speed < math.inf:
        raise InputError.one("simulate", "--speed", f"must be a number above 0, not {speed:g}")
    if serial not in _SERIAL:
        raise InputError.one("simulate", "--serial", f"allowed: {', '.join(_SERIAL)}")
    workspace = Workspace(station.parent if station.suffix == ".toml" else station)
    file = workspace.load_station()
    lots = workspace.load_lots()
    problems = check_station(file)
    problems += [problem for lot, part in lots for problem in check_lot(file, lot, part)]
    if problems:
        raise InputError(problems)
    bench = SimulatedBench(file, RealClock(speed), workspace.load_memory(), lots)
    bench.feed_unfed()
    stop = threading.Event()
    # SIGINT too: a shell starts background jobs with it ignored.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        stack.enter_context(held([simulation_key(workspace.root)], "sensorbench simulate"))
        for name, twin in bench.lines.items():
            model = _model(file, lots, name)
            kind: str = devices()[model].mount or "tcp" if model in devices() else "pty"
            kind = serial if kind == "pty" else kind
            mount = stack.enter_context(_MOUNTS[kind](twin, world=bench.world.lock))
            address = mount.url if isinstance(mount, Rfc2217Mount) else mount.address
            served = twin.over_tcp() if kind == "tcp" and isinstance(twin, SpeaksOverTcp) else twin
            _announce(name, model, kind, address, served, as_json)
            for protocol, face in _more_ports(twin, kind).items():
                more = stack.enter_context(TcpMount(face, world=bench.world.lock))
                _announce(f"{name}:{protocol}", model, kind, more.address, face, as_json)
        for name, bus in bench.buses.items():
            _announce_bus(name, stack.enter_context(UsbMount(bus)), as_json)
        if not bench.lines and not bench.buses:
            raise InputError.one(
                "station.toml", "instrument",
                "none has a simulated link, no socket has a line and no bus is simulated",
            )  # fmt: skip
        if not as_json:
            typer.echo("serving until stopped with Ctrl-C; all values are SIMULATED", err=True)
        while not stop.wait(0.5):
            pass
    names = {getattr(twin, "serial", ""): name for name, twin in bench.lines.items()}
    for record in bench.world.beyond.values():
        if record:
            shown = [f"{what} ({count} x)" for what, count in record.counts.items()]
            others = [f"and {len(shown) - _SHOWN} others"] if len(shown) > _SHOWN else []
            counts = ", ".join([*shown[:_SHOWN], *others])
            name = names.get(record.device, record.device)
            typer.echo(f"{name} was asked for what its twin does not model: {counts}", err=True)


def _more_ports(twin: LineTwin, kind: str) -> Mapping[str, LineTwin]:
    """Return what a twin speaks at other TCP ports than its usual one."""
    return twin.more_ports() if kind == "tcp" and isinstance(twin, HasMorePorts) else {}


def _model(file: StationFile, lots: Sequence[tuple[Lot, Part]], name: str) -> str:
    """Return what is on a line: an instrument, a socket's part as lots have it, all of a cable."""
    if name in (there := users(file)):
        return ", ".join(user.name for user in there[name])
    if name in file.instrument:
        return file.instrument[name].model
    fixed = {line_name(unit.socket): part for lot, part in lots for unit in lot.unit}
    return fixed[name].part.driver if name in fixed else ""


_ENDS = {b"\n": "LF", b"\r": "CR", b"\r\n": "CR LF"}


def _announce(
    name: str, model: str, kind: str, address: str, twin: LineTwin, as_json: bool
) -> None:
    # What it answers with is what it was set up for, where it takes that, too.
    takes_its_own = twin.reply_terminator in twin.terminators
    ends = twin.reply_terminator if takes_its_own else next(iter(twin.terminators), b"")
    if as_json:
        told: dict[str, object] = {"name": name, "model": model, "kind": kind, "address": address}
        if kind != "pty":
            host, _, port = address.removeprefix("rfc2217://").rpartition(":")
            told |= {"host": host, "port": int(port)}
        told |= {
            "terminator": ends.decode("ascii"),
            "reply_terminator": twin.reply_terminator.decode("ascii"),
        }
        line = json.dumps(told)
    else:
        shown = f"end lines with {_ENDS.get(ends, repr(ends))}" if ends else "speaks in frames"
        line = f"{name:<14} {model or 'empty':<18} {kind:<4} {address:<22} {shown}"
    _say(line)


def _announce_bus(name: str, mount: UsbMount, as_json: bool) -> None:
    model, kind = "i2c-tiny-usb", "usb-redir"
    if as_json:
        told = {"name": name, "model": model, "kind": kind, "address": mount.address}
        _say(json.dumps(told | {"host": mount.host, "port": mount.port}))
    else:
        _say(f"{name:<14} {model:<18} {kind:<4} {mount.address:<22} for QEMU's usb-redir")


def _say(line: str) -> None:
    # A program that reads a pipe waits for this line.
    print(line, flush=True)  # noqa: T201 - flushed
