"""write: coefficients that the evidence gives, into the parts; read back, locked if asked.

They are fitted from the evidence itself, so that whoever verifies it fits the same numbers, and are
all on the disk before the first part is written to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from sensorbench.assessment.data import RunData
from sensorbench.assessment.fit import fit_units
from sensorbench.core.device import Calibratable
from sensorbench.core.errors import BenchError
from sensorbench.core.operator import Question
from sensorbench.profiles.schedule import Step
from sensorbench.run.duts import Dut
from sensorbench.run.programming import lock, program
from sensorbench.run.state import INTERRUPTED

if TYPE_CHECKING:
    from sensorbench.run.runner import Runner

_ASIDE = "put it aside"
Record = Callable[[str, Mapping[str, Any]], None]


def plan(run: Runner, _step: Step, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the words of every unit, and why some have none."""
    run.evidence.commit()
    fitted = fit_units(RunData.read(run.evidence.root), arguments["fit"])
    return {
        "phase": arguments["phase"], "fit": arguments["fit"], "lock": bool(arguments["lock"]),
        "words": fitted.words, "problems": fitted.problems, "condition": fitted.condition,
    }  # fmt: skip


def units(run: Runner, fact: Mapping[str, Any]) -> Sequence[str]:
    """Return the units that are written to."""
    there = {dut.unit.serial for dut in run.duts.loaded.values()}
    return [s for s in fact["words"] if s in there and s not in run.state.dropped]


def perform(
    run: Runner,
    fact: Mapping[str, Any],
    wanted: Collection[str],
    begun: Collection[str],
    record: Record,
) -> None:
    """Write, read back and lock each unit; `record` is told of each as soon as it is done.

    Those that were `begun` before may have their words already, or some of them.
    """

    def write(dut: Dut) -> None:
        serial = dut.unit.serial
        if serial not in wanted:
            return
        words = list(fact["words"][serial])
        outcome: dict[str, Any] = {"written": words, "read_back": None, "locked": False}
        sensor = cast("Calibratable", dut.sensor)

        def note(why: str) -> None:
            data = {"what": serial, "reason": f"socket {dut.socket.id}: {why}", "attempt": 1}
            run.evidence.append("retry", data)

        try:
            again = serial in begun
            if again and not _is_free(run, dut, words):
                raise BenchError("its memory may have some of its words; it was put aside")
            outcome["read_back"] = list(program(sensor, words, run.clock, note, again))
            if fact["lock"] and outcome["read_back"] == words:
                if not (again and sensor.is_locked()):
                    lock(sensor, run.clock, note)
                outcome["locked"] = True
        except BenchError as error:
            outcome["problem"] = f"socket {dut.socket.id}: {error}"
        except BaseException:
            outcome["problem"] = f"socket {dut.socket.id}: it was interrupted while it was written"
            outcome[INTERRUPTED] = True
            raise
        finally:
            # Whatever ends it, what was done to this part is on record.
            record(serial, outcome)
        dut.settings = None

    run.duts.each(sorted(run.duts.loaded), write)


def _is_free(run: Runner, dut: Dut, words: Sequence[int]) -> bool:
    """Return whether a unit that was begun before may be written: what can't be undone is asked.

    Memory that is rewritable is; one that takes words once is where it has them already.
    """
    sensor = cast("Calibratable", dut.sensor)
    if getattr(sensor, "REWRITABLE", False) and not sensor.is_locked():
        return True
    there = list(sensor.read_coefficients())
    if there == list(words):
        return True
    shown = " ".join(f"{word:04X}" for word in there)
    serial = dut.unit.serial
    answer = run.station.operator.ask(
        Question(
            {
                "en": f"Unit {serial} was being written when the run was cut off; its memory takes "
                f"words once and reads {shown}. Put it aside, or write it?",
                "zh": f"运行中断时样品 {serial} 正在写入；其存储器只能写一次，现读数为 {shown}。"
                "搁置它还是写入？",
            },
            (_ASIDE, "write"),
            {"kind": "written", "serial": serial},
        )
    )
    run.evidence.append("decided", {"unit": serial, "there": there, "answer": answer})
    return answer != _ASIDE
