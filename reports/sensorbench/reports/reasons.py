"""Reasons in words: the code's template with its values as people write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sensorbench.assessment.results import Reason, Result
from sensorbench.reports.names import Names
from sensorbench.reports.text import clean
from sensorbench.reports.values import bare, plain, style_of
from sensorbench.reports.words import Words, languages

_OUTSIDE = "outside"
_DIFFERENCES = ("within", "apart", "agree", "gradient", "offset")
_HOURS = ("served_s", "asked_s", "hours_s", "readouts_s", "credit_s")
_PHASES = ("drift_from", "of", "gate", "fit")
_BATCH = "#"
_MOST_BATCHES = 4
_CONDITIONS = ("conditions", "before", "interim", "after")
_ORIGINAL = ("detail", "error", "problem", "problems", "reason")
"""What a device, a driver or a library said: it stays as it was said, marked as such."""


def reason_text(
    names: Names,
    reason: Reason,
    result: Result | None = None,
    told: Iterable[str] | None = None,
) -> str:
    """Return a reason in words; a code without words is shown with its values.

    `result` is what it is a reason of, where that is known: it says more than the code does. Of the
    values that were set there only those at the addresses `told`, None for all.
    """
    if reason.code == _OUTSIDE:
        return _outside(names, reason.values, result, told)
    values = {
        name: told_value(names, name, value, reason.values) for name, value in reason.values.items()
    }
    key = f"reason.{reason.code}"
    if reason.code == "ended_early":
        values["why"] = ended_text(names, names.ended or {"text": reason.values.get("why")})
    if reason.values.get("why") and names.words.has(f"{key}_why"):
        key = f"{key}_why"
    if not all(reason.values.get(name, True) for name in _ORIGINAL):
        key = f"{key}_bare" if names.words.has(f"{key}_bare") else key
    return clean(names.words.text(key, **values))


def ended_text(names: Names, reason: Mapping[str, Any]) -> str:
    """Return why a run ended, "" where nothing is said: its code in words, else what was said."""
    code, error = str(reason.get("code", "")), str(reason.get("error", ""))
    if names.words.has(f"trip.{code}"):
        return coded(names, f"trip.{code}", reason)
    if reason.get("gate") and reason.get("why"):
        why = told_value(names, "why", reason["why"], reason)
        return names.words.text("named", name=names.phase(str(reason["gate"])), value=why)
    if reason.get("text"):
        said = original(names.words, reason["text"])
        if not names.words.has(f"error.{error}"):
            return said
        return names.words.text("named", name=names.words.text(f"error.{error}"), value=said)
    return told_value(names, "until", reason["until"], reason) if reason.get("until") else ""


def coded(names: Names, key: str, values: Mapping[str, Any]) -> str:
    """Return the text of a code with its values as people write them."""
    told = {name: told_value(names, name, value, values) for name, value in values.items()}
    return names.words.text(key, **told)


def original(words: Words, text: object) -> str:
    """Return what a device, a driver or a library said, marked where it is in another language.

    >>> original(Words("zh"), "no answer")
    '原文“no answer”'
    """
    return words.text("original", text=clean(text)) if text else ""


def _outside(
    names: Names,
    values: Mapping[str, Any],
    result: Result | None,
    told: Iterable[str] | None,
) -> str:
    """Say which limit a value is beyond, with as many digits as tell both apart."""
    unit = str(values.get("unit", "1"))
    value, low, high = (_number(values.get(key)) for key in ("value", "low", "high"))
    what = names.title(result) if result else names.measured(values)
    if value is None:
        return clean(names.words.text("reason.outside_unknown", what=what))
    style = style_of(unit, [low, high, value], [result.uncertainty] if result else [])
    shown = style.quantity(value, low, high)
    place = result.at if result else values.get("at")
    where = names.at(place, told) if isinstance(place, Mapping) else ""
    at = names.words.text("at", where=where) if where else ""
    for end, limit, beyond in (("high", high, 1), ("low", low, -1)):
        if limit is not None and (value - limit) * beyond > 0:
            limit_text = plain(limit, unit, style.shown)
            key = f"reason.outside_{end}"
            return clean(names.words.text(key, what=what, value=shown, limit=limit_text, at=at))
    limit_text = limits_text(names, low, high, unit, style.shown)
    return clean(
        names.words.text("reason.outside", what=what, value=shown, limits=limit_text, at=at)
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def limits_text(
    names: Names, low: float | None, high: float | None, unit: str, shown: str = ""
) -> str:
    """Return limits in words; symmetric ones with a sign."""
    words = names.words
    if low is None and high is None:
        return words.text("limits.none")
    if low is None:
        assert high is not None  # noqa: S101 - one of them is there
        return words.text("limits.most", high=plain(high, unit, shown))
    if high is None:
        return words.text("limits.least", low=plain(low, unit, shown))
    if low == -high:
        return f"±{plain(high, unit, shown)}"
    return words.text("range", low=bare(low, unit, shown), high=plain(high, unit, shown))


def told_value(names: Names, name: str, value: Any, others: Mapping[str, Any]) -> str:
    """Return a value of a reason, a fact or an event in words, by its name.

    Names say what values are: `_s` are seconds, `address`, `target` and `within` belong together.
    """
    where = str(others.get("address", ""))
    if value is None:
        return names.words.text("unknown")
    if isinstance(value, bool):
        return names.words.text("yes" if value else "no")
    if name == "address":
        return names.address(where, str(others.get("zone", "")))
    if name in ("target", "value", "limit", "low", "high", "sent", "now") and where:
        return names.value(where, value)
    if name in _DIFFERENCES and where and _is_numeric(value):
        return names.difference(where, value)
    if names.row(name) and not where and _is_set(value):
        return _at(names, name, value)
    if name in _HOURS and isinstance(value, int | float):
        return names.hours(value)
    if name.endswith("_s") and isinstance(value, int | float):
        return names.duration(value)
    if name == "until" and isinstance(value, list):
        return names.words.listed([_bounds(names, band) for band in value])
    if name == "required" and value == 0:
        return names.words.text("at_least_one")
    if name in ("share", "required") and isinstance(value, int | float):
        return f"{value * 100:.4g} %"
    return _told_name(names, name, value)


def _bounds(names: Names, band: Mapping[str, Any]) -> str:
    """Return an address with the ends between which it must come."""
    where = str(band.get("address", ""))
    low, high = band.get("low"), band.get("high")
    limits = limits_text(names, low, high, names.unit(where), names.shown(where))
    return names.words.text("named", name=names.address(where), value=limits)


def _is_numeric(value: Any) -> bool:
    parts = value if isinstance(value, list | tuple) else [value]
    return bool(parts) and all(isinstance(part, int | float) for part in parts)


def _is_set(value: Any) -> bool:
    """Return whether this is what can be set: a number, a vector, a wave, or several of them."""
    if isinstance(value, Mapping):
        return {"low", "high"} <= set(value)
    if isinstance(value, list | tuple):
        return bool(value) and all(_is_set(part) for part in value)
    return isinstance(value, int | float)


def _at(names: Names, where: str, value: Any) -> str:
    """Return what is set at an address: a value, or several of them in turn."""
    is_vector = bool(names.row(where).get("axes")) and _is_numeric(value)
    if isinstance(value, list | tuple) and not is_vector:
        return names.values(where, value)
    return names.value(where, value)


def _told_name(names: Names, name: str, value: Any) -> str:
    if isinstance(value, Mapping) and set(value) <= set(languages()):
        return clean(names.words.said(value))
    if isinstance(value, Mapping):
        return _mapping(names, name, value)
    if isinstance(value, list | tuple):
        return names.words.listed([told_value(names, name, item, {}) for item in value])
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    if name == "channel":
        return names.channel(text)
    if name in ("quantity", "measure", "phase"):
        return str(getattr(names, name)(text))
    if name in _PHASES:
        return names.phase(text)
    if name in _CONDITIONS:
        return clean(names.words.name("condition", text))
    if names.row(text):
        return names.address(text)
    if names.words.has(f"{name}.{text}"):
        return clean(names.words.text(f"{name}.{text}"))
    if name in _ORIGINAL:
        return original(names.words, text)
    head, colon, rest = text.partition(": ")
    if colon and names.words.has(f"{name}.{head}"):
        told = names.words.text(f"{name}.{head}")
        return clean(names.words.text("named", name=told, value=rest))
    return clean(text)


def _mapping(names: Names, name: str, value: Mapping[str, Any]) -> str:
    """Return a mapping in words, without what is not there.

    Of a mapping of durations, by unit or batch, each is a duration; many batches are one range.
    """
    found = []
    numbers = [v for k, v in value.items() if _BATCH in str(k) and isinstance(v, int | float)]
    if len(numbers) == len(value) > _MOST_BATCHES:
        low, high = (told_value(names, name, end, value) for end in (min(numbers), max(numbers)))
        span = low if low == high else names.words.text("range", low=low, high=high)
        count = names.words.text("count.batch", n=len(numbers))
        return names.words.text("named", name=count, value=span)
    for key, item in value.items():
        if item is None:
            continue
        text = told_value(names, name if name.endswith("_s") else str(key), item, value)
        title = names.address(key) if names.row(key) else clean(names.words.name("fact", key))
        group, mark, batch = str(key).rpartition(_BATCH)
        if mark:
            title = names.words.text("batch", group=clean(group), n=clean(batch)).strip()
        found.append(names.words.text("named", name=title, value=text) if title else text)
    return names.words.text("mapping").join(found)


def reasons_text(
    names: Names,
    reasons: Iterable[Reason],
    result: Result | None = None,
    told: Iterable[str] | None = None,
) -> str:
    """Return several reasons in words, each once."""
    found = [reason_text(names, reason, result, told) for reason in reasons]
    return names.words.sentence(list(dict.fromkeys(found)))
