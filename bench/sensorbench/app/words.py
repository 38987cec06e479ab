"""What the terminal says in words: the reports' own, in English."""

from __future__ import annotations

from collections.abc import Mapping

from sensorbench.assessment.results import Reason
from sensorbench.profiles.schedule import Schedule


def say_reason(reason: Reason, schedule: Schedule | None = None) -> str:
    """Return a reason in words."""
    from sensorbench.reports.names import Names  # noqa: PLC0415 - imported when used
    from sensorbench.reports.reasons import reason_text  # noqa: PLC0415
    from sensorbench.reports.words import Words  # noqa: PLC0415

    return reason_text(Names(Words("en"), schedule), reason)


def title_of(title: str | Mapping[str, str]) -> str:
    """Return a title in English, or in whatever language it has."""
    if isinstance(title, str):
        return title
    return title.get("en") or next(iter(title.values()), "")
