"""write: coefficients that the evidence gives, into the parts; read back, locked if asked.

They are fitted from the evidence itself, so that whoever verifies it fits the same numbers, and are
all on the disk before the first part is written to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from sensorbench.assessment.data import RunData
from sensorbench.assessment.fit import fit_units
from sensorbench.core.device import Calibratable
from sensorbench.core.errors import BenchError
from sensorbench.profiles.schedule import Step
from sensorbench.run.duts import Dut
from sensorbench.run.programming import lock, program

if TYPE_CHECKING:
    from sensorbench.run.runner import Runner

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


def perform(run: Runner, fact: Mapping[str, Any], record: Record) -> None:
    """Write, read back and lock each unit; `record` is told of each as soon as it is done."""
    wanted = set(units(run, fact))

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
            outcome["read_back"] = list(program(sensor, words, run.clock, note))
            if fact["lock"] and outcome["read_back"] == words:
                lock(sensor, run.clock, note)
                outcome["locked"] = True
        except BenchError as error:
            outcome["problem"] = f"socket {dut.socket.id}: {error}"
        except BaseException:
            outcome["problem"] = f"socket {dut.socket.id}: it was interrupted while it was written"
            raise
        finally:
            # Whatever ends it, what was done to this part is on record.
            record(serial, outcome)
        dut.settings = None

    run.duts.each(sorted(run.duts.loaded), write)


def inspect(run: Runner, unit: str, fact: Mapping[str, Any]) -> str:
    """Return whether a unit was written to: done, undone, or unknown."""
    dut = next((d for d in run.duts.loaded.values() if d.unit.serial == unit), None)
    if dut is None:
        return "unknown"
    try:
        found = list(cast("Calibratable", dut.sensor).read_coefficients())
    except BenchError:
        return "unknown"
    return "done" if found == list(fact["words"][unit]) else "undone"
