"""What the verification of a run found, in words: by its code where it has one, else as it says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sensorbench.evidence.check import NO_SEAL, Finding
from sensorbench.reports.reasons import original
from sensorbench.reports.text import clean, moment
from sensorbench.reports.words import Words


def finding_text(words: Words, finding: Finding) -> str:
    """Return what is wrong with a file, without the file's name."""
    key, values = f"finding.{finding.code}", dict(finding.values)
    if not words.has(key):
        return original(words, finding.text)
    if finding.code != NO_SEAL:
        named = {name: _told(words, value) for name, value in values.items()}
        return clean(words.text(key, **named))
    state = str(values.get("state") or "")
    told = [words.text("finding.no_seal")]
    told.append(words.name("state", state) if state else words.text("reason.not_ended"))
    if "events" in values:
        told.append(words.text("finding.whole", n=values["events"], time=_moment(values["time"])))
    if values.get("torn"):
        told.append(words.text("finding.torn"))
    return clean(words.sentence(told))


def _told(words: Words, value: Any) -> str:
    """Return a value of a finding: a number in six digits, what differs part by part."""
    if value is None:
        return words.text("unknown")
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):  # one part of what differs
        name = words.name("part", str(value["name"]))
        stored, computed = (_told(words, value[key]) for key in ("stored", "computed"))
        return words.text("finding.part", name=name, stored=stored, computed=computed)
    if isinstance(value, list):
        told = [_told(words, part) for part in value] or [words.text("none")]
        alone = all(isinstance(part, Mapping) for part in value)
        return words.sentence(told) if alone else words.text("list.comma").join(told)
    text = str(value)
    return words.text(f"verdict.{text}") if words.has(f"verdict.{text}") else clean(text)


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
