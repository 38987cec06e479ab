"""What is on this machine: its I2C buses, serial ports and instruments, with nothing changed.

The rules:
- A bus or an instrument that another program holds is not touched; its holder is named, and the
  scan goes on.
- No serial port is opened: that alone may reset what is behind it, and a wrong word may start it.
- No host is asked that station.toml does not name, none at port 9100 (a printer prints what comes).
- Instruments at USB, VXI-11, HiSLIP and GPIB are listed; one is not asked there, as a question puts
  it into remote. GPIB is not searched: finding who listens addresses every instrument on it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from sensorbench.core.catalog import Device, devices
from sensorbench.core.clock import RealClock
from sensorbench.core.errors import BenchError
from sensorbench.core.provenance import Identity
from sensorbench.links.adapters import ADAPTERS, Adapter
from sensorbench.links.i2c import I2cBus
from sensorbench.links.tca9548a.driver import ADDRESSES
from sensorbench.station.apart import users
from sensorbench.station.device_keys import (
    I2C_DEVICES,
    adapter_keys,
    host_keys,
    serial_key,
    visa_keys,
)
from sensorbench.station.lines import open_line
from sensorbench.station.links import I2cLink, SerialLink, TcpLink, VisaLink
from sensorbench.station.locks import held
from sensorbench.station.model import InstrumentEntry, StationFile
from sensorbench.station.probing import Answer, probe

Place = tuple[str, int | None, int | None, int]
PURPOSE = "sensorbench devices --scan"
PRINTER_PORT = 9100
_MOST_MISSING = 8
SCAN_HZ = 100e3  # every part can
# Adapters that lead to memory modules, monitors and power supplies of the computer itself.
_OF_THE_COMPUTER = ("smbus", "gmbus", "ddc", "aux", "hdmi", "nvidia", "amdgpu", "radeon", "i915")
# Not in the catalogue, and so common that whoever owns one should know: their address alone, sent
# for writing, is the request to measure. Sources: Honeywell 009071 (HIH6000, sensing mode I2C),
# IST HYT271/939 (measuring request), both recalled.
_STARTED = {0x27: "HIH6000", 0x28: "HYT or ChipCap 2"}


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is there, or why a place was not looked at.

    `may_be` are models of the catalogue, `known` is its name in station.toml; `place` is the link
    of something new, for station.toml, with the `device` of its bus where that is real.
    """

    where: str
    what: str
    may_be: tuple[str, ...] = ()
    known: str = ""
    place: I2cLink | SerialLink | VisaLink | None = None
    device: str = ""
    notes: tuple[str, ...] = ()
    kind: str = "linux"


class Listed(NamedTuple):
    """An adapter: its name in station.toml, its device or number, why not to probe it, its kind."""

    name: str
    device: str
    refused: str = ""
    kind: str = "linux"


# -- I2C -------------------------------------------------------------------------------------------


def scan_bus(
    bus: I2cBus, multiplexers: Iterable[int], file: StationFile | None, name: str, device: str = ""
) -> list[Found]:
    """Return what answers on an open bus, called `name` in station.toml."""
    skip = kernel_drivers(device) if device else {}
    rows = [
        Found(bus.name, f"{address:#04x} belongs to the kernel's driver {driver}; not touched")
        for address, driver in sorted(skip.items())
    ]
    known = _known_places(file)
    found = probe(bus, set(multiplexers) - set(skip), skip)
    rows += [_answer(answer, known, name, device) for answer in found]
    silent = _silent(found, known, name, skip)
    if silent and not any(answer.problem for answer in found):
        rows.append(Found(bus.name, f"no answer of {silent}. In its socket, and powered?"))
    return rows


def _silent(
    found: Iterable[Answer], known: Mapping[Place, str], name: str, skip: Mapping[int, str]
) -> str:
    """Return what station.toml has on a bus and nobody answers for."""
    there = {(name, a.multiplexer, a.channel, a.address) for a in found}
    missing = [
        f"{what} ({place[3]:#04x})"
        for place, what in known.items()
        if place[0] == name and place not in there and place[3] not in skip
    ]
    rest = len(missing) - _MOST_MISSING
    return ", ".join(missing[:_MOST_MISSING]) + (f" and {rest} more" if rest > 0 else "")


def scan_adapter(
    device: str,
    multiplexers: Iterable[int],
    file: StationFile | None,
    name: str,
    kind: str = "linux",
) -> list[Found]:
    """Return what answers on an I2C adapter; whoever holds it is named instead."""
    adapter = ADAPTERS[kind]
    speed = file.bus[name].speed if file is not None and name in file.bus else SCAN_HZ
    try:
        with held(adapter_keys(adapter, device), PURPOSE), adapter.open(device, speed) as bus:
            if bus.can_send_address_alone:
                found = scan_bus(
                    bus, multiplexers, file, name, device if adapter.usb is None else ""
                )
                return [replace(row, device=device, kind=kind) if row.place else row
                        for row in found]  # fmt: skip
    except BenchError as error:
        return [Found(device or adapter.title, str(error))]
    text = "can't send an address alone, and a read could change a part; nothing was sent"
    return [Found(device, f"the adapter {text}. Write the addresses into station.toml")]


