"""The simulated 2400's trigger model: when it measures, and how often.

Source: the user's manual 2400S-900-01, section 11 and pages 18-119 and following (sources, what
starts a measurement, output events, that the timer's first pass is at once), and the list of the
2400's commands in the 2600B reference manual, section 14 (TCONfigure, ASYNchronous). Recalled: the
lines after *RST, errors -211, -213, -221. Nothing pulses its trigger link or digital lines and
nobody presses TRIG: what waits for that, waits until ABORt. What is sent while it waits is carried
out at once, where the instrument keeps most of it until it is idle.
"""

from __future__ import annotations

from sensorbench.instruments.keithley_2400.twin_settings import Settings
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Choice, Limit, Maybe, Number, bounded
from sensorbench.protocols.scpi_status import ScpiError
from sensorbench.world.world import World

Reading = dict[str, float]
"""One reading: each element by its name."""

_MOST_READINGS, _LONGEST_DELAY_S = 2500, 999.9999
_SHORTEST_TIMER_S, _LONGEST_TIMER_S, _RESET_TIMER_S = 0.001, 99999.99, 0.1
_LINES = 4
_ARM_EVENT = Choice("TENTer", "TEXit", "NONE")
_EVENT = Choice("SOURce", "DELay", "SENSe", "NONE")
_WAITING, _IDLE = 1 << 6, 1 << 10


