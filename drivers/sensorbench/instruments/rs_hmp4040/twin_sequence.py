"""The simulated HMP4040's arbitrary sequences: what is kept of them. None can be run.

Sources: PyMeasure, hmp.py (commands, 128 steps of 0.06 to 10 s, 0 to 255 repetitions, three
memories, and that a sequence is transferred to an output before it starts).
Not confirmed: what ARBitrary:REPetitions? answers at first.
"""

from __future__ import annotations

from sensorbench.protocols.scpi_device import ScpiDevice, scpi
from sensorbench.protocols.scpi_parameters import Limit, Maybe, Number, bounded
from sensorbench.protocols.scpi_status import ScpiError

Step = tuple[float, float, float]
"""Volts, amperes, seconds."""

_MOST_STEPS, _MOST_REPETITIONS = 128, 255
_SHORTEST_S, _LONGEST_S = 0.06, 10.0
_MOST_V, _MOST_A = 32.05, 10.01
_NUMBER = Number()


class Sequences(ScpiDevice):
    """ARBitrary: one sequence in hand, one for each output, three in memory."""

    _in_hand: tuple[Step, ...] = ()
    _repetitions = 1

    def _begin_sequences(self) -> None:
        self._of_outputs: dict[int, tuple[Step, ...]] = {}
        self._in_memory: dict[int, tuple[Step, ...]] = {}

    @scpi(":ARBitrary:DATA", _NUMBER, _NUMBER, _NUMBER, *[Maybe(_NUMBER)] * (3 * _MOST_STEPS - 3))
    def _take_sequence(self, *values: float | Limit | None) -> None:
        given = [value for value in values if value is not None]
        if len(given) % 3:
            raise ScpiError(-109)
        self._in_hand = tuple(
            (
                bounded(given[at], 0.0, _MOST_V, 0.0),
                bounded(given[at + 1], 0.0, _MOST_A, 0.0),
                bounded(given[at + 2], _SHORTEST_S, _LONGEST_S, _SHORTEST_S),
            )
            for at in range(0, len(given), 3)
        )

    @scpi(":ARBitrary:REPetitions", Number())
    def _set_repetitions(self, count: float | Limit) -> None:
        self._repetitions = round(bounded(count, 0, _MOST_REPETITIONS, 1))

    @scpi(":ARBitrary:REPetitions?")
    def _get_repetitions(self) -> str:
        return str(self._repetitions)

    @scpi(":ARBitrary:TRANsfer", Number())
    def _transfer(self, output: float | Limit) -> None:
        self._of_outputs[round(bounded(output, 1, 4, 1))] = self._in_hand

    @scpi(":ARBitrary:CLEar", Number())
    def _clear_sequence(self, output: float | Limit) -> None:
        self._of_outputs.pop(round(bounded(output, 1, 4, 1)), None)

    @scpi(":ARBitrary:SAVE", Number())
    def _save_sequence(self, memory: float | Limit) -> None:
        self._in_memory[round(bounded(memory, 1, 3, 1))] = self._in_hand

    @scpi(":ARBitrary:RESTore", Number())
    def _restore_sequence(self, memory: float | Limit) -> None:
        self._in_hand = self._in_memory.get(round(bounded(memory, 1, 3, 1)), ())

    @scpi(":ARBitrary:STARt", Number())
    def _start_sequence(self, output: float | Limit) -> None:
        number = round(bounded(output, 1, 4, 1))
        raise self.not_modelled(f"ARB:START {number}", -221)

    @scpi(":ARBitrary:STOP", Number())
    def _stop_sequence(self, output: float | Limit) -> None:
        bounded(output, 1, 4, 1)  # none runs
