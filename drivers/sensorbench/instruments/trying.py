"""Several things of one instrument that must all be tried, such as its outputs made safe."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sensorbench.core.errors import BenchError, InstrumentError, TransportError


def try_each(acts: Mapping[str, Callable[[], object]], what: str, else_do: str) -> None:
    """Do each, whatever happens with another; `else_do` is what a person can do instead.

    Raises InstrumentError naming what failed. Where one of them did not answer that stays a
    TransportError: who is silent is tried until it answers, who refuses means it.
    """
    failed: dict[str, BenchError] = {}
    for name, act in acts.items():
        try:
            act()
        except BenchError as error:
            failed[name] = error
    if failed:
        raise failure(failed, what, else_do)


def failure(failed: Mapping[str, BenchError], what: str, else_do: str) -> BenchError:
    """Return one error of all that failed, by name."""
    told = "; ".join(f"{name}: {error}" for name, error in failed.items())
    if len(failed) > 1 and len({str(error) for error in failed.values()}) == 1:
        told = f"{', '.join(failed)}: {next(iter(failed.values()))}"
    silent = next((e for e in failed.values() if isinstance(e, TransportError)), None)
    if silent is None:
        return InstrumentError(what, "not safe", f"{told}. {else_do}")
    return type(silent)(f"{told}. {else_do}")
