"""Which runs a simulated world knows: what their units went through is in it, or was kept from it.

A run has a life from its start, and one from each time that it goes on. It goes on after a kill
only where the world, or what was kept of it, knows its last one: any other world has units that
never went through what the evidence says.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

from sensorbench.core.errors import InputError

_KEY = "simulated lives"
_MOST = 256
"""So many are known, the latest: who was killed goes on before that many others ran."""


def life_of(run: str, resumed: int) -> str:
    """Return the name of a run's life, by how often the run was gone on with."""
    return f"{run} {resumed}"


def take_in(memory: MutableMapping[str, str], life: str) -> None:
    """Have the memory of a world know a life; nothing else keeps it."""
    lives = [one for one in lives_in(memory) if one != life]
    memory[_KEY] = "\n".join([*lives, life][-_MOST:])


def forget(memory: MutableMapping[str, str]) -> None:
    """Have the memory of a world know nobody: it did not do as whoever used it saw."""
    memory.pop(_KEY, None)


def lives_in(memory: Mapping[str, str]) -> list[str]:
    """Return the lives that a world knows, by its memory."""
    return memory.get(_KEY, "").split("\n") if memory.get(_KEY) else []


def gone(life: str) -> InputError:
    """Return the error that says that a run's world is gone."""
    return InputError.one(
        "resume",
        life.rpartition(" ")[0],
        "was cut off, and its simulated world is not there: it went with the machine, was killed, "
        "or this is another place than it ran in. Where the workspace was moved or "
        "SENSORBENCH_STATE is another, put that back and `resume` again. Else what its units "
        "went through is gone, and it can't go on honestly: `abort` seals what there is; begin a "
        "new run",
    )
