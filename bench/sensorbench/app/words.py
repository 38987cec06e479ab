"""What the terminal says in words: the reports' own, in English."""

from __future__ import annotations

from collections.abc import Mapping

from sensorbench.assessment.results import Reason
from sensorbench.evidence.run import RunReader
from sensorbench.profiles.schedule import Schedule


def say_reason(reason: Reason, schedule: Schedule | None = None) -> str:
    """Return a reason in words."""
    from sensorbench.reports.names import Names  # noqa: PLC0415 - imported when used
    from sensorbench.reports.reasons import reason_text  # noqa: PLC0415
    from sensorbench.reports.words import Words  # noqa: PLC0415

    return reason_text(Names(Words("en"), schedule), reason)


def say_alarms(
    run: RunReader, most: int, schedule: Schedule | None = None
) -> tuple[list[str], int]:
    """Return what was lost, exceeded or changed during a run, in words, with when it was.

    The first `most`, and how many more there are.
    """
    from sensorbench.reports.events import ALARMS  # noqa: PLC0415
    from sensorbench.reports.looks import sentence  # noqa: PLC0415
    from sensorbench.reports.names import Names  # noqa: PLC0415
    from sensorbench.reports.words import Words  # noqa: PLC0415

    names = Names(Words("en"), schedule)
    found = run.events(*ALARMS)
    return [sentence(event, names) for event in found[:most]], max(0, len(found) - most)


def title_of(title: str | Mapping[str, str]) -> str:
    """Return a title in English, or in whatever language it has."""
    if isinstance(title, str):
        return title
    return title.get("en") or next(iter(title.values()), "")
