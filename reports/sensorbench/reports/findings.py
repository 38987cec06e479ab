"""What the verification of a run found, in words: by its code where it has one, else as it says."""

from __future__ import annotations

from datetime import UTC, datetime

from sensorbench.evidence.check import NO_SEAL, Finding
from sensorbench.reports.text import clean, moment
from sensorbench.reports.words import Words


def finding_text(words: Words, finding: Finding) -> str:
    """Return what is wrong with a file, without the file's name."""
    key, values = f"finding.{finding.code}", dict(finding.values)
    if not words.has(key):
        return clean(finding.text)
    if finding.code != NO_SEAL:
        return clean(words.text(key, **values))
    state = str(values.get("state") or "")
    told = [words.text("finding.no_seal")]
    told.append(words.name("state", state) if state else words.text("reason.not_ended"))
    if "events" in values:
        told.append(words.text("finding.whole", n=values["events"], time=_moment(values["time"])))
    if values.get("torn"):
        told.append(words.text("finding.torn"))
    return clean(words.sentence(told))


def _moment(time: object) -> str:
    """Return a time of the journal as reports write it; what is none stays as it is."""
    try:
        return moment(datetime.fromisoformat(str(time)), UTC)
    except ValueError:
        return clean(time)


def located(words: Words, finding: Finding) -> str:
    """Return what is wrong, with the file first."""
    text = finding_text(words, finding)
    return clean(words.text("named", name=clean(finding.file), value=text))
