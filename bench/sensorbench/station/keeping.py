"""Whether each place can be looked at as often as its `period` says: what its readings take.

The rules:
- The meters of all zones of a run are read one after the other, so a round of them must fit into
  the shortest period; the run's own reading of a meter that is watched too may come before it.
- Which zones a run uses only its profile says: a station by itself is judged zone by zone.
- A reading takes what its driver declares, as the instrument is set in station.toml, and what its
  bytes take on a serial line, with the pause that the line keeps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress

from sensorbench.core.catalog import devices
from sensorbench.core.device import Timed
from sensorbench.core.errors import BenchError
from sensorbench.core.units import show_duration
from sensorbench.instruments.members import meter, setpoint
from sensorbench.links.line import LineSettings
from sensorbench.station.binding import Binding, Bindings
from sensorbench.station.foreseeing import unopened_driver
from sensorbench.station.links import LineLink, SerialLink
from sensorbench.station.model import StationFile
from sensorbench.station.refs import Ref, find

_BYTES = 40  # of a query and its reply, as instruments have them
_BITS = 10  # a byte with its start and stop bit
_FITS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_ROUNDING = 1e-9
Findings = Iterator[tuple[str, str]]


def unkept(file: StationFile, bindings: Bindings) -> Findings:
    """Return key in station.toml and why a period can't be kept there."""
    for zone in file.zones:
        yield from unkept_in(file, bindings, (zone,))


def unkept_in(file: StationFile, bindings: Bindings, zones: Collection[str]) -> Findings:
    """Return key and why a period can't be kept by a run that uses all these zones."""
    rows = [row for zone in zones for row in bindings.of(zone)]
    takes: dict[str, float] = {}
    for zone in zones:
        own = _round(file, zone, bindings.of(zone))
        takes |= {f"{zone}: {what}" if len(zones) > 1 else what: s for what, s in own.items()}
    round_s = sum(takes.values())
    slowest = sorted(takes.items(), key=lambda item: -item[1])[:3]
    shown = ", ".join(f"{what} {_show(s)}" for what, s in slowest if s)
    for row in rows:
        if not row.meters or round_s <= row.period_s * (1 + _ROUNDING):
            continue
        prefix = f"zone.{row.zone}.bench" if row.zone else "bench"
        fits = next((s for s in _FITS_S if s >= round_s), round_s)
        yield (
            f"{prefix}.{row.where}.period",
            f"{_show(row.period_s)} can't be kept: to read every meter of {_named(zones)} once "
            f"takes up to {_show(round_s)} ({shown}). {_show(fits)} fits, or a quicker reading",
        )


def _round(file: StationFile, zone: str, rows: list[Binding]) -> Mapping[str, float]:
    """Return what each reading of a round takes, s, by the name of the meter."""
    takes: dict[str, float] = {}
    watched: dict[str, str] = {}
    for row in rows:
        for ref in row.meters:
            key = str(ref) if str(ref) not in takes else f"{ref} for {row.where}"
            takes[key] = reading_s(file, ref)
            watched[ref.instrument] = key
    own: dict[str, float] = {}
    for socket in file.sockets_of(zone):
        for text, _ in socket.meters.values():
            try:
                ref = find(file, text, None)
            except LookupError:
                continue  # the sockets' own check says so
            if ref.instrument in watched:
                key = f"{ref.instrument} for a unit"
                own[key] = max(own.get(key, 0.0), reading_s(file, ref))
    return takes | own


def reading_s(file: StationFile, ref: Ref) -> float:
    """Return how long a reading takes at most, s, as far as that is known beforehand."""
    entry = file.instrument[ref.instrument]
    device = devices().get(entry.model)
    driver = unopened_driver(file, ref.instrument)
    declared = ref.declared
    own_s = declared.seconds if isinstance(declared, meter | setpoint) else 0.0
    if isinstance(driver, Timed):
        own_s = driver.reading_s(ref.member)
    kind = device.usable() if device is not None else None
    if kind is not None and hasattr(kind, "conversion_s"):  # of a sensor
        with suppress(BenchError):  # a setting that can't be is said elsewhere
            own_s = float(kind.conversion_s(**entry.options))
    return own_s + exchange_s(file, ref.instrument)


def exchange_s(file: StationFile, name: str) -> float:
    """Return what an exchange with an instrument takes on its line, s, with the line's pause."""
    entry = file.instrument[name]
    device = devices().get(entry.model)
    link = entry.link
    if device is None or not isinstance(link, LineLink):
        return 0.0
    settings = getattr(device.usable(), "LINE", LineSettings())
    pause_s: float = max(settings.pause_s, link.pause)
    if isinstance(link, SerialLink):
        return pause_s + _BYTES * _BITS / (link.baud_rate or settings.baud_rate)
    return pause_s


def _named(zones: Collection[str]) -> str:
    return f"the zones {' and '.join(zones)}" if len(zones) > 1 else "the bench"


def _show(seconds: float) -> str:
    return show_duration(seconds) if seconds >= 1 else f"{seconds * 1000:.3g} ms"