class Trigger(Settings):
    """Arm layer and trigger layer. `_reply_due` is that a READ? has still to be answered."""

    _world: World
    _on: bool

    def reset(self) -> None:
        super().reset()
        self._layers = {"ARM": 1, "TRIG": 1}
        self._sources = {"ARM": "IMM", "TRIG": "IMM"}
        self._inputs, self._outputs = {"ARM": 1, "TRIG": 1}, {"ARM": 2, "TRIG": 2}
        self._events: dict[str, tuple[str, ...]] = {
            "ARM": ("NONE",),
            "TRIG": ("NONE",),
            "TRIG IN": ("NONE",),
        }
        self._directions = {"ARM": "ACC", "TRIG": "ACC"}
        self._trigger_delay_s, self._timer_s = 0.0, _RESET_TIMER_S
        self._sampled: list[Reading] = []
        self._go_idle()

    def _go_idle(self) -> None:
        self._passes_left, self._reply_due = 0, False
        self.status.operation.update(_IDLE)

    def _trigger_at_once(self) -> None:
        """Take what CONFigure makes of the trigger model."""
        self._layers, self._sources = {"ARM": 1, "TRIG": 1}, {"ARM": "IMM", "TRIG": "IMM"}
        self._trigger_delay_s = 0.0

    # -- what it does ----------------------------------------------------------------------

    def _may_measure(self) -> None:
        """Raise ScpiError where the output is off and does not come on by itself."""
        raise NotImplementedError

    def _take(self) -> Reading:
        """Take one reading, which takes its time."""
        raise NotImplementedError

    def _measured_all(self) -> None:
        """Do what follows the last reading."""

    def _latest(self) -> str:
        """Return the readings of the last time, as FETCh? does."""
        raise NotImplementedError

    def _start(self) -> None:
        """Leave idle: measure, or wait for what the arm layer waits for."""
        if self._passes_left:
            raise ScpiError(-213)
        self._may_measure()
        self._sampled = []
        self._passes_left = self._layers["ARM"]
        if self._sources == {"ARM": "IMM", "TRIG": "IMM"} or self._is_timed:
            while self._passes_left:
                self._pass()
            return
        awaited = {self._sources["ARM"], self._sources["TRIG"]} - {"IMM", "TIM", "BUS"}
        if awaited:
            self.not_modelled(f"a trigger by {' and '.join(sorted(awaited))}: it does not come")
        self.status.operation.update(_WAITING)

    @property
    def _is_timed(self) -> bool:
        return self._sources == {"ARM": "TIM", "TRIG": "IMM"}

    def _pass(self) -> None:
        """Go once through the arm layer."""
        began_s = self._world.clock.now()
        try:
            for _ in range(self._layers["TRIG"]):
                self._world.let_pass(self._trigger_delay_s)
                self._sampled.append(self._take())
        except ScpiError:
            self._go_idle()
            raise
        self._passes_left -= 1
        if self._is_timed and self._passes_left:
            self._world.let_pass(max(0.0, began_s + self._timer_s - self._world.clock.now()))
        if not self._passes_left:
            self._measured_all()
            self.status.operation.update(_IDLE)

    @scpi(":INITiate[:IMMediate]")
    def _initiate(self) -> None:
        self._start()

    @scpi("*TRG")
    def _trigger(self) -> str | None:
        if not self._passes_left or self._sources != {"ARM": "BUS", "TRIG": "IMM"}:
            raise ScpiError(-211)
        self._pass()
        if self._passes_left or not self._reply_due:
            return None
        self._reply_due = False
        return self._latest()

    @scpi(":READ?")
    def _read(self) -> str | None:
        self._start()
        self._reply_due = bool(self._passes_left)
        return None if self._reply_due else self._latest()

    @scpi(":ABORt")
    def _abort(self) -> None:
        self._go_idle()

    @scpi(":TRIGger:CLEar")
    def _clear_triggers(self) -> None:
        """No pulse is pending."""

    # -- what is set -----------------------------------------------------------------------

    @scpi(":ARM[:SEQuence][:LAYer]:COUNt", Number(beyond=("INF", "INFINITE")), bound=("ARM",))
    @scpi(":TRIGger[:SEQuence]:COUNt", Number(), bound=("TRIG",))
    def _set_count(self, layer: str, count: float | Limit) -> None:
        wanted = round(bounded(count, 1, _MOST_READINGS, 1))
        if wanted * self._layers["TRIG" if layer == "ARM" else "ARM"] > _MOST_READINGS:
            raise ScpiError(-221)
        self._layers[layer] = wanted

    @scpi(":ARM[:SEQuence][:LAYer]:COUNt?", bound=("ARM",))
    @scpi(":TRIGger[:SEQuence]:COUNt?", bound=("TRIG",))
    def _get_count(self, layer: str) -> str:
        return str(self._layers[layer])

    @scpi(
        ":ARM[:SEQuence][:LAYer]:SOURce",
        Choice("IMMediate", "TLINk", "TIMer", "MANual", "BUS", "NSTest", "PSTest", "BSTest"),
        bound=("ARM",),
    )
    @scpi(":TRIGger[:SEQuence]:SOURce", Choice("IMMediate", "TLINk"), bound=("TRIG",))
    def _set_trigger_source(self, layer: str, source: str) -> None:
        self._sources[layer] = source

    @scpi(":ARM[:SEQuence][:LAYer]:SOURce?", bound=("ARM",))
    @scpi(":TRIGger[:SEQuence]:SOURce?", bound=("TRIG",))
    def _get_trigger_source(self, layer: str) -> str:
        return self._sources[layer]

    @scpi(":ARM[:SEQuence][:LAYer]:TIMer", Number("S"))
    def _set_timer(self, seconds: float | Limit) -> None:
        self._timer_s = bounded(seconds, _SHORTEST_TIMER_S, _LONGEST_TIMER_S, _RESET_TIMER_S)

    @scpi(":ARM[:SEQuence][:LAYer]:TIMer?")
    def _get_timer(self) -> str:
        return f"{self._timer_s:.5f}"

    @scpi(":TRIGger[:SEQuence]:DELay", Number("S"))
    def _set_trigger_delay(self, seconds: float | Limit) -> None:
        self._trigger_delay_s = bounded(seconds, 0.0, _LONGEST_DELAY_S, 0.0)

    @scpi(":TRIGger[:SEQuence]:DELay?")
    def _get_trigger_delay(self) -> str:
        return f"{self._trigger_delay_s:.5f}"

    @scpi(
        ":ARM[:SEQuence][:LAYer][:TCONfigure]:DIRection",
        Choice("SOURce", "ACCeptor"),
        bound=("ARM",),
    )
    @scpi(":TRIGger[:SEQuence][:TCONfigure]:DIRection", Choice("SOURce", "ACCeptor"),
          bound=("TRIG",))  # fmt: skip
    def _set_direction(self, layer: str, direction: str) -> None:
        self._directions[layer] = direction

    @scpi(":ARM[:SEQuence][:LAYer][:TCONfigure]:DIRection?", bound=("ARM",))
    @scpi(":TRIGger[:SEQuence][:TCONfigure]:DIRection?", bound=("TRIG",))
    def _get_direction(self, layer: str) -> str:
        return self._directions[layer]

    @scpi(":ARM[:SEQuence][:LAYer][:TCONfigure][:ASYNchronous]:ILINe", Number(), bound=("ARM",))
    @scpi(":TRIGger[:SEQuence][:TCONfigure][:ASYNchronous]:ILINe", Number(), bound=("TRIG",))
    def _set_input(self, layer: str, line: float | Limit) -> None:
        self._inputs[layer] = round(bounded(line, 1, _LINES, 1))

    @scpi(":ARM[:SEQuence][:LAYer][:TCONfigure][:ASYNchronous]:ILINe?", bound=("ARM",))
    @scpi(":TRIGger[:SEQuence][:TCONfigure][:ASYNchronous]:ILINe?", bound=("TRIG",))
    def _get_input(self, layer: str) -> str:
        return str(self._inputs[layer])

    @scpi(":ARM[:SEQuence][:LAYer][:TCONfigure][:ASYNchronous]:OLINe", Number(), bound=("ARM",))
    @scpi(":TRIGger[:SEQuence][:TCONfigure][:ASYNchronous]:OLINe", Number(), bound=("TRIG",))
    def _set_output(self, layer: str, line: float | Limit) -> None:
        self._outputs[layer] = round(bounded(line, 1, _LINES, 2))

    @scpi(":ARM[:SEQuence][:LAYer][:TCONfigure][:ASYNchronous]:OLINe?", bound=("ARM",))
    @scpi(":TRIGger[:SEQuence][:TCONfigure][:ASYNchronous]:OLINe?", bound=("TRIG",))
    def _get_output(self, layer: str) -> str:
        return str(self._outputs[layer])

    @scpi(
        ":ARM[:SEQuence][:LAYer][:TCONfigure][:ASYNchronous]:OUTPut",
        _ARM_EVENT, Maybe(_ARM_EVENT), bound=("ARM",),
    )  # fmt: skip
    @scpi(
        ":TRIGger[:SEQuence][:TCONfigure][:ASYNchronous]:OUTPut",
        _EVENT, Maybe(_EVENT), Maybe(_EVENT), bound=("TRIG",),
    )  # fmt: skip
    @scpi(
        ":TRIGger[:SEQuence][:TCONfigure][:ASYNchronous]:INPut",
        _EVENT, Maybe(_EVENT), Maybe(_EVENT), bound=("TRIG IN",),
    )  # fmt: skip
    def _set_events(self, layer: str, *events: str | None) -> None:
        self._events[layer] = tuple(event for event in events if event)

    @scpi(":ARM[:SEQuence][:LAYer][:TCONfigure][:ASYNchronous]:OUTPut?", bound=("ARM",))
    @scpi(":TRIGger[:SEQuence][:TCONfigure][:ASYNchronous]:OUTPut?", bound=("TRIG",))
    @scpi(":TRIGger[:SEQuence][:TCONfigure][:ASYNchronous]:INPut?", bound=("TRIG IN",))
    def _get_events(self, layer: str) -> str:
        return ",".join(self._events[layer])
