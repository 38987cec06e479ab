"""Units: what people write is read once; the wrong dimension is refused with what is allowed."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.units import (
    Dimension,
    UnitError,
    add_dimension,
    convert,
    dimensions,
    parse,
    show,
    show_duration,
)


@pytest.mark.parametrize(
    ("text", "dimension", "canonical"),
    [
        ("125 degC", Dimension.TEMPERATURE, 125.0),
        ("125°C", Dimension.TEMPERATURE, 125.0),
        ("-40 ℃", Dimension.TEMPERATURE, -40.0),
        ("298.15 K", Dimension.TEMPERATURE, 25.0),
        ("32 degF", Dimension.TEMPERATURE, 0.0),
        ("212 degF", Dimension.TEMPERATURE, 100.0),
        ("9 degF", Dimension.TEMPERATURE_DIFFERENCE, 5.0),
        ("10 K/min", Dimension.TEMPERATURE_RATE, 1 / 6),
        ("10 °C/min", Dimension.TEMPERATURE_RATE, 1 / 6),
        ("110 kPa", Dimension.PRESSURE, 110_000.0),
        ("1013.25 hPa", Dimension.PRESSURE, 101_325.0),
        ("1 atm", Dimension.PRESSURE, 101_325.0),
        ("1 psi", Dimension.PRESSURE, 6894.757),
        ("760 mmHg", Dimension.PRESSURE, 101_325.0),
        ("1000 h", Dimension.TIME, 3_600_000.0),
        ("15 min", Dimension.TIME, 900.0),
        ("250 µs", Dimension.TIME, 250e-6),
        ("3.3 V", Dimension.VOLTAGE, 3.3),
        ("0.1 %", Dimension.RATIO, 0.001),
        ("50 ppm", Dimension.RATIO, 50e-6),
        ("45 %RH", Dimension.HUMIDITY, 45.0),
        ("1 g", Dimension.ACCELERATION, 9.80665),
        ("1e3 Pa", Dimension.PRESSURE, 1000.0),
        (".5 V", Dimension.VOLTAGE, 0.5),
    ],
)
def test_quantities_are_read_as_people_write_them(
    text: str, dimension: Dimension, canonical: float
) -> None:
    assert parse(text, dimension) == pytest.approx(canonical, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "dimension", "canonical"),
    [
        ("\u221240 °C", Dimension.TEMPERATURE, -40.0),
        ("\u201340\u00a0\u00b0C", Dimension.TEMPERATURE, -40.0),  # Word's dash and hard blank
        ("- 40 deg C", Dimension.TEMPERATURE, -40.0),
        ("\uff0d\uff14\uff10 \u2103", Dimension.TEMPERATURE, -40.0),  # full width
        ("85 \u00baC", Dimension.TEMPERATURE, 85.0),
        ("85 \u02daC", Dimension.TEMPERATURE, 85.0),
        ("\ufeff25 \u200b° C", Dimension.TEMPERATURE, 25.0),
        ("10 K / min", Dimension.TEMPERATURE_RATE, 1 / 6),
        ("10 ° C / min", Dimension.TEMPERATURE_RATE, 1 / 6),
        ("10 k\u2126", Dimension.RESISTANCE, 1e4),
        ("10 MΩ", Dimension.RESISTANCE, 1e7),
        ("10 mΩ", Dimension.RESISTANCE, 1e-2),
        ("10 kOhm", Dimension.RESISTANCE, 1e4),
        ("10 KOhms", Dimension.RESISTANCE, 1e4),
        ("10 \u33c0", Dimension.RESISTANCE, 1e4),  # the one character for kilohm
        ("10 \u00b5V", Dimension.VOLTAGE, 1e-5),
        ("10 \u03bcV", Dimension.VOLTAGE, 1e-5),
        ("1e\u22123 V", Dimension.VOLTAGE, 1e-3),
        ("760 Torr", Dimension.PRESSURE, 101_325.0),
        ("760 torr", Dimension.PRESSURE, 101_325.0),
        ("1013.25 mb", Dimension.PRESSURE, 101_325.0),
        ("100 KPa", Dimension.PRESSURE, 1e5),
        ("1000 hrs", Dimension.TIME, 3.6e6),
        ("15 mins", Dimension.TIME, 900.0),
        ("0.1 \uff05", Dimension.RATIO, 1e-3),
        ("45 % r.h.", Dimension.HUMIDITY, 45.0),
        ("45 %r.H.", Dimension.HUMIDITY, 45.0),
        ("45 % RH", Dimension.HUMIDITY, 45.0),
        ("5 °/s", Dimension.ANGULAR_RATE, 5.0),
        ("5 dps", Dimension.ANGULAR_RATE, 5.0),
        ("8.75 mdps", Dimension.ANGULAR_RATE, 8.75e-3),
        ("90 °", Dimension.ANGLE, 90.0),
        ("9.80665 m/s\u00b2", Dimension.ACCELERATION, 9.80665),
        ("1 Gauss", Dimension.MAGNETIC_FIELD, 100.0),
        ("2 l/min", Dimension.FLOW, 2000.0),
        ("10 °C per minute", Dimension.TEMPERATURE_RATE, 1 / 6),
        ("10 K per min", Dimension.TEMPERATURE_RATE, 1 / 6),
        ("25 degrees Celsius", Dimension.TEMPERATURE, 25.0),
        ("760 mm Hg", Dimension.PRESSURE, 101_325.0),
        ("100 kilopascals", Dimension.PRESSURE, 1e5),
        ("100 N/m\u00b2", Dimension.PRESSURE, 100.0),
        ("3.3 V DC", Dimension.VOLTAGE, 3.3),
        ("2 wk", Dimension.TIME, 1_209_600.0),
        ("9.80665 m/s/s", Dimension.ACCELERATION, 9.80665),
        ("60 rev/min", Dimension.ANGULAR_RATE, 360.0),
        ("500 mGs", Dimension.MAGNETIC_FIELD, 50.0),
    ],
)
def test_spellings_of_keyboards_data_sheets_and_word_processors_are_read(
    text: str, dimension: Dimension, canonical: float
) -> None:
    assert parse(text, dimension) == pytest.approx(canonical, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "dimension", "said"),
    [
        ("14.7 psia", Dimension.PRESSURE, "write 'psi', and what it is measured from at the port"),
        ("5 psig", Dimension.PRESSURE, "write 'psi'"),
        ("1 bar(g)", Dimension.PRESSURE, "write 'bar'"),
        ("1 barA", Dimension.PRESSURE, "write 'bar'"),
        ("1013 hPa absolute", Dimension.PRESSURE, "write 'hPa'"),
        ("100 1/min", Dimension.ANGULAR_RATE, "is not an angular rate; an angular rate is"),
        ("5 ft", Dimension.ACCELERATION, "is not an acceleration; an acceleration is"),
        ("3,3 V", Dimension.VOLTAGE, "with a decimal point"),
        ("1 000 h", Dimension.TIME, "without separators"),
        ("1,000.5 h", Dimension.TIME, "without separators"),
        ("10\u00b2 Pa", Dimension.PRESSURE, "a pressure is written in"),
        ("5 MPA", Dimension.PRESSURE, "did you mean MPa?"),
        ("5 MV", Dimension.VOLTAGE, "did you mean mV? A voltage is written in"),
        ("5 mpa", Dimension.PRESSURE, "did you mean MPa?"),
        ("5 MBAR", Dimension.PRESSURE, "did you mean mbar?"),
        ("5 MA", Dimension.CURRENT, "did you mean mA?"),
        ("5 PA", Dimension.CURRENT, "did you mean pA?"),
        ("5 MHZ", Dimension.FREQUENCY, "did you mean MHz?"),
        ("5 mhz", Dimension.FREQUENCY, "did you mean MHz?"),
        ("5 MS", Dimension.TIME, "did you mean ms?"),
        ("5 MG", Dimension.ACCELERATION, "did you mean mg?"),
        ("5 MT", Dimension.MAGNETIC_FIELD, "did you mean mT?"),
        ("5 m", Dimension.TIME, "did you mean ms or min?"),
        ("5 MOhm", Dimension.CURRENT, "a current is written in"),
        ("5 k", Dimension.RESISTANCE, "did you mean kohm?"),
        ("50 %", Dimension.HUMIDITY, "did you mean %RH?"),
        ("1 at", Dimension.PRESSURE, "unit 'at' is not a pressure; a pressure is"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_in_words(
    text: str, dimension: Dimension, said: str
) -> None:
    with pytest.raises(UnitError) as refused:
        parse(text, dimension)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("1 BAR", Dimension.PRESSURE, 1e5), ("100 KPA", Dimension.PRESSURE, 1e5),
        ("1 mmhg", Dimension.PRESSURE, 133.322387415), ("0.1 Mpa", Dimension.PRESSURE, 1e5),
        ("1 MMHG", Dimension.PRESSURE, 133.322387415), ("1000 HPA", Dimension.PRESSURE, 1e5),
        ("1e5 PA", Dimension.PRESSURE, 1e5), ("1 TORR", Dimension.PRESSURE, 101325 / 760),
        ("25 °c", Dimension.TEMPERATURE, 25.0), ("25 DEGC", Dimension.TEMPERATURE, 25.0),
        ("25 celsius", Dimension.TEMPERATURE, 25.0), ("—40 °C", Dimension.TEMPERATURE, -40.0),
        ("3.3 v", Dimension.VOLTAGE, 3.3), ("3300 mv", Dimension.VOLTAGE, 3.3),
        ("3.3 VOLTS", Dimension.VOLTAGE, 3.3), ("20 ma", Dimension.CURRENT, 0.02),
        ("1 HRS", Dimension.TIME, 3600.0), ("60 MIN", Dimension.TIME, 3600.0),
        ("60 Sec", Dimension.TIME, 60.0), ("1 G", Dimension.ACCELERATION, 9.80665),
        ("50 ut", Dimension.MAGNETIC_FIELD, 50.0), ("1 KHZ", Dimension.FREQUENCY, 1000.0),
        ("6 k/MIN", Dimension.TEMPERATURE_RATE, 0.1),
    ],
)  # fmt: skip
def test_other_capitals_are_read_where_they_mean_one_thing(
    text: str, dimension: Dimension, value: float
) -> None:
    assert parse(text, dimension) == pytest.approx(value)


@pytest.mark.parametrize("dimension", dimensions(), ids=lambda d: d.name)
def test_other_capitals_never_mean_another_factor(dimension: Dimension) -> None:
    """Milli is never mega: what is read in other capitals has its prefix as it is written."""
    for unit in dimension.units:
        for letters in itertools.product(*({c.lower(), c.upper()} for c in unit[:6])):
            shown = "".join(letters) + unit[6:]
            scale = dimension.scale(shown)
            if scale is None or shown in dimension.units:
                continue
            same = [u for u in dimension.units if dimension.scale(u) == scale]
            meant = [u for u in same if u.casefold() == shown.casefold()]
            assert meant, (shown, same)
            if unit[:1] in "mM" and unit[1:] in dimension.units:
                assert meant[0][0] == shown[0]


def test_a_unit_of_the_table_comes_before_another_spelling_of_it() -> None:
    inductance = add_dimension("inductance of the test", {"H": 1.0})
    assert parse("2 H", inductance) == 2.0
    assert parse("2 H", Dimension.TIME) == 7200.0


@pytest.mark.parametrize(
    "text", ["85", "85 V", "hot", "", "85 degC degC", "nan degC", "1e400 degC"]
)
def test_what_is_no_temperature_is_refused_with_the_allowed_units(text: str) -> None:
    with pytest.raises(UnitError) as refused:
        parse(text, Dimension.TEMPERATURE)
    assert "degC, K, degF" in str(refused.value) or "too large" in str(refused.value)


@given(
    st.sampled_from([(d, unit) for d in dimensions() for unit in d.units]),
    st.floats(-1e9, 1e9, allow_nan=False),
)
def test_reading_what_is_shown_gives_the_same_quantity(
    unit: tuple[Dimension, str], value: float
) -> None:
    dimension, name = unit
    text = f"{convert(value, dimension, name)!r} {name}"
    assert parse(text, dimension) == pytest.approx(value, rel=1e-9, abs=1e-6)


def test_an_absolute_temperature_is_no_difference() -> None:
    assert parse("10 K", Dimension.TEMPERATURE_DIFFERENCE) == 10.0
    assert parse("10 K", Dimension.TEMPERATURE) == pytest.approx(-263.15)


def test_values_are_shown_with_their_unit() -> None:
    assert show(101_325.0, Dimension.PRESSURE, "kPa") == "101.325 kPa"
    with pytest.raises(UnitError, match="allowed: Pa, hPa"):
        convert(1.0, Dimension.PRESSURE, "V")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0165, "0.0165 s"), (59.9, "59.9 s"), (60, "1 min"), (75, "1 min 15 s"), (3600, "1 h"),
        (532_800, "6 d 4 h"), (86_460, "1 d"), (3_600_000, "41 d 16 h"),
    ],
)  # fmt: skip
def test_durations_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert show_duration(seconds) == words


def test_every_dimension_has_a_canonical_unit_of_factor_one() -> None:
    for dimension in dimensions():
        assert parse(f"7 {dimension.canonical}", dimension) == 7.0
        assert math.isfinite(parse(f"7 {dimension.units[-1]}", dimension))