def adapters(file: StationFile | None) -> Iterator[Listed]:
    """Yield every adapter that there is, or that station.toml names."""
    yield from _of_kernel(file)
    for adapter in ADAPTERS.values():
        if adapter.usb is not None:
            yield from _at_usb(adapter, file)


def _of_kernel(file: StationFile | None) -> Iterator[Listed]:
    named = {bus.where: name for name, bus in (file.bus if file else {}).items()
             if bus.adapter is not None and bus.adapter.usb is None}  # fmt: skip
    for device, name in named.items():
        yield Listed(name, device)
    there = {os.path.realpath(device) for device in named}
    taken = set(file.bus if file else ())
    for path in sorted(Path("/dev").glob("i2c-*"), key=lambda p: (len(p.name), p.name)):
        if os.path.realpath(path) in there:
            continue
        name = _free(path.name.replace("-", ""), taken)
        own = adapter_name(str(path))
        is_own = any(word in own.lower() for word in _OF_THE_COMPUTER)
        text = f"is the computer's own ({own}); name it in station.toml to have it probed"
        yield Listed(name, str(path), text if is_own else "")


def _at_usb(adapter: Adapter, file: StationFile | None) -> Iterator[Listed]:
    """Yield the adapters of a kind at USB, those of station.toml first."""
    named = {bus.where: name for name, bus in (file.bus if file else {}).items()
             if bus.kind == adapter.kind}  # fmt: skip
    for serial, name in named.items():
        yield Listed(name, serial, kind=adapter.kind)
    if adapter.missing():
        return  # nobody who has none needs its library
    try:
        serials = [one.serial for one in adapter.plugged()]
    except BenchError as error:
        if named:
            return  # said where those are opened
        yield Listed("", f"{adapter.title}", str(error), adapter.kind)
        return
    if "" in named and len(serials) == 1:
        return
    taken = set(file.bus if file else ())
    for serial in sorted(serials):
        if serial in named and serial:
            continue
        if serials.count(serial) > 1:
            text = "has no number of its own: give it one with the maker's tool, or plug in only it"
            yield Listed("", f"{adapter.title} {serial}".strip(), text, adapter.kind)
            continue
        name = _free(adapter.kind, taken)
        taken.add(name)
        if not serial and len(serials) > 1:
            text = "tells no number: give it one with the maker's tool, or plug in only it"
            yield Listed(name, adapter.title, text, adapter.kind)
            continue
        yield Listed(name, serial, kind=adapter.kind)


def adapter_name(device: str) -> str:
    """Return what the kernel calls an adapter, "" where it does not tell."""
    try:
        name = I2C_DEVICES / Path(os.path.realpath(device)).name / "name"
        return name.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def kernel_drivers(device: str) -> dict[int, str]:
    """Return by address the kernel's drivers that use parts of an adapter (a clock, an EEPROM)."""
    number = Path(os.path.realpath(device)).name.rpartition("-")[2]
    found = {}
    for path in I2C_DEVICES.glob(f"{number}-*"):
        driver = path / "driver"
        if driver.exists():
            found[int(path.name.rpartition("-")[2], 16)] = driver.resolve().name
    return found


def _known_places(file: StationFile | None) -> dict[Place, str]:
    if file is None:
        return {}
    links = [(f"socket {s.id}", s.place) for s in file.socket]
    links += [(n, e.link) for n, e in file.instrument.items() if isinstance(e.link, I2cLink)]
    return {
        (link.bus, link.multiplexer, link.channel, link.address): name
        for name, link in links
        if link is not None
    }


def _answer(answer: Answer, known: Mapping[Place, str], name: str, device: str) -> Found:
    address = answer.address
    if address is None:
        return Found(answer.where, answer.problem)
    here = known.get((name, answer.multiplexer, answer.channel, address), "")
    models = [d for d in devices().values() if address in d.addresses]
    may_be = [d.name for d in models]
    started = [d.name for d in models if d.starts_when_addressed]
    if not here and address in _STARTED:
        started.append(_STARTED[address])
    notes = [f"if it is a {model}, being addressed has started a conversion" for model in started]
    if not here and address in ADDRESSES and answer.multiplexer is None:
        may_be.append("tca9548a")
        notes.append(
            f"if it is a multiplexer, --multiplexer {device or name}:{address:#04x} looks behind it"
        )
    place = I2cLink(
        bus=name, address=address, multiplexer=answer.multiplexer, channel=answer.channel
    )
    what = f"{address:#04x} answers"
    return Found(answer.where, what, tuple(may_be), here, place, device, tuple(notes))


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "x"
    return name


# -- ports and instruments -------------------------------------------------------------------------


