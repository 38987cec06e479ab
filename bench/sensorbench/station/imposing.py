"""From rows of [[simulation.field]] to fields of the world, or to what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sensorbench.core.quantity import Address, Value
from sensorbench.core.units import UnitError, parse
from sensorbench.parts.values import ValueProblem, how_written, read, read_address, read_difference
from sensorbench.station.binding import Bindings
from sensorbench.station.model import StationFile
from sensorbench.station.simulated_fields import (
    FieldTable,
    RandomField,
    RecordingField,
    RotationField,
    SimulatedField,
    SineField,
    StepsField,
)
from sensorbench.world.fields import Constant, Field
from sensorbench.world.imposed import Pieces, Sines, vibration
from sensorbench.world.posed import TURNS, UP, on_gravity, resting, stands_on_gravity, turning
from sensorbench.world.world import World

_PSD = re.compile(
    r"\s*((?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*"  # the number
    r"\(?([^\W\d][^()]*?|%[^()]*?)\)?(?:\^2|²|2)\s*/\s*Hz\s*"
)
Findings = Iterator[tuple[str, str]]
Make = Callable[[World], dict[str, Field]]


@dataclass(slots=True)
class _Reader:
    """Reads the values of one row, and keeps what is wrong with each."""

    where: Address
    problems: list[tuple[str, str]]

    @property
    def whole(self) -> Address:
        return Address(self.where.quantity, self.where.port)

    @property
    def direction(self) -> tuple[float, ...] | None:
        axes = self.where.quantity.axes
        return tuple(float(axis == self.where.axis) for axis in axes) if axes else None

    def value(self, key: str, raw: object) -> Value:
        """Return a value of the whole quantity; along the address's axis where it has one."""
        try:
            found = read(raw, self.where, None)
        except ValueProblem as error:
            self.problems.append((key, str(error)))
            return 0.0
        if self.where.axis and not isinstance(found, tuple) and self.direction:
            return tuple(found * part for part in self.direction)
        if self.where.quantity.axes and not isinstance(found, tuple):
            self.problems.append((key, f"it is written {how_written(self.where.quantity)}"))
        return found

    def difference(self, key: str, raw: object) -> float:
        try:
            return read_difference(raw, self.where.quantity.difference, None)
        except ValueProblem as error:
            self.problems.append((key, str(error)))
            return 0.0

    def density(self, key: str, raw: str) -> float:
        """Return a spectral density in canonical units squared per Hz."""
        unit = self.where.quantity.difference
        found = _PSD.fullmatch(raw)
        try:
            if found is None:
                raise ValueError
            size = parse(f"1 {found[2].strip()}", unit)
            level = float(found[1]) * size * size
            if not 0 < level < float("inf"):
                raise ValueError
        except (UnitError, ValueError):
            some = " or ".join(f'"0.01 {_squared(u)}/Hz"' for u in list(unit.units)[:3])
            text = f"{raw!r} is no density above 0; write it as {some}"
            self.problems.append((key, text))
            return 1.0
        return level


def _squared(unit: str) -> str:
    return f"({unit})^2" if "/" in unit else f"{unit}^2"


def _make(row: SimulatedField, read_by: _Reader) -> Make:
    """Return what makes the fields of a row, by address; what is wrong is kept in `read_by`."""
    wrong, whole = read_by.problems, str(read_by.whole)
    if isinstance(row, RotationField):
        return _rotation(row, read_by)
    if isinstance(row, SineField | RandomField):
        return _sines(row, read_by)
    if isinstance(row, RecordingField):
        return _recording(row, read_by)
    times: tuple[float, ...] = (0.0,)
    if isinstance(row, StepsField):
        times = row.times
        values = [read_by.value(f"values[{k + 1}]", raw) for k, raw in enumerate(row.values)]
        if len(times) != len(values):
            wrong.append(("values", f"{len(values)} values for {len(times)} times: one for each"))
        if times[0] < 0 or any(b <= a for a, b in pairwise(times)):
            wrong.append(("times", "they must rise, from 0 s or later"))
    else:
        values = [read_by.value("value", row.value)]
    lag_s = row.lag

    def make(world: World) -> dict[str, Field]:
        if not lag_s and len(values) == 1 and not times[0]:
            return {whole: Constant(values[0])}
        quantity = read_by.where.quantity
        begins = resting(world, quantity.name, len(quantity.axes))
        return {
            whole: Pieces(
                np.array(times), np.array(values), since=world.clock.now(), steps=True,
                lag_s=lag_s, begins=begins,
            )
        }  # fmt: skip

    return make


def _sines(row: SineField | RandomField, read_by: _Reader) -> Make:
    where, direction, wrong = read_by.where, read_by.direction, read_by.problems
    if where.quantity.axes and not where.axis:
        some = " or ".join(f'"{where}.{axis}"' for axis in where.quantity.axes)
        wrong.append(("where", f"along which axis? Write {some}"))
    offset = None if row.offset is None else read_by.value("offset", row.offset)
    psd = amplitude = 0.0
    if isinstance(row, RandomField):
        psd = read_by.density("psd", row.psd)
        if row.low >= row.high:
            wrong.append(("high", f"{row.high:g} Hz is not above low, {row.low:g} Hz"))
    else:
        amplitude = read_by.difference("amplitude", row.amplitude)
    stands = offset is None and stands_on_gravity(where.quantity.name)
    whole = str(read_by.whole)

    def make(world: World) -> dict[str, Field]:
        if isinstance(row, RandomField):
            lines = vibration(psd, row.low, row.high, (world.seed, row.zone, whole, "vibration"))
        else:
            lines = np.array([amplitude]), np.array([row.frequency]), np.zeros(1)
        about: Value = 0.0
        if not stands:
            there = resting(world, where.quantity.name, len(where.quantity.axes))
            about = there if offset is None else offset
        moving = Sines(
            *lines, since=world.clock.now(), offset=about, direction=direction, lag_s=row.lag
        )
        return {whole: on_gravity(moving, world, row.zone) if stands else moving}

    return make


