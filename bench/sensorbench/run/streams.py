"""Streams of a run: parts that sample by themselves, drained while the run goes on.

The rules:
- A block is what one drain brought; blocks are written together where they are small.
- The policy of the phase holds for a stream as for readings: a unit that is silent in drains, a
  pause apart, more often than it says is left out, or a person decides. While somebody thinks the
  others are drained on.
- With such a policy a unit that was silent for a pause, or could not be opened, is begun anew where
  it answers: it may have lost its supply.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sensorbench.core.channel import Block, Stream
from sensorbench.evidence.run import Column
from sensorbench.profiles.schedule import Point
from sensorbench.run.duts import Problem
from sensorbench.run.left_out import LeftOut
from sensorbench.run.lost import LossCount

if TYPE_CHECKING:
    from sensorbench.run.readings import Readings
    from sensorbench.run.runner import Runner

_MOST_S = 1.0  # of a stream in one entry, where blocks are small


@dataclass(slots=True)
class _Open:
    """A stream that is open: blocks that wait to be written, by unit.

    `counts` tell how much each lost, `lost` is that of the blocks that wait. `looks_s` is when its
    silent units are counted next.
    """

    point: Point
    streams: dict[int, Stream]
    waiting: dict[int, list[Block]] = field(default_factory=dict)
    since: float = 0.0
    problems: dict[str, Problem] = field(default_factory=dict)
    counts: dict[int, LossCount] = field(default_factory=dict)
    lost: dict[int, int] = field(default_factory=dict)
    looks_s: float = 0.0


class Streams:
    """Opens, drains and closes streams."""

    def __init__(self, run: Runner, readings: Readings, left_out: LeftOut) -> None:
        self._run, self._readings, self._left_out = run, readings, left_out
        self._open: dict[str, _Open] = {}

    def open(self, point: Point) -> None:
        """Let the units of a point sample by themselves until `close`."""
        run = self._run
        streams, problems = run.duts.open_streams(self._readings.group(point), point.settings)
        self._readings.note_identities()
        gone = set(self._readings.group(point)) - set(streams)
        run.silence.note_streams(point, streams, gone, run.clock.now())
        opened = _Open(point, streams, since=run.clock.now(), problems=dict(problems))
        opened.counts |= _counts(streams, run.clock.now())
        self._open[point.id] = opened
        names: dict[str, Stream] = {}
        for number, stream in streams.items():
            names.setdefault(run.schedule.units[number].part, stream)
        for part, stream in names.items():
            units = {row["name"]: row["unit"] for row in run.schedule.parts[part]["channels"]}
            columns = [
                Column(name, units[name], scale, offset)
                for name, scale, offset in zip(
                    stream.channels, stream.scale, stream.offset, strict=True
                )
            ]
            name = stream_name(run.schedule.parts, point.id, part)
            if name not in run.evidence.streams:  # else it is read anew, the run was cut off
                run.evidence.declare(name, columns)
        run.evidence.append(
            "stream_opened",
            {
                "point": point.id,
                "problems": problems,
                "unsettled": list(run.bench.unsettled.values()),
                "retries": run.duts.retries(),
                "rate_hz": {part: stream.rate_hz for part, stream in names.items()},
            },
        )
        if streams:
            period = min(stream.depth / stream.rate_hz for stream in streams.values()) / 2
            run.services.every(period, lambda: self._drain(opened), f"{point.id} drain")

    def close(self, point_id: str) -> None:
        """End a stream, if it is open; what it holds is written."""
        run = self._run
        opened = self._open.pop(point_id, None)
        if opened is None:
            return
        run.services.stop(f"{point_id} drain")
        self._drain(opened)
        self._flush(opened)
        run.duts.close_streams(list(opened.streams))
        run.evidence.append("stream_closed", {"point": point_id, "problems": opened.problems})
        run.evidence.commit_soon()

    def close_all(self) -> None:
        """End every stream; what they hold is written."""
        for opened in list(self._open.values()):
            self._flush(opened)
            self._run.duts.close_streams(list(opened.streams))
        self._open.clear()

    def _drain(self, opened: _Open) -> None:
        run = self._run
        serials = {number: run.schedule.units[number].serial for number in opened.streams}
        there = [n for n, serial in serials.items() if serial not in run.state.dropped]
        if not there:
            return
        blocks, problems = run.duts.drain(there)
        gone = set(there) - set(blocks)
        run.silence.note_streams(opened.point, blocks, gone, run.clock.now())
        self._readings.way()
        for number, block in blocks.items():
            if len(block.values) or block.overflow:
                opened.waiting.setdefault(number, []).append(block)
            opened.lost[number] = opened.lost.get(number, 0) + opened.counts[number].note(block)
        opened.problems |= problems
        self._count(opened, there, problems)
        if run.clock.now() - opened.since >= _MOST_S:
            self._flush(opened)

    def _flush(self, opened: _Open) -> None:
        """Write the blocks that wait: one entry, a frame a unit."""
        run = self._run
        opened.since = run.clock.now()
        waiting, opened.waiting = opened.waiting, {}
        for number, blocks in waiting.items():
            unit = run.schedule.units[number]
            name = stream_name(run.schedule.parts, opened.point.id, unit.part)
            rows = np.concatenate([block.values for block in blocks])
            run.evidence.append(
                "stream_data",
                {
                    "point": opened.point.id,
                    "unit": number,
                    "count": [len(block.values) for block in blocks],
                    "start_s": [run.seconds(block.start_s) for block in blocks],
                    "end_s": [run.seconds(block.end_s) for block in blocks],
                    "overflow": any(block.overflow for block in blocks),
                    "lost": opened.lost.pop(number, 0),
                    "saturated": any(block.saturated for block in blocks),
                },
                {name: rows},
            )
        run.evidence.commit_soon()

    def _count(self, opened: _Open, there: list[int], problems: Mapping[str, Problem]) -> None:
        """Count who is silent, once a pause, and do what the policy says of them."""
        run, policy, now = self._run, self._run.failing.policy, self._run.clock.now()
        if policy.then == "end" or now < opened.looks_s:
            return
        missing = self._missing(opened)
        silent = dict(problems)
        for number in [*there, *missing]:
            serial = run.schedule.units[number].serial
            if number in missing or (serial in problems and self._left_out.missed(serial)):
                silent.pop(serial, None)
                silent |= self._begin_anew(opened, number)
        if silent:
            opened.looks_s = now + policy.pause_s
        self._left_out.note(opened.point, [*there, *missing], silent, later=True)

    def _missing(self, opened: _Open) -> list[int]:
        """Return the units whose stream could not be opened with the others of their part."""
        units = self._run.schedule.units
        parts = {units[number].part for number in opened.streams}
        return [
            number
            for number in self._readings.group(opened.point)
            if number not in opened.streams
            and number in self._run.duts.loaded
            and units[number].part in parts
        ]

    def _begin_anew(self, opened: _Open, number: int) -> dict[str, Problem]:
        """Begin the stream of a unit again; return what failed of that, by serial."""
        run = self._run
        run.duts.loaded[number].settings = None
        streams, problems = run.duts.open_streams([number], opened.point.settings)
        opened.problems |= problems
        if streams:
            opened.streams |= streams
            opened.counts |= _counts(streams, run.clock.now())
            serial = run.schedule.units[number].serial
            missed = self._left_out.missed(serial)
            took_s = missed * run.failing.policy.pause_s
            data = {"what": serial, "tries": missed, "took_s": took_s}
            run.evidence.append("recovered", {**data, "reason": "its stream was begun anew"})
        return problems


def _counts(streams: Mapping[int, Stream], now_s: float) -> dict[int, LossCount]:
    return {number: LossCount(stream, now_s) for number, stream in streams.items()}


def stream_name(parts: Any, point_id: str, part: str) -> str:
    """Return the name of a point's stream for a part: a file's name, too."""
    number = list(parts).index(part)
    kept = "".join(c if c.isalnum() else "-" for c in point_id)
    return f"stream-{number}-{kept}"