def scan_ports(file: StationFile | None) -> Iterator[Found]:
    """Yield the serial ports; none is opened."""
    from serial.tools.list_ports import comports  # noqa: PLC0415 - pyserial

    known: dict[str, str] = {}
    for user in chain.from_iterable(users(file).values() if file else ()):
        if isinstance(user.link, SerialLink) and "://" not in user.link.port:
            real = os.path.realpath(user.link.port)
            known[real] = " and ".join(filter(None, (known.get(real), user.name)))
    by_id = {os.path.realpath(p): str(p) for p in sorted(Path("/dev/serial/by-id").glob("*"))}
    models = tuple(d.name for d in devices().values() if "serial" in d.links)
    for port in comports():
        real = os.path.realpath(port.device)
        here = known.pop(real, "")
        what = port.description if port.description not in {"", "n/a", None} else "serial port"
        what = _in_use([serial_key(port.device)]) or f"{what}; not opened"
        # A name that stays when another adapter is plugged in.
        link = SerialLink(kind="serial", port=by_id.get(real, port.device))
        yield Found(port.device, what, models, here, link)
    for real, name in known.items():  # a name of no hardware, such as a pty, is not listed above
        text = "is not there. Is its adapter plugged in?"
        if os.path.exists(real):
            text = _in_use([serial_key(real)]) or "serial port; not opened"
        yield Found(real, text, (), name)


def scan_usb(file: StationFile | None) -> Iterator[Found]:
    """Yield the instruments at USB, by VISA resource; none is asked."""
    known = {
        e.link.resource.upper(): name
        for name, e in (file.instrument if file else {}).items()
        if isinstance(e.link, VisaLink)
    }
    try:
        resources = usb_resources()
    except Exception as error:  # libusb is missing, or may not look: each in its own way
        yield Found("USB", f"can't be looked at: {error}")
        return
    missing = {r: n for r, n in known.items() if r.startswith("USB")}
    for resource in resources:
        missing.pop(resource.upper(), None)
        maker, product, number = [*resource.split("::"), "", "", ""][1:4]
        what = f"USB instrument {maker}:{product}, number {number}; not asked"
        link = VisaLink(kind="visa", resource=resource)
        what = _in_use(visa_keys(resource)) or what
        yield Found(resource, what, (), known.get(resource.upper(), ""), link)
    for resource, name in missing.items():
        yield Found(resource, "is not there. Is it switched on and plugged in?", (), name)


def usb_resources() -> list[str]:
    """Return the VISA resources of instruments at USB.

    Not by `list_resources()` of the whole library: that also broadcasts into the network and
    addresses every instrument at GPIB.
    """
    from pyvisa.constants import InterfaceType  # noqa: PLC0415 - heavy
    from pyvisa_py import highlevel  # noqa: F401, PLC0415 - heavy; it registers the sessions
    from pyvisa_py.sessions import Session  # noqa: PLC0415 - heavy

    classes = Session.iter_valid_session_classes()
    usb = [kind for key, kind in classes if key == (InterfaceType.usb, "INSTR")]
    return [resource for kind in usb for resource in kind.list_resources()]


def scan_hosts(file: StationFile) -> Iterator[Found]:
    """Yield who answers at the hosts that station.toml names; identifying changes nothing."""
    for name, entry in file.instrument.items():
        device = devices().get(entry.model)
        if device is None or not isinstance(entry.link, TcpLink | VisaLink):
            continue
        host_port = _host_of(entry.link, device)
        if host_port is None:
            if isinstance(entry.link, VisaLink) and not entry.link.resource.upper().startswith(
                "USB"
            ):
                text = "not asked: but at a raw socket, a question puts it into remote"
                yield Found(entry.link.resource, text, (entry.model,), name)
            continue
        host, port = host_port
        where = f"{host}:{port}"
        if port == PRINTER_PORT:
            yield Found(where, "port 9100 is a printer's; not asked", (), name)
            continue
        try:
            with held(host_keys(host, port), PURPOSE):
                what = f"answers: {_identify(name, entry, device)}"
        except BenchError as error:
            what = str(error)
        yield Found(where, what, (entry.model,), name)


def _host_of(link: TcpLink | VisaLink, device: Device) -> tuple[str, int] | None:
    """Return where a raw socket leads, None for what is none (VXI-11 puts into remote)."""
    if isinstance(link, TcpLink):
        return link.host, link.port or device.load_driver().LINE.tcp_port
    parts = link.resource.split("::")
    is_socket = parts[0].upper().startswith("TCPIP") and parts[-1].upper() == "SOCKET"
    if not is_socket or len(parts) != 4 or not parts[2].isdigit():
        return None
    return parts[1], int(parts[2])


def _identify(name: str, entry: InstrumentEntry, device: Device) -> Identity:
    assert isinstance(entry.link, TcpLink | VisaLink)  # noqa: S101 - the caller chose them
    driver = device.load_driver()
    with ExitStack() as stack:
        line = open_line(name, entry.link, driver.LINE, stack)
        found: Identity = driver(line, RealClock(), **entry.options).identify()
    return found


def _in_use(keys: list[str]) -> str:
    """Return who holds any of `keys`, "" where nobody does."""
    try:
        with held(keys, PURPOSE):
            return ""
    except BenchError as error:
        return str(error)
