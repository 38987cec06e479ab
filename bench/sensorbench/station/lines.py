"""The lines of real instruments, as station.toml writes them. Heavy libraries are imported here."""

from __future__ import annotations

from dataclasses import replace

from sensorbench.links.exchange import ExchangeLine
from sensorbench.links.line import LineSettings
from sensorbench.station.model import SerialLink, TcpLink, VisaLink


def open_line(
    link: SerialLink | VisaLink | TcpLink, settings: LineSettings, name: str
) -> ExchangeLine:
    """Return the open line of an instrument; nothing is sent. Raises LinkClosed."""
    if link.kind == "serial":
        if link.baud_rate is not None:
            settings = replace(settings, baud_rate=link.baud_rate)
        from sensorbench.links.serial_line import SerialLine  # noqa: PLC0415 - pyserial

        return SerialLine(link.port, settings, name)
    if link.kind == "visa":
        from sensorbench.links.visa_line import VisaLine  # noqa: PLC0415 - pyvisa

        return VisaLine(link.resource, settings, name)
    from sensorbench.links.tcp_line import TcpLine  # noqa: PLC0415 - with the others

    return TcpLine(link.host, link.port or settings.tcp_port, settings, name)
