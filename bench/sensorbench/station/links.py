"""How station.toml says what an instrument is reached by; what can't be is refused in words."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from sensorbench.core.document_words import several
from sensorbench.core.documents import Document, Duration
from sensorbench.links.line import LineSettings
from sensorbench.parts.model import problem

I2cAddress = Annotated[int, Field(ge=0x08, le=0x77)]
MultiplexerAddress = Annotated[int, Field(ge=0x70, le=0x77)]
MultiplexerChannel = Annotated[int, Field(ge=0, le=7)]
TcpPort = Annotated[int, Field(ge=1, le=65535)]

_LABEL = re.compile(r"[0-9A-Za-z_](?:[0-9A-Za-z_-]*[0-9A-Za-z_])?")
_TERMINATORS = {"CR": "\r", "LF": "\n", "CR LF": "\r\n", "CRLF": "\r\n"}
_SCHEMES = ("rfc2217", "socket", "hwgrep")
_REMOTE = re.compile(r"(rfc2217|socket)://([^/?#]+):(\d+)(?:[?#].*)?")
_ID = r"(0x[0-9A-F]{1,4}|\d{1,5})"
# What each kind of resource has between its colons (VPP-4.3, section 4.3.1.1).
_RESOURCE = re.compile(
    r"(?:TCPIP\d*::(?:\[[0-9A-F:.]+\]|[^:]+)(?:::(?P<tcp_port>\d+)::SOCKET|(?:::(?!SOCKET$|\d+(?:::|$))[^:]+)?(?:::INSTR)?)"
    rf"|USB\d*::{_ID}::{_ID}::(?!(?:INSTR|RAW)$)[^:]+(?:::\d+)?(?:::(?:INSTR|RAW))?"
    r"|GPIB\d*::(?P<primary>\d+)(?:::(?P<secondary>\d+))?(?:::INSTR)?"
    r"|PRLGX-(?:TCPIP|ASRL)\d*::.+"
    r"|VICP\d*::[^:]+(?:::[^:]+)?::INSTR"
    r"|(?:PXI|VXI|FIREWIRE)\d*::.+)",
    re.IGNORECASE,
)
_RESOURCES = (
    "TCPIP::192.168.1.20::5025::SOCKET, TCPIP::192.168.1.20::INSTR, "
    "USB0::0x2A8D::0x1102::MY1::INSTR or GPIB0::5::INSTR"
)
_GPIB_MOST, _GPIB_SECONDARY = 30, range(96, 127)  # IEEE 488.1, 2.6.2 and as VISA writes them
_VENDORS_ALONE = ("PXI", "VXI", "FIREWIRE")
PY = "@py"


def host(text: str) -> str:
    """Return a host's name or address; a validator's error says what is wrong with it."""
    if "//" in text or "/" in text:
        raise problem(f"{text!r} is no host: write its name or address alone, without // and /")
    try:
        ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        pass
    else:
        return text.strip("[]")
    if ":" in text:
        raise problem(f"{text!r} is no host: write the port as a key of its own, port = …")
    labels = text.removesuffix(".").split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise problem(
            f"{text!r} is no host: between the dots of a name or address, such as 192.168.1.20 "
            "or psu.lab.example, stand letters, digits and hyphens"
        )
    if labels[-1].isdigit():
        raise problem(f"{text!r} is no address: an IPv4 address is four numbers from 0 to 255")
    return text


def _terminator(text: str) -> str:
    found = _TERMINATORS.get(text.upper(), text)
    if not found or not found.isascii():
        raise problem(r'write CR, LF or CR LF, or the characters themselves, such as "\r\n"')
    return found


def _port(text: str) -> str:
    """Check a serial port's name, or one of pyserial's URLs."""
    if not text.strip():
        raise problem("write the port, such as COM3 or /dev/ttyUSB0")
    if text.upper().startswith("ASRL"):
        raise problem(f"{text!r} is VISA's name: write the port's own, {_own_name(text)}")
    scheme, is_url, _ = text.partition("://")
    if not is_url:
        return text
    if scheme not in _SCHEMES:
        raise problem(f"{scheme}:// is not supported; supported: {', '.join(_SCHEMES)}")
    if scheme == "hwgrep":
        if not text.partition("://")[2].strip():
            raise problem(f"{text!r} is any port: write which, such as hwgrep://0403:6001")
        return text
    match = _REMOTE.fullmatch(text)
    if not match:
        raise problem(f"{text!r}: write {scheme}://HOST:PORT, such as {scheme}://192.168.1.9:4001")
    host(match[2])
    if not 1 <= int(match[3]) <= 65535:
        raise problem(f"{text!r}: a TCP port is 1 to 65535")
    return text


def _own_name(resource: str) -> str:
    """Return how a serial resource of VISA is called by the operating system."""
    name = resource[4:].partition("::")[0]
    if name.isdigit():
        return f'"COM{name}" on Windows, or such as "/dev/ttyUSB0"'
    return f'"{name}"' if name else '"COM3" or "/dev/ttyUSB0"'


def _resource(text: str) -> str:
    if text.upper().startswith("ASRL"):
        raise problem(
            f"{text!r} is a serial port: write link = "
            f'{{ kind = "serial", port = … }}, with port = {_own_name(text)}'
        )
    if "::" not in text:
        return text  # an alias of a vendor's library; the link knows whether it has one
    match = _RESOURCE.fullmatch(text)
    if not match:
        raise problem(f"{text!r} is no VISA resource such as {_RESOURCES}")
    _check_numbers(text, match)
    if text.upper().startswith("TCPIP"):
        bracket = re.search(r"\[(.+)\]", text)
        host(bracket[1] if bracket else text.split("::")[1])
    return text


def _check_numbers(text: str, match: re.Match[str]) -> None:
    """Check the numbers in a resource's name, which the library looks at only when it opens it."""
    if match["tcp_port"] and not 1 <= int(match["tcp_port"]) <= 65535:
        raise problem(f"{text!r}: a TCP port is 1 to 65535")
    if any(int(number, 0) > 0xFFFF for number in match.groups()[1:3] if number):
        raise problem(f"{text!r}: the maker's and the model's number are 0x0000 to 0xFFFF")
    if match["primary"] and int(match["primary"]) > _GPIB_MOST:
        raise problem(f"{text!r}: a GPIB address is 0 to {_GPIB_MOST}")
    second = int(match["secondary"] or 0)
    if second > _GPIB_MOST and second not in _GPIB_SECONDARY:
        raise problem(f"{text!r}: a secondary GPIB address is 0 to {_GPIB_MOST}, or 96 to 126")


