"""The chapter of a phase: what it gave, in a picture and tables that serve any kind of test.

A kind whose results these do not serve has a module of its name in `reports/kinds`, or in another
package by an entry point of the group `sensorbench.reports.kinds`, with

    def blocks(phase, run, words) -> Iterator[Block] | None

which gives all blocks of such a phase, or None where the common ones will do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sensorbench.assessment.results import Result, Series
from sensorbench.core.plugins import OURS, load, note_broken, plugins
from sensorbench.core.verdict import Verdict
from sensorbench.reports.facts import asked_facts, fact_blocks
from sensorbench.reports.model import Block, Heading, Text
from sensorbench.reports.plots import series_figure
from sensorbench.reports.results import details, result_table
from sensorbench.reports.runs import Run, verdict_of
from sensorbench.reports.spread import budgets, spread_table
from sensorbench.reports.words import Words

GROUP = "sensorbench.reports.kinds"
_MOST_FIGURES = 12
Phase = Mapping[str, Any]


def phase_blocks(phase: Phase, run: Run, words: Words) -> Iterator[Block]:
    """Return the blocks of one phase, under its heading."""
    names = run.names(words)
    yield Heading(words.text("phase.heading", title=names.phase(phase["name"])))
    own = _own(phase, run, words)
    found = list(common_blocks(phase, run, words) if own is None else own)
    yield from found or [Text(words.text("phase.nothing"))]


def _own(phase: Phase, run: Run, words: Words) -> list[Block] | None:
    """Return what the kind's own module gives; one that fails is named, and the common serve."""
    module = load(GROUP, str(phase["kind"]))
    if module is None:
        return None
    try:
        found = module.blocks(phase, run, words)
        return None if found is None else list(found)
    except Exception as error:
        plugin = plugins(GROUP)[str(phase["kind"])]
        if plugin.origin == OURS:
            raise
        note_broken(plugin.origin, f"{GROUP}.{plugin.name}", f"{type(error).__name__}: {error}")
        return None


def common_blocks(phase: Phase, run: Run, words: Words) -> Iterator[Block]:
    """Return what serves any kind: facts, results, pictures, spread, budgets, details."""
    yield from fact_blocks(asked_facts(str(phase["name"]), run), run, words)
    yield from result_blocks(phase, run, words)


def result_blocks(phase: Phase, run: Run, words: Words) -> Iterator[Block]:
    """Return the results of a phase: what failed first, then pictures, then the lot as a whole."""
    name = str(phase["name"])
    yield from result_table(name, run, words)
    yield from pictures(name, run, words)
    yield from spread_table(name, run, words)
    yield from details(name, run, words)
    yield from budgets(name, run, words)


def pictures(phase: str, run: Run, words: Words) -> Iterator[Block]:
    """Return a picture of each series of a phase; of very many those of units that failed first."""
    names = run.names(words)
    found = [(one, item_verdicts(one, run)) for one in run.series(phase)]
    failed = [number for number, (_, v) in enumerate(found) if Verdict.FAIL in v.values()]
    others = [number for number in range(len(found)) if number not in failed]
    for number in sorted([*failed, *others][:_MOST_FIGURES]):
        figure = series_figure(*found[number], names, run.is_simulated)
        if figure is not None:
            yield figure
    if len(found) > _MOST_FIGURES:
        yield Text(words.text("figure.more", n=len(found) - _MOST_FIGURES))


def item_verdicts(series: Series, run: Run) -> dict[str, Verdict | None]:
    """Return each unit's verdict on what a series shows; None where it was not judged."""
    key = (series.measure, series.channel, series.parameter, series.is_drift)
    own: dict[str, list[Result]] = {}
    for result in run.results(series.phase):
        if (result.measure, result.channel, result.parameter, result.is_drift) == key:
            own.setdefault(result.serial, []).append(result)
    return {serial: verdict_of(own[serial]) if serial in own else None for serial in series.values}
