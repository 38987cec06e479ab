"""Readings as lines that appear as they come: a table for people, CSV for programs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import typer

from sensorbench.core.channel import Channel
from sensorbench.core.provenance import Provenance
from sensorbench.run.taking import Seat, Taken

_SERIAL, _TIME, _LEAST = 12, 9, 12


@dataclass(slots=True)
class TableRows:
    """A table with a heading for each model, repeated where another model's row follows."""

    seats: Sequence[Seat]
    channels: Mapping[str, tuple[Channel, ...]]
    _driver: str = ""
    _width: int = field(default=0)

    def add(self, taken: Taken) -> None:
        """Print a reading."""
        channels = self.channels[taken.seat.driver]
        heads = [f"{channel.name} {channel.unit}" for channel in channels]
        if taken.seat.driver != self._driver:
            self._driver = taken.seat.driver
            self._width = max(6, *(len(seat.socket.id) for seat in self.seats))
            self._print("time s", "socket", "serial", [h.rjust(_LEAST) for h in heads])
        widths = [max(_LEAST, len(head)) for head in heads]
        values = [
            show(value).rjust(width) for value, width in zip(taken.values, widths, strict=False)
        ]
        shown = [*values, taken.problem] if taken.problem else values
        self._print(f"{taken.time_s:.3f}", taken.seat.socket.id, taken.serial, shown)

    def _print(self, time: str, socket: str, serial: str, rest: Sequence[str]) -> None:
        typer.echo(
            f"{time:>{_TIME}}  {socket:<{self._width}}  {serial:<{_SERIAL}}  " + "  ".join(rest)
        )


class CsvRows:
    """Readings as CSV: a column for each channel and unit of all models that are read."""

    def __init__(self, channels: Mapping[str, tuple[Channel, ...]], provenance: Provenance) -> None:
        self._channels = channels
        self._provenance = provenance.value
        every = (f"{c.name} ({c.unit})" for found in channels.values() for c in found)
        self._columns = list(dict.fromkeys(every))
        self.head = _line(
            ["time (s)", "socket", "serial", "model", *self._columns, "provenance", "problem"]
        )
        self._is_first = True

    def line(self, taken: Taken) -> str:
        """Return a reading's line, after the heading where it is the first."""
        head = f"{self.head}\n" if self._is_first else ""
        self._is_first = False
        return head + self.row(taken)

    def row(self, taken: Taken) -> str:
        """Return a reading's line; values are unrounded, empty where not known."""
        channels = self._channels[taken.seat.driver]
        values = {
            f"{c.name} ({c.unit})": repr(v) if math.isfinite(v) else ""
            for c, v in zip(channels, taken.values, strict=False)
        }
        cells = [values.get(column, "") for column in self._columns]
        return _line([
            f"{taken.time_s:.6f}", taken.seat.socket.id, taken.serial, taken.seat.driver,
            *cells, self._provenance, taken.problem,
        ])  # fmt: skip


def show(value: float) -> str:
    """Return a value as a person reads it, to 7 digits; "-" for one that is not known.

    >>> show(101325.04), show(23.0), show(float("nan"))
    ('101325', '23', '-')
    """
    return f"{value:.7g}" if math.isfinite(value) else "-"


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