def _stop_bits(count: float) -> float:
    if count not in {1, 1.5, 2}:
        raise problem(f"{count:g} is not allowed; allowed: 1, 1.5, 2")
    return count


Terminator = Annotated[str, AfterValidator(_terminator)]


class SimulatedLink(Document):
    """A twin in this program: an instrument's, or that of a part on its socket's serial line.

    Those with the same `cable` are on one RS-485 cable, each at an address of its own.
    """

    kind: Literal["simulated"]
    cable: str | None = Field(default=None, min_length=1)


class LineLink(Document):
    """What every line to an instrument may say, where it is not as its driver knows it.

    `terminator` ends the lines of both sides, `reply_terminator` those that come where they end
    otherwise. `timeout` is the deadline of one whole exchange, 30 s at most: who waits longer
    for one instrument watches no other. `pause` the least time between the
    end of one and the beginning of the next.
    """

    terminator: Terminator | None = None
    reply_terminator: Terminator | None = None
    timeout: Duration | None = Field(default=None, gt=0, le=30)
    pause: Duration = Field(default=0.0, ge=0, le=60)


class SerialLink(LineLink):
    """A serial port: COM3, /dev/ttyUSB0, rfc2217://HOST:PORT, socket://HOST:PORT or hwgrep://…."""

    kind: Literal["serial"]
    port: Annotated[str, AfterValidator(_port)]
    baud_rate: int | None = Field(default=None, ge=50, le=4_000_000)
    data_bits: Literal[7, 8] | None = None
    parity: Literal["none", "even", "odd", "mark", "space"] | None = None
    stop_bits: Annotated[float, AfterValidator(_stop_bits)] | None = None
    flow_control: Literal["none", "xon/xoff", "rts/cts", "dsr/dtr"] | None = None

    @property
    def remote(self) -> tuple[str, int] | None:
        """Return host and TCP port of a port that is a plain socket, None for any other."""
        match = _REMOTE.fullmatch(self.port)
        return (match[2], int(match[3])) if match and match[1] == "socket" else None

    @model_validator(mode="after")
    def _wire(self) -> SerialLink:
        wire = ("baud_rate", "data_bits", "parity", "stop_bits", "flow_control")
        told = [name for name in wire if getattr(self, name) is not None]
        if self.remote and told:
            text = (
                "a socket:// can't set the port behind it; set it at the converter and leave "
                "this out, or use rfc2217:// where it can"
            )
            raise several([((name,), text) for name in told], rules=True)
        return self


