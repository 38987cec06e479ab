"""A line over VISA, through pyvisa: pyvisa-py, or a vendor's library (visa_library="").

pyvisa-py (0.8.1) reports neither a refused raw socket connection nor a closed one, can't switch
Nagle off, sends without a time-out and lets bytes that keep coming stretch one. So there the
session's own socket carries the bytes.

Whatever a library does itself is done in a thread of its own with a deadline: some hang in opening
or closing what is not there any more.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from sensorbench.core.deadline import Worker
from sensorbench.core.errors import LinkClosed
from sensorbench.core.provenance import Provenance
from sensorbench.links.exchange import ExchangeLine
from sensorbench.links.line import LineSettings
from sensorbench.links.tcp_line import not_listening, receive_some, send_all

T = TypeVar("T")
LOADS_S, MORE_S = 30.0, 2.0
"""Deadlines of loading a library, and of what it does beyond its own time-out, s."""
_CHUNK = 20 * 1024


class VisaLine(ExchangeLine):
    """A `Line` to a VISA resource such as "TCPIP::192.168.1.20::5025::SOCKET" or "USB0::…::INSTR".

    The constructor opens the resource and raises LinkClosed if nobody is there. ASRL resources are
    refused with ValueError: `SerialLine` takes them.
    """

    def __init__(
        self,
        resource: str,
        settings: LineSettings,
        name: str,
        provenance: Provenance = Provenance.HARDWARE,
        visa_library: str = "@py",
    ) -> None:
        if resource.upper().startswith("ASRL"):
            raise ValueError(
                f"{name}: {resource} is a serial port; open it as such, by its own name"
            )
        is_tcp = resource.upper().startswith("TCPIP")
        super().__init__(settings, name, provenance, resource, "tcp" if is_tcp else "serial")
        self._is_stream = resource.upper().endswith("::SOCKET")
        self._library = visa_library
        self._resource: Any = None
        self._worker = Worker(f"the VISA library for {resource}")
        self._socket: socket.socket | None = None
        self._connect()

    def _open(self) -> None:
        import pyvisa  # noqa: PLC0415 - heavy

        self._worker.end()
        self._worker = Worker(f"the VISA library for {self._where}")  # the last may hang still
        try:
            manager = self._worker.do(LOADS_S, lambda: pyvisa.ResourceManager(self._library))
        except (OSError, ValueError, pyvisa.Error) as error:
            raise LinkClosed(
                f"{self.name}: the VISA library {self._library!r} can't be loaded ({error}). "
                "Install the vendor's, or use '@py', which needs none"
            ) from error
        try:
            self._resource = self._worker.do(
                self._settings.timeout_s + MORE_S,
                lambda: manager.open_resource(
                    self._where, open_timeout=round(self._settings.timeout_s * 1000)
                ),
                lambda resource: resource.close(),
            )
        except ValueError as error:
            if lacks := missing_backend(self._where, self._library, str(error)):
                raise LinkClosed(f"{self.name}: {self._where} {lacks}") from error
            raise LinkClosed(
                f"{self.name}: {self._where} can't be opened ({error}). pyvisa-py can't while this "
                "program has more than 1023 files open: close some, or give the instrument's "
                "socket as a link of its own, tcp instead of visa"
            ) from error
        except Exception as error:  # pyvisa-py raises bare Exception for a connection in vain
            if lacks := missing_backend(self._where, self._library, str(error)):
                raise LinkClosed(f"{self.name}: {self._where} {lacks}") from error
            raise not_listening(self.name, self._where, error) from error
        self._socket = _socket_of(self._resource)
        try:
            self._configure()
        except (OSError, pyvisa.Error) as error:
            self._shut()
            raise not_listening(self.name, self._where, error) from error

    def _configure(self) -> None:
        if self._socket:
            self._socket.getpeername()  # raises OSError where the connection was refused
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        elif self._is_stream:
            self._resource.read_termination = self._settings.read_terminator

    def _shut(self) -> None:
        from pyvisa import Error  # noqa: PLC0415 - heavy

        resource = self._resource
        with suppress(OSError, Error):
            self._worker.do(self._settings.timeout_s + MORE_S, resource.close)
        self._worker.end()
        self._resource = self._socket = None

    def _send(self, data: bytes, timeout_s: float) -> None:
        if self._socket:
            send_all(self._socket, data, timeout_s)
            return
        with _os_errors():
            self._do(timeout_s, lambda: self._resource.write_raw(data))

    def _receive(self, timeout_s: float) -> bytes:
        if self._socket:
            return receive_some(self._socket, timeout_s)
        if not timeout_s and not self._is_stream:
            return b""  # nothing comes unasked, and asking would be an error (IEEE 488.2: -420)
        try:
            with _os_errors():
                return self._do(timeout_s, self._read)
        except TimeoutError:
            return b""

    def _read(self) -> bytes:
        from pyvisa.constants import StatusCode  # noqa: PLC0415 - heavy

        data: bytes
        data, status = self._resource.visalib.read(self._resource.session, _CHUNK)
        ended = status == StatusCode.success and not self._is_stream
        # The END of a message ends a line whether or not the instrument also sends a terminator.
        return data if not ended or data.endswith(self._read_end) else data + self._read_end

    def _do(self, timeout_s: float, work: Callable[[], T]) -> T:
        """Let the library do something with its own time-out, and a little more for hanging."""

        def timed() -> T:
            self._resource.timeout = max(1, round(timeout_s * 1000))
            return work()

        return self._worker.do(timeout_s + MORE_S, timed)

    def _abandon(self, timeout_s: float) -> None:
        if self._connected and not self._is_stream:
            with suppress(OSError, NotImplementedError), _os_errors():
                self._do(timeout_s, self._resource.clear)  # empties the instrument's output queue
        super()._abandon(timeout_s)


_BACKENDS = {
    "USB": (("usb",), "pip install pyusb"),
    "GPIB": (("gpib_ctypes", "gpib"), "pip install gpib-ctypes, and the adapter's driver"),
    "VICP": (("pyvicp",), "pip install pyvicp"),
}
_NO_LIBRARY = (
    "needs libusb, which PyUSB does not find. Install it: apt install libusb-1.0-0, "
    "brew install libusb, or on Windows pip install libusb-package"
)


def missing_backend(resource: str, library: str = "@py", said: str = "") -> str:
    """Return what must be installed for a resource, "" where nothing is missing.

    `said` is how opening failed, where it did. A vendor's library brings all that it needs.
    """
    if library != "@py":
        return ""
    interface = re.match(r"[A-Za-z]*", resource)
    kind = interface[0].upper() if interface else ""
    modules, install = _BACKENDS.get(kind, ((), ""))
    if modules and not any(find_spec(module) for module in modules):
        return (
            f"needs a package that is not installed here: {install}. Or use the vendor's VISA, "
            'library = "@ivi"'
        )
    if kind == "USB" and "backend" in said.lower():
        return _NO_LIBRARY
    if kind == "GPIB" and ("libgpib" in said or ("gpib" in said.lower() and "library" in said)):
        return "needs the GPIB adapter's driver, which is not installed here (linux-gpib, NI-488.2)"
    return ""


_OWN = ("@py", "@ivi", "@ni", "")
_SHARED = (".so", ".dll", ".dylib")


def missing_library(library: str) -> str:
    """Return why a VISA library can't be loaded here, "" where it may be.

    A name without a folder is one that the system's loader looks for.
    """
    if library in _OWN:
        return ""
    if library.startswith("@"):
        package = f"pyvisa_{library[1:]}"
        if package.isidentifier() and find_spec(package):
            return ""
        return f"{library} is a backend of PyVISA that is not installed here"
    if "/" in library or "\\" in library:
        return "" if Path(library).exists() else f"{library} is not there"
    if library.lower().endswith(_SHARED) or ".so." in library:
        return ""
    return f'{library} is no library: write "@py", "@ivi" (the vendor\'s), or its file'


def _socket_of(resource: Any) -> socket.socket | None:
    """Return the socket of a pyvisa-py raw socket session, None for any other."""
    sessions = getattr(resource.visalib, "sessions", {})
    interface = getattr(sessions.get(resource.session), "interface", None)
    return interface if isinstance(interface, socket.socket) else None


@contextmanager
def _os_errors() -> Iterator[None]:
    """Turn VISA's errors into TimeoutError and OSError."""
    from pyvisa import Error, VisaIOError  # noqa: PLC0415 - heavy
    from pyvisa.constants import StatusCode  # noqa: PLC0415 - heavy

    try:
        yield
    except VisaIOError as error:
        kind = TimeoutError if error.error_code == StatusCode.error_timeout else OSError
        raise kind(str(error)) from error
    except Error as error:
        raise OSError(str(error)) from error
