"""Keys of real devices: two ways to write one of them have one key.

The rules:
- What the operating system or the network says a name is counts: links are followed, hosts looked
  up, patterns of serial ports searched for.
- A VISA resource is known by what it says, not by how: its board, class and interface are as VISA
  takes them where they are left out (VPP-4.3, section 4.3.1.1), its numbers decimal or hexadecimal.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from pathlib import Path

from sensorbench.core.deadline import within
from sensorbench.core.errors import LinkClosed
from sensorbench.core.provenance import Identity
from sensorbench.links.adapters import ADAPTERS, Adapter

INSTRUMENT = "instrument "
WINDOWS_DEVICE = "\\\\.\\"
I2C_DEVICES = Path("/sys/bus/i2c/devices")
_GREP = "hwgrep://"
_REMOTE = re.compile(r"(?:rfc2217|socket)://([^/?#]+):(\d+)(?:[?#].*)?")
_CLASSES = ("INSTR", "SOCKET", "RAW", "INTFC", "SERVANT", "BACKPLANE", "MEMACC")
_SECONDARY = 96


def bus_key(device: str) -> str:
    """Return the key of an I2C adapter, /dev/i2c-N."""
    return f"bus {Path(device).resolve()}"


def adapter_keys(adapter: Adapter, where: str) -> list[str]:
    """Return the keys of an I2C adapter, which is `where` or, at USB, the only one of its kind.

    One at USB that the kernel drives, too, has one key however it is reached.
    """
    if adapter.usb is None:
        return [bus_key(where), *_usb_adapter_of(where)]
    if not where:
        try:
            there = adapter.plugged()
        except LinkClosed:  # opening it says why
            there = []
        where = there[0].serial if len(there) == 1 else ""
    return [_usb_adapter_key(adapter.kind, where)]


def _usb_adapter_key(kind: str, serial: str) -> str:
    return f"adapter {kind} {serial}".strip()


def _usb_adapter_of(device: str) -> list[str]:
    """Return the key of the USB adapter that makes a bus of the kernel, [] where none does."""
    node = I2C_DEVICES / Path(device).resolve().name
    for folder in node.resolve().parents:
        try:
            usb = tuple(int((folder / f).read_text(), 16) for f in ("idVendor", "idProduct"))
        except (OSError, ValueError):
            continue
        kind = next((a.kind for a in ADAPTERS.values() if a.usb == usb), None)
        number = folder / "serial"
        serial = number.read_text().strip() if number.exists() else ""
        return [_usb_adapter_key(kind, serial)] if kind else []
    return []


def serial_key(port: str) -> str:
    """Return the key of a serial port; a link such as /dev/serial/by-id is what it leads to."""
    if os.path.exists(port):
        return f"port {os.path.realpath(port)}"
    return f"port {port.removeprefix(WINDOWS_DEVICE).upper()}"


def port_keys(port: str) -> list[str]:
    """Return the keys of what a serial link names: a port, or one of pyserial's URLs.

    hwgrep:// is the port that it finds now; rfc2217:// the converter's own port.
    """
    if remote := _REMOTE.fullmatch(port):
        return host_keys(remote[1], int(remote[2]))
    if port.startswith(_GREP):
        found = _found(port.removeprefix(_GREP))
        return [serial_key(found)] if found else [f"port {port}"]
    return [serial_key(port)]


def _found(pattern: str) -> str:
    """Return the port that a pattern of hwgrep:// names, "" where there is none now."""
    from serial.tools.list_ports import grep  # noqa: PLC0415 - slow, and seldom

    wanted, *more = pattern.split("&")
    number = next((int(word[2:]) for word in more if re.fullmatch(r"n=[1-9]\d*", word)), 1)
    try:
        there = [str(port.device) for port in grep(wanted)]
    except (OSError, re.error):
        return ""
    return there[number - 1] if number <= len(there) else ""


_LOOK_UP_S = 5.0


def host_keys(host: str, port: int) -> list[str]:
    """Return a key for each address of a host: a name and an address of it meet."""
    try:
        found = within(
            _LOOK_UP_S,
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM),
            f"to look up {host}",
        )
    except OSError:
        return [f"host {host.lower()}:{port}"]
    return sorted({f"host {_plain(str(row[4][0]))}:{port}" for row in found})


def _plain(address: str) -> str:
    """Return an address as it is without IPv6 around it."""
    try:
        inner = getattr(ipaddress.ip_address(address), "ipv4_mapped", None)
    except ValueError:
        return address
    return str(inner or address)


def number_key(identity: Identity) -> str:
    """Return the key of an instrument that said who it is: it may have two plugs."""
    return f"{INSTRUMENT}{identity.model} {identity.serial}"


def visa_keys(resource: str) -> list[str]:
    """Return the keys of a VISA resource: of the host, where it is on one."""
    name = resource.strip().partition("::")[0]
    if name.upper().startswith("ASRL"):
        return [serial_key(f"COM{name[4:]}" if name[4:].isdigit() else name[4:])]
    if "::" not in resource:
        return [f"VISA {resource.upper()}"]  # an alias of a vendor's library
    first, *rest = re.split(r"::(?![^\[]*\])", resource.strip().upper())
    kind, board = re.fullmatch(r"(.*?)(\d*)", first, re.DOTALL).groups()  # type: ignore[union-attr]
    name = rest.pop() if rest and rest[-1] in _CLASSES else "INSTR"
    if kind == "TCPIP" and rest:
        host, last = rest[0].strip("[]"), rest[1] if len(rest) > 1 else "INST0"
        if name == "SOCKET":
            return host_keys(host, int(last)) if last.isdigit() else []
        # Both are doors of one instrument; a gateway has others, a device each.
        door = "INST0" if re.fullmatch(r"(INST|HISLIP)\d*", last) else last
        places = [key.removeprefix("host ").rpartition(":")[0] for key in host_keys(host, 1)]
        return [f"VISA TCPIP::{place}::{door}" for place in places]
    if kind == "USB":
        rest = [*map(_number, rest[:2]), *rest[2:3], *(rest[3:] or ["0"])]
    if kind == "GPIB":
        rest = [*map(_number, rest[:1]), *(str(int(_number(r)) % _SECONDARY) for r in rest[1:])]
    return [f"VISA {'::'.join([kind + (board or '0'), *rest, name])}"]


def _number(text: str) -> str:
    try:
        return str(int(text, 0))
    except ValueError:
        return text.lstrip("0") or "0" if text.isdigit() else text