class VisaLink(LineLink):
    """A VISA resource, such as TCPIP::192.168.1.20::5025::SOCKET.

    `library` is "@py" (pyvisa-py), "@ivi" (the vendor's that is installed), or a library's file.
    """

    kind: Literal["visa"]
    resource: Annotated[str, Field(min_length=1), AfterValidator(_resource)]
    library: str = Field(default=PY, min_length=1)

    @model_validator(mode="after")
    def _vendors(self) -> VisaLink:
        kind = re.match("[A-Z]*", self.resource.upper())
        if self.library == PY and kind and kind[0] in _VENDORS_ALONE:
            text = (
                f"{self.resource!r} is nothing that pyvisa-py reaches: use the vendor's library, "
                'library = "@ivi"'
            )
            raise several([(("resource",), text)], rules=True)
        return self

    @model_validator(mode="after")
    def _alias(self) -> VisaLink:
        if self.library == PY and "::" not in self.resource:
            text = (
                f"{self.resource!r} is no VISA resource such as {_RESOURCES}; an alias needs the "
                'vendor\'s library, library = "@ivi"'
            )
            raise several([(("resource",), text)], rules=True)
        return self


class TcpLink(LineLink):
    """A raw TCP socket."""

    kind: Literal["tcp"]
    host: Annotated[str, AfterValidator(host)]
    port: TcpPort | None = None


class I2cLink(Document):
    """A place on an I2C bus, directly or behind a multiplexer's channel."""

    kind: Literal["i2c"] = "i2c"
    bus: str
    address: I2cAddress
    multiplexer: MultiplexerAddress | None = None
    channel: MultiplexerChannel | None = None

    @model_validator(mode="after")
    def _both(self) -> I2cLink:
        if (self.multiplexer is None) != (self.channel is None):
            text = "multiplexer and channel are written together, or neither"
            raise several([((), text)], rules=True)
        return self


class Addressed(Document):
    """A socket's line that it may share with others: its part is spoken to at `address`."""

    address: int | None = Field(default=None, ge=0, le=255)


class SocketSimulatedLink(SimulatedLink, Addressed):
    """The line to a part's twin."""


class SocketSerialLink(SerialLink, Addressed):
    """The serial port that a part is at."""


class SocketTcpLink(TcpLink, Addressed):
    """The TCP port of a gateway that a part is behind."""

    port: TcpPort


def _usually_i2c(link: object) -> object:
    return {"kind": "i2c", **link} if isinstance(link, Mapping) else link


SocketLink = Annotated[
    I2cLink | SocketSerialLink | SocketTcpLink | SocketSimulatedLink,
    Field(discriminator="kind"),
    BeforeValidator(_usually_i2c),
]
"""How a part is reached in its socket: on a bus, or over a line, its own or a shared one."""
SocketLineLink = SocketSerialLink | SocketTcpLink | SocketSimulatedLink

Link = Annotated[
    SimulatedLink | SerialLink | VisaLink | TcpLink | I2cLink, Field(discriminator="kind")
]


def settings_of(link: Document, settings: LineSettings) -> LineSettings:
    """Return a driver's settings with what the link says otherwise, if it is one of lines."""
    if not isinstance(link, LineLink):
        return settings
    if link.terminator is not None:
        settings = replace(
            settings, write_terminator=link.terminator, read_terminator=link.terminator
        )
    if link.reply_terminator is not None:
        settings = replace(settings, read_terminator=link.reply_terminator)
    if link.timeout is not None:
        settings = replace(settings, timeout_s=link.timeout)
    if isinstance(link, SerialLink):
        settings = replace(
            settings,
            baud_rate=link.baud_rate or settings.baud_rate,
            data_bits=link.data_bits or settings.data_bits,
            parity=link.parity or settings.parity,
            stop_bits=link.stop_bits or settings.stop_bits,
            flow_control=link.flow_control or settings.flow_control,
        )
    return replace(settings, pause_s=max(settings.pause_s, link.pause))
