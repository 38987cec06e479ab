"""Acting: what is set, waited for and released, checked against what the bench can do."""

from __future__ import annotations

import math
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager

from sensorbench.core.quantity import Soak, Value, address, components, distance
from sensorbench.parts.values import AMBIENT, VACUUM, Target, Targets, Wave, how_written
from sensorbench.profiles.layout import BenchRow
from sensorbench.profiles.model import SetTable
from sensorbench.profiles.planning.reading import Reading, show_plain
from sensorbench.profiles.schedule import (
    Action,
    Band,
    Release,
    Set,
    Settle,
)

_QUICKEST_TOGGLE_S = 2.0


class Acting(Reading):
    """Reaches values on the bench that the units are at."""

    # -- going there -----------------------------------------------------------------------

    def row(self, where: str) -> BenchRow | None:
        """Return what the present zone has at an address, None if nothing."""
        zone = self.layout.zones.get(self.zone)
        return zone.rows.get(where) if zone else None

    def go(
        self, tables: Iterable[Targets], *, only: bool = True, for_s: float | None = None
    ) -> Iterator[Action]:
        """Reach each table's values together, one table after the other.

        With `only` what no table has is released before, in the reverse order in which it was set.
        `for_s` replaces the soaks' time, as a dwell does.
        """
        steps = [dict(table) for table in tables]
        wanted = {where for table in steps for where in table}
        if only:
            yield from self.release([w for w in self.current if w not in wanted])
        by_hand = self._by_hand(steps)
        if by_hand:
            # People first: what was let go for them is gone back to afterwards.
            back = yield from self.let_touch()
            again = {w: t for w, t in back.items() if w not in wanted}
            yield from self._reach([by_hand, *([again] if again else [])], None)
        yield from self._reach(steps, for_s)

    def _reach(self, steps: Sequence[Targets], for_s: float | None) -> Iterator[Action]:
        under_way = {w: self.current[w] for w in sorted(self.moving) if w in self.current}
        reached: Targets = {w: t for w, t in under_way.items() if not isinstance(t, Wave)}
        for table in steps:
            sent: set[str] = set(reached) & self.moving
            for where, target in table.items():
                if target is None:
                    yield from self.release([where])
                    continue
                action = self._set(where, target)
                if action:
                    sent.add(where)
                    yield action
                if not isinstance(target, Wave):
                    reached[where] = target
            self.moving.difference_update(sent)
            if sent or for_s is not None:
                bands = [where for where in reached if self._is_set(where)]
                yield from self._settle({w: reached[w] for w in bands}, for_s, sent)

    def _by_hand(self, tables: Iterable[Targets]) -> Targets:
        """Return what a person is to set for tables, and has not yet."""
        found: Targets = {}
        for table in tables:
            for where, target in table.items():
                row = self.row(where)
                asks = row is not None and row.how == "set" and row.asks
                if asks and target is not None and self.current.get(where) != target:
                    found[where] = target
        return found

    def let_touch(self) -> Generator[Action, None, Targets]:
        """Let people touch the units: what is not within its `handle` is let go, and waited for.

        Returns what was let go, to go back to. What feeds the parts stays, as what a person set.
        """
        out: Targets = {}
        for where, target in self.current.items():
            row, quantity = self.row(where), address(where).quantity
            if row is None or row.asks or quantity.feeds:
                continue
            low, high = row.handle or quantity.touch or (math.inf, -math.inf)
            if not (isinstance(target, float) and low <= target <= high):
                out[where] = target
        yield from self.release(out)
        yield from self.inside_handle(out)
        return out

    def inside_handle(self, moved: Collection[str] = ()) -> Iterator[Action]:
        """Wait until people may touch the units; of what was `moved` by the quantity's own word."""
        zone = self.layout.zones.get(self.zone)
        rows = zone.rows.items() if zone else ()
        ends = {w: r.handle or (address(w).quantity.touch if w in moved else None) for w, r in rows}
        bands = [Band(w, low=end[0], high=end[1]) for w, end in ends.items() if end]
        if bands and self.number:
            longest = max(self.soak(band.address).timeout_s for band in bands)
            yield Settle(tuple(bands), 0.0, longest)

    def _is_set(self, where: str) -> bool:
        row = self.row(where)
        return row is not None and row.how == "set"

    def send(self, targets: Targets) -> Iterator[Action]:
        """Send values without waiting for them: a step is seen on its way."""
        for where, target in targets.items():
            action = None if target is None else self._set(where, target)
            if action is not None:
                self.moving.add(where)
                yield action

    def _set(self, where: str, target: Target) -> Set | None:
        """Return the action that sends a value, None where it is there already."""
        row = self.row(where)
        if row is None or row.how == "watched":
            self.problem(self._unset(where, row))
            return None
        if isinstance(target, Wave):
            self._check_wave(where, target, row)
            if self.current.get(where) == target:
                return None
            self.current[where] = target
            return Set(where, target, None, self._limit(where))
        assert target is not None  # noqa: S101 - off is a release
        if row.how == "fixed":
            self._check_fixed(where, target, row)
            return None
        self._check_ends(where, target, row)
        if self.current.get(where) == target:
            return None
        rate = self._rate(where)
        if rate is not None and (row.fastest is None or rate > row.fastest * (1 + 1e-9)):
            unit = address(where).quantity.unit
            can = f"at most {row.fastest:g} {unit}/s" if row.fastest else "no rate at all"
            self.problem(f"{where}: this bench can do {can}, asked for {rate:g} {unit}/s", "rate")
        self._check_time(where, target, row, rate)
        limit = self._limit(where)
        if limit is not None and row.limit is None:
            limit = None
        elif limit is not None and row.limit and not row.limit[0] <= limit <= row.limit[1]:
            self.problem(
                f"{where}: limit {limit:g} is outside what the bench can do, "
                f"{row.limit[0]:g}..{row.limit[1]:g}", "limit",
            )  # fmt: skip
        self.current[where] = target
        return Set(where, target, rate, limit)

    def _unset(self, where: str, row: BenchRow | None) -> str:
        """Return why nothing sets an address, and what to write."""
        if row is None:
            spot = address(where)
            text = (
                f"nothing sets {where}: station.toml needs [bench.{where}] with `set`, or `fixed`"
            )
            if not spot.port or not spot.quantity.axes:
                return text
            return f"{text}. A vector without ports is written {how_written(spot.quantity)}"
        if row.follows:
            names = " and ".join(row.follows)
            return f"{where} follows from {names} on this bench: set {names} instead"
        return f"[bench.{where}] is only watched, nothing sets {where}"

    def _check_fixed(self, where: str, target: Value, row: BenchRow) -> None:
        assert row.fixed is not None  # noqa: S101 - fixed rows have it
        apart = distance(target, row.fixed)
        if not apart <= self.soak(where).within:
            unit = address(where).quantity.unit
            self.problem(
                f"{where} is fixed at {show_plain(row.fixed)} {unit} on this bench; "
                f"{show_plain(target)} {unit} can't be set"
            )

    def _check_ends(self, where: str, target: Value, row: BenchRow) -> None:
        unit = address(where).quantity.unit
        if isinstance(target, float):
            target += self._ambient(where, row)
        if isinstance(target, tuple) and not row.vector:
            self.problem(f"{where}: this bench sets one number along its own axis, no vector")
        if not all(row.low <= part <= row.high for part in components(target)):
            self.problem(
                f"{where} = {show_plain(target)} {unit} is outside what this bench may do, "
                f"{row.low:g}..{row.high:g} {unit}"
            )

    def _ambient(self, where: str, row: BenchRow) -> float:
        """Return what lies between the part's zero and the instrument's, 0 where they are one.

        Where one counts from ambient and the other from vacuum, the ambient must be known:
        `[bench.QUANTITY.ambient]`.
        """
        span = self.range_of(where)
        if span is None or {span.relative_to, row.against} != {AMBIENT, VACUUM}:
            return 0.0
        sign = 1.0 if row.against == VACUUM else -1.0
        name = f"{address(where).quantity.name}.{AMBIENT}"
        found = self.row(name)
        if found is None:
            self.problem(
                f"{where} of the part is relative to {span.relative_to}, the bench counts from "
                f"{row.against}: station.toml needs [bench.{name}] with a meter or `fixed`"
            )
        if found is not None and isinstance(found.fixed, float):
            return sign * found.fixed
        return sign * address(where).quantity.usual

    def _check_wave(self, where: str, wave: Wave, row: BenchRow) -> None:
        if row.how != "set":
            self.problem(f"{where}: nothing on this bench makes waves there")
            return
        quickest = row.wave_s[0] if row.wave_s and wave.period_s <= row.wave_s[1] else None
        if quickest is None:  # the program itself goes to and fro
            if row.nonvolatile:
                self.problem(
                    f"{where}: its instrument keeps each value in a memory that wears, and a wave "
                    "writes two a period; take an instrument that makes waves itself, or soaks"
                )
            if wave.shape != "square":
                self.problem(f"{where}: a {wave.shape} wave of {wave.period_s:g} s can't be made")
            apart = abs(wave.high - (wave.low or 0.0))
            quickest = 2 * ((apart / row.planned if row.planned else 0.0) + row.settling_s)
            quickest = max(quickest, _QUICKEST_TOGGLE_S)
        if wave.period_s < quickest * (1 - 1e-9):
            self.problem(
                f"{where}: a wave of {wave.period_s:g} s is faster than this bench can do, "
                f"{quickest:g} s"
            )
        for end in (wave.low, wave.high):
            if end is not None:
                self._check_ends(where, end, row)

    def _check_time(self, where: str, target: Value, row: BenchRow, rate: float | None) -> None:
        """A soak's time-out must leave the time that the way there takes."""
        speed = min((s for s in (rate, row.planned) if s), default=None)
        if speed is None:
            return
        before = self.current.get(where, row.rest)
        known = before is not None and not isinstance(before, Wave)
        apart = distance(target, before) if known else 0.0  # type: ignore[arg-type]
        soak = self.soak(where)
        needed = apart / speed + soak.for_s
        if needed > soak.timeout_s:
            self.problem(
                f"{where}: the way to {show_plain(target)} and its soak take "
                f"{needed / 60:.0f} min, "
                f"the soak's timeout is {soak.timeout_s / 60:.0f} min", "soak",
            )  # fmt: skip

    def _settle(
        self, targets: Targets, for_s: float | None = None, sent: Collection[str] = ()
    ) -> Iterator[Action]:
        """Wait for all targets together, for the soak of those that were `sent` just now.

        What stayed where it was must hold too, but has had its soak.
        """
        if not targets:
            return
        soaks = {where: self.soak(where) for where in targets}
        for where, soak in soaks.items():
            self._check_steady(where, soak)
        bands = tuple(
            Band(where, target, soaks[where].within)
            for where, target in targets.items()
            if target is not None and not isinstance(target, Wave)
        )
        new = [soaks[where] for where in targets if where in sent] or list(soaks.values())
        longest = max(soak.for_s for soak in new) if for_s is None else for_s
        timeout = max(soak.timeout_s for soak in new)
        yield Settle(bands, longest, timeout + (for_s or 0.0))

    def _check_steady(self, where: str, soak: Soak) -> None:
        row, unit = self.row(where), address(where).quantity.difference.canonical
        if row is not None and row.how == "set" and soak.within < row.steady * (1 - 1e-9):
            self.problem(
                f"{where}: within {soak.within:g} {unit} can't be waited for, as what sets it "
                f"reads up to {row.steady:g} {unit} beside it when it stands still", "soak",
            )  # fmt: skip

    def held(self, targets: Targets) -> tuple[Band, ...]:
        """Return the bands in which hours are credited while `targets` are set."""
        bands = []
        for where, target in targets.items():
            row = self.row(where)
            if target is None or isinstance(target, Wave) or row is None or row.how != "set":
                continue
            band = Band(where, target, self.soak(where).held)
            unit, least = address(where).quantity.difference.canonical, max(row.steady, row.agree)
            if band.within < least * (1 - 1e-9):
                self.problem(
                    f"{where}: hours held within {band.within:g} {unit} can't be credited, as its "
                    f"meters may be {least:g} {unit} beside it: widen `held`, or narrow `agree`",
                    "soak",
                )  # fmt: skip
            bands.append(band)
        return tuple(bands)

    def release(self, addresses: Iterable[str] | None = None) -> Iterator[Action]:
        """Stop acting on addresses, or on all, the last one set first."""
        wanted = set(self.current if addresses is None else addresses)
        for where in reversed([w for w in self.current if w in wanted]):
            del self.current[where]
            self.moving.discard(where)
            yield Release(where)

    def until(self, table: SetTable, came_from: Targets) -> Iterator[Action]:
        """Wait until quantities are down, or up, to values: one-sided bands.

        `came_from` is what was set before they were let go.
        """
        bands = []
        for where, raw in table.items():
            value = self.plain(where, raw, "until")
            before = came_from.get(where)
            if isinstance(value, tuple) or value is None:
                continue
            falling = not isinstance(before, float) or before > value
            self._check_way(where, value, falling)
            bands.append(Band(where, high=value) if falling else Band(where, low=value))
        if bands:
            longest = max(self.soak(band.address).timeout_s for band in bands)
            yield Settle(tuple(bands), 0.0, longest)

    def _check_way(self, where: str, value: float, falling: bool) -> None:
        """What nobody acts on goes to what the room has, and no further."""
        row = self.row(where)
        if row is None:
            self.problem(f"{where} is not on this bench: nothing can wait for it", "until")
            return
        goal = self.current.get(where, row.rest)
        if isinstance(goal, float) and (value < goal if falling else value > goal):
            unit, word = address(where).quantity.unit, "falls" if falling else "rises"
            self.problem(
                f"{where} never {word} to {value:g} {unit}: it goes to {goal:g} {unit} and stays",
                "until",
            )

    # -- restarts --------------------------------------------------------------------------

    @contextmanager
    def together(self) -> Iterator[None]:
        """Steps inside are taken up again at the first of them: a cycle cut short is repeated."""
        before, self.restart = self.restart, self.number
        try:
            yield
        finally:
            self.restart = before

    @contextmanager
    def never_repeated(self) -> Iterator[None]:
        """Steps inside are not repeated by themselves: a person decides."""
        before, self.asks_restart = self.asks_restart, True
        try:
            yield
        finally:
            self.asks_restart = before
