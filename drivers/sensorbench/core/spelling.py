"""Text as word processors, data sheets and keyboards write it, to the one spelling that we keep.

Only what can be read in one way is read: other capitals are, but `M` and `m` stay apart, and a unit
that also says what a pressure is measured from is refused by `hint` in words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_MINUS = "\u2212\u2010\u2011\u2012\u2013\u2014\u2015\ufe63\uff0d"
_SIGNS = {ord(c): "-" for c in _MINUS} | {
    ord("\uff0b"): "+",  # full width, as Chinese and Japanese keyboards give it
    ord("\uff0e"): ".",
    ord("\uff05"): "%",
    ord("\u00ba"): "°",  # masculine ordinal
    ord("\u02da"): "°",  # ring above
}
_DEGREE_LETTERS = {"°C": "degC", "°F": "degF", "°K": "K", "°": "deg"}
_PREFIXED_OHM = re.compile(r"(?:\u03a9|[Oo]hms?|OHMS?)$")
_PREFIX_K = re.compile(r"^K(?=(?:Pa|Hz|ohm|V)$)")
_WORDS = {
    "C": "degC", "degC": "degC", "degreeC": "degC", "degreesC": "degC", "Celsius": "degC",
    "degrees Celsius": "degC", "degree Celsius": "degC",
    "F": "degF", "degF": "degF", "Fahrenheit": "degF", "kelvin": "K", "Kelvin": "K", "kelvins": "K",
    "usec": "us", "msec": "ms", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "mins": "min", "minute": "min", "minutes": "min",
    "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "H": "h",
    "min.": "min", "days": "d", "day": "d", "weeks": "week", "wk": "week", "wks": "week",
    "mb": "mbar", "mBar": "mbar", "Bar": "bar", "kpa": "kPa", "Kpa": "kPa", "hpa": "hPa",
    "PSI": "psi", "Psi": "psi", "torr": "Torr", "ATM": "atm", "mm Hg": "mmHg", "in Hg": "inHg",
    "pascal": "Pa", "pascals": "Pa", "kilopascal": "kPa", "kilopascals": "kPa",
    "millibar": "mbar", "millibars": "mbar", "N/m2": "Pa",
    "volt": "V", "volts": "V", "Volt": "V", "Volts": "V", "VDC": "V", "Vdc": "V", "V DC": "V",
    "V dc": "V", "mVDC": "mV",
    "amp": "A", "amps": "A", "Amp": "A", "Amps": "A", "ADC": "A", "mADC": "mA",
    "hz": "Hz", "khz": "kHz",
    "dps": "deg/s", "mdps": "mdeg/s", "degs": "deg", "degree": "deg", "degrees": "deg",
    "RPM": "rpm", "r/min": "rpm", "rev/min": "rpm",
    "m/s/s": "m/s2", "m/sec2": "m/s2", "m/s^2": "m/s2", "m/s**2": "m/s2",
    "deg/s^2": "deg/s2", "rad/s^2": "rad/s2",
    "Gauss": "G", "gauss": "G", "Gs": "G", "mGauss": "mG", "mGs": "mG",
    "tesla": "T", "Tesla": "T",
    "ml": "mL", "l": "L", "SCCM": "sccm", "SLM": "slm", "SLPM": "slm", "slpm": "slm",
    "PPM": "ppm", "PPB": "ppb", "lux": "lx", "Lux": "lx", "klux": "klx", "percent": "%",
    "%rh": "%RH", "%rf": "%RH", "rh%": "%RH",
}  # fmt: skip
_AMBIGUOUS = frozenset("mMpP")
_MOST_MEANT = 3
_MEASURED_FROM = re.compile(
    r"(psi|m?bar|[kh]?Pa|inHg|mmHg)\s*\(?(absolute|abs|a|gauge|g|diff|d)\)?$", re.IGNORECASE
)
_SEPARATED = re.compile(r"[+-]?(?:[\d.]*\d(?:[,'’]\d| \d{3}(?![\d/]))|\d+\.\d+\.\d)")


def plain(text: str) -> str:
    """Return `text` with one minus, one degree sign, plain blanks and nothing invisible around it.

    >>> plain("\u221240\u00a0ºC")
    '-40 °C'
    """
    seen = "".join(c for c in text.translate(_SIGNS) if unicodedata.category(c) != "Cf")
    return re.sub(r"\s", " ", seen).strip()


def unit(text: str) -> str:
    """Return a unit as `core.units` knows it; a unit that is none comes back nearly as it was.

    >>> unit("K / min"), unit("k\u2126"), unit("% r.h."), unit("\u00b5V"), unit("°/s")
    ('K/min', 'kohm', '%RH', 'uV', 'deg/s')
    """
    # Compatibility forms: Ohm and micro sign, full-width letters and %, ℃, ㎪, the ² of m/s².
    shown = unicodedata.normalize("NFKC", plain(text)).replace("\u03bc", "u")
    joined = re.sub(r"\s+per\s+", "/", shown.strip())
    joined = re.sub(r"\s*([/^*])\s*", r"\1", joined).replace("° ", "°")
    if "%" in joined and len(joined) > 1:
        joined = re.sub(r"[ .]", "", joined).casefold()
    joined = re.sub(r"^(deg|degree|degrees) (?=[CF]$|[CF]/)", "deg", joined)
    if joined in _WORDS:
        return _WORDS[joined]
    return "/".join(_part(part) for part in joined.split("/"))


def _part(part: str) -> str:
    part = _DEGREE_LETTERS.get(part, part.replace("°", "deg"))
    part = _PREFIX_K.sub("k", _PREFIXED_OHM.sub("ohm", part))
    return _WORDS.get(part, part)


def names_of(units: Sequence[str]) -> dict[str, str]:
    """Return every name by which one of `units` may be written, and the unit."""
    return {unit: unit for unit in units} | {w: u for w, u in _WORDS.items() if u in units}


def in_any_case(written: str, units: Sequence[str]) -> tuple[str, bool]:
    """Return which of `units` a spelling in other capitals is, "" for none, and whether surely so.

    Capitals tell milli from mega and pico from peta: what differs in those is not sure, nor is a
    mega in text that is all capitals, as MBAR is.

    >>> in_any_case("BAR", ("Pa", "mbar", "bar")), in_any_case("MBAR", ("Pa", "mbar", "bar"))
    (('bar', True), ('mbar', False))
    """
    folded = written.casefold()
    names = {name: unit for name, unit in names_of(units).items() if name.casefold() == folded}
    found = sorted(set(names.values()))
    if len(found) != 1:
        return " or ".join(found), False
    (meant,) = found
    has_prefix = meant[:1] in _AMBIGUOUS and meant[1:] in units
    same = any(name[:1] == written[:1] for name in names)
    shouts = written.isupper() and written[:1] in _AMBIGUOUS
    return meant, not has_prefix or (same and not shouts)


def meant_by(written: str, units: Sequence[str]) -> str:
    """Return which of `units` is probably meant, "" where nobody knows.

    >>> meant_by("MV", ("V", "mV")), meant_by("%", ("%RH",)), meant_by("m", ("s", "ms", "min"))
    ('mV', '%RH', 'ms or min')
    """
    found = in_any_case(written, units)[0]
    if found or not written:
        return found
    folded = written.casefold()
    # A lone prefix, or % without RH; of longer beginnings many are units of their own, as `at`.
    near = [
        unit
        for unit in units
        if unit.casefold().endswith(folded)
        or (len(folded) == 1 and unit.casefold().startswith(folded))
    ]
    return " or ".join(near) if len(near) <= _MOST_MEANT else ""


def hint(text: str) -> str:
    """Return what is probably meant by a quantity that can't be read, "" where nobody knows.

    >>> hint("3,3 V")
    'write the number with a decimal point and without separators'
    """
    if _SEPARATED.match(text.strip()):
        return "write the number with a decimal point and without separators"
    found = _MEASURED_FROM.search(text)
    if found:
        return (
            f"{found[0].strip()!r} also says what the pressure is measured from: write "
            f"{found[1]!r}, and what it is measured from at the port (relative_to in part.toml)"
        )
    return ""
