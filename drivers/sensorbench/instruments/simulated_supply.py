"""A simulated power supply of several outputs: what hangs on them, and what people and faults do.

A twin adds its commands, and says what its model does otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Generic, TypeVar

from sensorbench.instruments.simulated_output import Output
from sensorbench.protocols.scpi_device import ScpiSpeaker
from sensorbench.world.faults import Suffering
from sensorbench.world.fields import Field
from sensorbench.world.twins import Signal
from sensorbench.world.world import World

OutputT = TypeVar("OutputT", bound=Output)


class SimulatedSupply(ScpiSpeaker, Generic[OutputT]):
    """A supply in a simulated world: output n feeds the field `outn`.

    A load that draws more than the limit pulls the rail down; the twin looks at the load whenever
    it is spoken to. `trip1` and so on are over-voltages from outside. A person at the panel lowers
    every voltage by a tenth (`setpoint_changed`), or switches all outputs off (`output_off`) or on
    (`output_on`).
    """

    def __init__(self, world: World, serial: str, outputs: Mapping[int, OutputT]) -> None:
        super().__init__(
            serial, fault=partial(world.fault_of, serial), beyond=world.beyond_of(serial)
        )
        self._world = world
        self._outputs = dict(outputs)
        self._suffering = Suffering(world, serial, self._suffer)
        self.drives: dict[str, Field] = {
            f"out{number}": output.rail for number, output in self._outputs.items()
        }

    def reset(self) -> None:
        """Take the settings that *RST gives."""
        for output in self._outputs.values():
            output.reset()

    def sense(self, member: str, signal: Signal) -> None:
        """Say what is drawn from an output, in A. A voltage is that of its own terminals.

        Raises KeyError for a member that it has not.
        """
        if member not in self.drives:
            number = {f"current{number}": number for number in self._outputs}[member]
            self._outputs[number].draws = signal

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message, with the rails where their loads put them now."""
        self._catch_up()
        return super().handle(line)

    def trip(self, number: int) -> None:
        """Trip the over-voltage protection of an output, as a spike would."""
        self._outputs[number].voltage_tripped = True
        self._outputs[number].regulate()

    def _catch_up(self) -> None:
        """Bring the outputs up to now."""
        self._suffering.catch_up()
        self._trip_by(self._suffering.kind)  # what is there trips again after it was cleared
        for output in self._outputs.values():
            if output.on:
                output.regulate()

    def _suffer(self, fault: str) -> None:
        """Let a fault act as it comes, "" where one goes."""
        self._trip_by(fault)
        for output in self._outputs.values():
            if fault == "setpoint_changed":
                output.setpoint_v = output.round_v(0.9 * output.setpoint_v)
            if fault in {"output_off", "output_on"}:
                output.on = fault == "output_on"
            output.regulate()

    def _trip_by(self, fault: str) -> None:
        if fault.startswith("trip") and int(fault[-1]) in self._outputs:
            self.trip(int(fault[-1]))

    def _now(self) -> int:
        """Return the time in us, by which a reading has its noise."""
        return round(self._world.clock.now() * 1e6)
