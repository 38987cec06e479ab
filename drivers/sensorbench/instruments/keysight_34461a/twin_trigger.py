"""The simulated 34461A's trigger system: when each reading begins and ends, and its memory.

A trigger starts, after its delay, as many samples as SAMPle:COUNt says, one after the other; then
the next trigger is waited for, which IMMediate is there at once.
Source: QCoDeS, Keysight_344xxA_submodules.py (headers, ranges, delay before the first sample); a
public client that takes *LRN? apart (triggers are +1.00000000E+00, samples +1); memory of 10 000
readings, of which the latest stay, and the bits of the operation register recalled from the
Truevolt operating guide.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any, ClassVar

from sensorbench.instruments.keysight_34461a.twin_sense import END, Sense
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import (
    Choice,
    Flag,
    Limit,
    Maybe,
    Number,
    block,
    bounded,
    nr3,
)
from sensorbench.protocols.scpi_status import OPERATION_COMPLETE, ScpiError
from sensorbench.world.conversions import Conversions
from sensorbench.world.world import World

_MOST_AWAITED = 1e6  # readings: nobody waits for more, and a twin makes them one by one
_LONGEST_DELAY_S = 3600.0
_MEMORY_OVERFLOW = 1 << 14
_MEASURING, _WAITING = 1 << 4, 1 << 5
_NO_READING, _ENDLESS = 9.91e37, 9.9e37
_UNITS = {
    "VOLT": "VDC", "VOLT:AC": "VAC", "CURR": "ADC", "CURR:AC": "AAC", "RES": "OHM", "FRES": "OHM",
    "CONT": "OHM", "DIOD": "VDC",
}  # fmt: skip


class _Count:
    """A number of triggers: a number, a limit, or INFinity."""

    def parse(self, token: str) -> float | Limit:
        """Return the number, the limit named, or inf."""
        return math.inf if token.upper() in {"INF", "INFINITY"} else Number().parse(token)


class Trigger(Sense):
    """What starts readings; `_take_reading` is what one is. The world's clock times them."""

    MEMORY: ClassVar[int] = 10_000
    MOST_COUNT: ClassVar[float] = 1e6

    def __init__(self, world: World, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._world, self._clock = world, world.clock
        self._running, self._left, self._tells_completion = Conversions(), 0, False
        self._memory: deque[float] = deque(maxlen=self.MEMORY)
        self._stream: list[float] | None = None
        self._reset_triggers()
        world.listen(self._collect)

    def _reset_triggers(self) -> None:
        self._source, self._slope, self._sample_count = "IMM", "NEG", 1
        self._trigger_count: float = 1
        self._delay_s, self._auto_delay, self._sample_timer_s = 1.0, True, 1.0
        self._stop()

    def reset(self) -> None:
        super().reset()
        self._memory.clear()
        self._tells_completion = False  # it ends, and nobody is told (IEEE 488.2, 10.32.1)
        self._reset_triggers()

    def _take_reading(self, ended_s: float) -> float:
        """Return the reading that ended then."""
        raise NotImplementedError

    def _period_s(self, lasts_s: float) -> float:
        """Return how long after another each sample begins."""
        return lasts_s

    # -- what runs -------------------------------------------------------------------------

    @property
    def _is_busy(self) -> bool:
        return bool(self._left or self._triggers_left)

    def _look(self) -> None:
        """Bring the operation register to what runs now."""
        waits = bool(self._triggers_left and not self._left)
        register = self.status.operation
        others = register.condition & ~(_MEASURING | _WAITING)
        register.update(others | _MEASURING * bool(self._left) | _WAITING * waits)

    def _arm(self) -> None:
        self._memory.clear()
        self.status.questionable.update(self.status.questionable.condition & ~_MEMORY_OVERFLOW)
        self._triggers_left = self._trigger_count
        if self._source == "IMM":
            self._triggered(self._clock.now())
        self._look()

    def _triggered(self, at_s: float) -> None:
        self._triggers_left -= 1
        lasts_s = self._selected.lasts_s(self.LINE_HZ)
        begins_s = at_s + (0.0 if self._auto_delay else self._delay_s)
        self._running = Conversions(begins_s, lasts_s, self._period_s(lasts_s))
        self._left = self._sample_count
        self._look()

    def _collect(self) -> None:
        """Take the readings that have ended by now."""
        while self._left:
            due = min(self._left, self._running.due(self._clock.now()))
            if not due:
                return
            ended_s = self._take(due)
            if not self._left:
                self._burst_ended(ended_s)

    def _take(self, due: int) -> float:
        overwritten = max(0, due - self.MEMORY) if self._stream is None else 0
        if overwritten:
            self._running.take(overwritten)  # nobody can ever see them
        if len(self._memory) + due > self.MEMORY:
            self.status.questionable.update(self.status.questionable.condition | _MEMORY_OVERFLOW)
        for _ in range(due - overwritten):
            ended_s = self._running.take()
            reading = self._take_reading(ended_s)
            self._memory.append(reading)
            if self._stream is not None:
                self._stream.append(reading)
        self._left -= due
        return ended_s

    def _burst_ended(self, ended_s: float) -> None:
        if not self._triggers_left:
            self._stop()
        elif self._source == "IMM":
            self._triggered(ended_s)
        self._look()

    def _stop(self) -> None:
        self._left, self._triggers_left = 0, 0.0
        self._look()
        if self._tells_completion:
            self._tells_completion = False
            self.status.events |= OPERATION_COMPLETE

    def _finished(self) -> bool:
        """Let what runs end; False where it never does, or not while anybody would wait."""
        if self._left + self._triggers_left * self._sample_count > _MOST_AWAITED:
            return False
        while self._left:
            next_s = self._running.end_s(self._running.taken)
            self._world.let_pass(max(0.0, next_s - self._clock.now()))
            self._collect()
        return not self._triggers_left

    def trigger_input(self) -> None:
        """Put an edge on the Ext Trig connector, the one that TRIGger:SLOPe asks for."""
        self._collect()
        if self._source == "EXT" and self._triggers_left and not self._left:
            self._triggered(self._clock.now())

    # -- commands --------------------------------------------------------------------------

    @scpi("*OPC")
    def _complete(self) -> None:
        if self._is_busy:
            self._tells_completion = True
        else:
            super()._complete()

    @scpi("*CLS")
    def _clear_status(self) -> None:
        self._tells_completion = False  # IEEE 488.2, 10.3: an *OPC that waits is forgotten
        super()._clear_status()

    @scpi("*OPC?")
    def _is_complete(self) -> str | None:
        return super()._is_complete() if self._finished() else None

    @scpi("*WAI")
    def _wait(self) -> None:
        self._finished()

    @scpi(":INITiate[:IMMediate]")
    def _initiate(self) -> None:
        if self._is_busy:
            raise ScpiError(-213)
        self._arm()

    @scpi("*TRG")
    def _trigger(self) -> None:
        if self._source != "BUS" or not self._triggers_left or self._left:
            raise ScpiError(-211)
        self._triggered(self._clock.now())

    @scpi(":ABORt")
    def _abort(self) -> None:
        self._stop()

    @scpi(":READ?")
    def _read(self) -> str | None:
        if self._source == "BUS":
            raise ScpiError(-214)
        if self._is_busy:
            raise ScpiError(-213)
        self._arm()
        self._stream = []
        try:
            return ",".join(map(nr3, self._stream)) if self._finished() else None
        finally:
            self._stream = None

    @scpi(":FETCh?")
    def _fetch(self) -> str | None:
        if not self._finished():
            return None
        if not self._memory:
            raise ScpiError(-230)
        return ",".join(map(nr3, self._memory))

    @scpi(":DATA:POINts?")
    def _points(self) -> str:
        return str(len(self._memory))

    @scpi(":DATA:LAST?")
    def _last(self) -> str:
        unit = _UNITS.get(self._function, self._temperature_unit)
        return f"{nr3(self._memory[-1] if self._memory else _NO_READING)} {unit}"

    @scpi(":R?", Maybe(Number()))
    def _remove(self, most: float | Limit | None) -> str:
        count = round(bounded(Limit.MAX if most is None else most, 1, self.MEMORY, self.MEMORY))
        taken = [self._memory.popleft() for _ in range(min(count, len(self._memory)))]
        return block(",".join(map(nr3, taken)))

    @scpi(":TRIGger:SOURce", Choice("IMMediate", "BUS", "EXTernal"))
    def _set_source(self, source: str) -> None:
        self._source = source

    @scpi(":TRIGger:SOURce?")
    def _get_source(self) -> str:
        return self._source

    @scpi(":TRIGger:SLOPe", Choice("POSitive", "NEGative"))
    def _set_slope(self, slope: str) -> None:
        self._slope = slope

    @scpi(":TRIGger:SLOPe?")
    def _get_slope(self) -> str:
        return self._slope

    @scpi(":TRIGger:COUNt", _Count())
    def _set_trigger_count(self, count: float | Limit) -> None:
        endless = count == math.inf
        self._trigger_count = math.inf if endless else round(bounded(count, 1, self.MOST_COUNT, 1))

    @scpi(":TRIGger:COUNt?", END)
    def _get_trigger_count(self, end: str | None) -> str:
        if end:
            return self._ended(end, 1.0, self.MOST_COUNT, 1.0)
        return nr3(min(self._trigger_count, _ENDLESS))

    @scpi(":TRIGger:DELay", Number("S"))
    def _set_delay(self, delay: float | Limit) -> None:
        self._delay_s = bounded(delay, 0.0, _LONGEST_DELAY_S, 1.0)
        self._auto_delay = False

    @scpi(":TRIGger:DELay?", END)
    def _get_delay(self, end: str | None) -> str:
        if end:
            return self._ended(end, 0.0, _LONGEST_DELAY_S, 1.0)
        return nr3(0.0 if self._auto_delay else self._delay_s)

    @scpi(":TRIGger:DELay:AUTO", Flag())
    def _set_auto_delay(self, on: bool) -> None:
        self._auto_delay = on

    @scpi(":TRIGger:DELay:AUTO?")
    def _get_auto_delay(self) -> str:
        return str(int(self._auto_delay))

    @scpi(":SAMPle:COUNt", Number())
    def _set_sample_count(self, count: float | Limit) -> None:
        self._sample_count = round(bounded(count, 1, self.MOST_COUNT, 1))

    @scpi(":SAMPle:COUNt?", END)
    def _get_sample_count(self, end: str | None) -> str:
        counts = {"MIN": 1, "MAX": int(self.MOST_COUNT), "DEF": 1}
        return f"{counts.get(end or '', self._sample_count):+d}"

    @scpi(":SAMPle:TIMer", Number("S"))
    def _set_sample_timer(self, seconds: float | Limit) -> None:
        least_s = self._selected.lasts_s(self.LINE_HZ)
        self._sample_timer_s = bounded(seconds, least_s, _LONGEST_DELAY_S, 1.0)

    @scpi(":SAMPle:TIMer?", END)
    def _get_sample_timer(self, end: str | None) -> str:
        if end:
            return self._ended(end, self._selected.lasts_s(self.LINE_HZ), _LONGEST_DELAY_S, 1.0)
        return nr3(self._sample_timer_s)