def _rotation(row: RotationField, read_by: _Reader) -> Make:
    where, direction = read_by.where, read_by.direction
    rate_dps = read_by.difference("rate", row.rate) if where.quantity.axes else 0.0
    if where.quantity is not TURNS or not where.axis or where.port:
        some = " or ".join(f'"{TURNS.name}.{axis}"' for axis in TURNS.axes)
        text = f"a rotation is about an axis: {some}"
        read_by.problems.append(("where", text))
    if row.lag:
        read_by.problems.append(("lag", "what turns evenly has none: leave it out"))

    def make(world: World) -> dict[str, Field]:
        return turning(world, direction or (), rate_dps)

    return make


def _recording(row: RecordingField, read_by: _Reader) -> Make:
    played, quantity, wrong = row.recording, read_by.where.quantity, read_by.problems
    columns = len(quantity.axes) if quantity.axes and not read_by.where.axis else 1
    values = np.zeros((2, 1))
    try:
        low, high = (parse(f"{size} {row.unit}", quantity.dimension) for size in (0, 1))
    except UnitError as error:
        wrong.append(("unit", str(error)))
        low, high = 0.0, 1.0
    if played is not None:
        values = low + played.values * (high - low)
        if values.shape[1] != columns:
            text = (
                f"{row.file} has {values.shape[1]} columns of values; {read_by.where} has {columns}"
            )
            wrong.append(("file", text))
        elif not (quantity.least <= values.min() and values.max() <= quantity.most):
            wrong.append(
                ("file", f"{row.file} goes from {values.min():g} to {values.max():g} "
                 f"{quantity.unit}; possible: {quantity.least:g} to {quantity.most:g}")
            )  # fmt: skip
    direction = read_by.direction

    def make(world: World) -> dict[str, Field]:
        if played is None:
            raise ValueError(f"{row.file} was not read: load the station from its file")
        table = values if direction else values[:, 0]
        if direction and columns == 1:
            table = values * np.array(direction)
        field = Pieces(
            played.times, table, since=world.clock.now(), repeats=row.ends == "repeat",
            lag_s=row.lag,
        )  # fmt: skip
        return {str(read_by.whole): field}

    return make


def _occupied(row: FieldTable, where: Address) -> tuple[str, ...]:
    whole = where.whole
    return (whole, UP) if isinstance(row, RotationField) else (whole,)


def check_fields(file: StationFile, bindings: Bindings) -> Findings:
    """Yield what is wrong with the fields of the simulated world: key and text."""
    rows = file.simulation.field if file.simulation else ()
    taken: dict[tuple[str, str], str] = {}
    for k, row in enumerate(rows):
        key = f"simulation.field[{k + 1}]"
        if row.zone not in file.zones:
            there = ", ".join(filter(None, file.zones)) or "none; leave zone out"
            yield f"{key}.zone", f"zone {row.zone!r}; there are: {there}"
        try:
            where = read_address(row.where)
        except ValueProblem as error:
            yield f"{key}.where", str(error)
            continue
        reader = _Reader(where, [])
        _make(row, reader)
        _offsets(row, reader, {s.id for s in file.sockets_of(row.zone)})
        yield from ((f"{key}.{part}", text) for part, text in reader.problems)
        for address in _occupied(row, where):
            place = (row.zone, address)
            if place in taken:
                yield f"{key}.where", f"{address} is driven by {taken[place]} too: leave one out"
            taken.setdefault(place, key)
            bound = bindings.rows.get(place)
            if bound is not None and (bound.acts is not None or bound.fixed is not None):
                how = f"set = {str(bound.acts)!r}" if bound.acts is not None else "fixed"
                text = f"{address} is driven by its bench table too ({how}): leave one out"
                yield f"{key}.where", text


def _offsets(row: FieldTable, reader: _Reader, known: set[str]) -> dict[str, float]:
    found = {}
    for socket, raw in row.sockets.items():
        if socket not in known:
            there = ", ".join(sorted(known)) or "none"
            reader.problems.append(
                (f"sockets.{socket}", f"no such socket here; there are: {there}")
            )
        found[socket] = reader.difference(f"sockets.{socket}", raw)
    if row.sockets and reader.where.quantity.axes:
        text = f"{reader.where.quantity.name} is a vector, the same at every socket: leave it out"
        reader.problems.append(("sockets", text))
    return found


def impose(file: StationFile, world: World) -> None:
    """Let the fields of the station drive the world. Raises ValueError for what `check` refuses."""
    for k, row in enumerate(file.simulation.field if file.simulation else ()):
        reader = _Reader(read_address(row.where), [])
        make = _make(row, reader)
        for part, text in reader.problems:
            raise ValueError(f"simulation.field[{k + 1}].{part}: {text}")
        for address, field in make(world).items():
            world.zone(row.zone).bind(address, field)


def more_at(file: StationFile, zone: str, socket: str) -> dict[str, float]:
    """Return how much more a part in a socket feels than the middle of its zone, by address."""
    found = {}
    for row in file.simulation.field if file.simulation else ():
        if row.zone == zone and socket in row.sockets:
            reader = _Reader(read_address(row.where), [])
            found[str(reader.whole)] = reader.difference(socket, row.sockets[socket])
    return found
