"""Values as people write them: what each form means, and what is said where it means nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.quantity import AddressError, address
from sensorbench.core.units import Dimension
from sensorbench.parts.values import (
    Range,
    ValueProblem,
    Wave,
    flatten,
    read_difference,
    resolve,
)

KELVINS, PASCALS = Dimension.TEMPERATURE_DIFFERENCE, Dimension.PRESSURE

TEMPERATURE = Range({"min": -40.0, "max": 125.0, "boiling": 100.0})
PRESSURE = Range({"min": 20e3, "max": 120e3})
SUPPLY = Range({"min": 3.0, "nominal": 3.3, "max": 3.6}, limit=0.5)
FIELD = (50.0, 0.0, -25.0)


@pytest.mark.parametrize(
    ("where", "raw", "span", "means"),
    [
        ("temperature", "85 degC", None, 85.0),
        ("temperature", "358.15 K", None, 85.0),
        ("temperature", "-40 °C", None, -40.0),
        ("temperature", "185 degF", None, 85.0),
        ("pressure", "1 bar", None, 100e3),
        ("pressure", "1013.25 hPa", None, 101_325.0),
        ("humidity", "85 %RH", None, 85.0),
        ("supply", "3300 mV", None, 3.3),
        ("angular_rate", "1 rpm", None, 6.0),
        ("acceleration", "2 g", None, 19.6133),
        ("magnetic_field", "0.5 G", None, 50.0),
        # Words of the part.
        ("temperature", "max", TEMPERATURE, 125.0),
        ("temperature", "boiling", TEMPERATURE, 100.0),
        ("supply", "nominal", SUPPLY, 3.3),
        # Shares of the way from min to max, and beyond both.
        ("temperature", "0 %", TEMPERATURE, -40.0),
        ("temperature", "50 %", TEMPERATURE, 42.5),
        ("pressure", "25 %", PRESSURE, 45e3),
        ("pressure", "110 %", PRESSURE, 130e3),
        ("pressure", "-10 %", PRESSURE, 10e3),
        # A humidity of 85 %RH is no share.
        ("humidity", "50 %", Range({"min": 20.0, "max": 90.0}), 55.0),
        # Multiples of full scale, counted from what the port is relative to.
        ("pressure", "5 FS", PRESSURE, 500e3),
        ("pressure", "0.5 FS", PRESSURE, 50e3),
        ("pressure.front", "1.5 FS", Range({"min": 0.0, "max": 100e3}, None, "ambient"), 150e3),
        # Vectors, in the part's axes.
        ("magnetic_field", {"x": "50 uT", "y": "0 uT", "z": "-25 uT"}, None, FIELD),
        ("acceleration", "+z 1 g", None, (0.0, 0.0, 9.80665)),
        ("acceleration", "-x 0.5 g", None, (-4.903325, 0.0, 0.0)),
        ("orientation", "+z up", None, (0.0, 0.0, 1.0)),
        ("orientation", "-y up", None, (0.0, -1.0, 0.0)),
        ("angular_rate", "-200 deg/s", None, -200.0),
        ("supply", "off", SUPPLY, None),
    ],
)
def test_a_value_means(where: str, raw: object, span: Range | None, means: object) -> None:
    assert resolve(raw, address(where), span) == pytest.approx(means)


def test_a_wave_has_ends_in_any_form_and_may_go_off() -> None:
    raw = {"low": "min", "high": "90 %", "period": "2 s"}
    assert resolve(raw, address("pressure"), PRESSURE) == Wave(20e3, 110e3, 2.0, "square")
    raw = {"low": "off", "high": "max", "period": "10 min", "shape": "sine"}
    assert resolve(raw, address("supply"), SUPPLY) == Wave(None, 3.6, 600.0, "sine")


@pytest.mark.parametrize(
    ("where", "raw", "span", "said"),
    [
        ("temperature", 85, None, 'write a temperature with its unit, for example "85 degC"'),
        ("temperature", "85", None, "'85' has no unit"),
        ("temperature", "85 V", None, "unit 'V' is not a temperature"),
        ("temperature", "boilng", TEMPERATURE, "or a word: min, max, boiling"),
        ("temperature", True, None, "write a temperature with its unit"),
        ("temperature", "nan degC", None, "is not a number with a unit"),
        ("temperature", "inf degC", None, "is not a number with a unit"),
        ("temperature", "1e999 degC", None, "is too large"),
        ("temperature", "50 %", None, "needs min and max in [range.temperature]"),
        ("pressure", "2 FS", Range({"max": 1e5}), "needs min and max in [range.pressure]"),
        ("magnetic_field", {"x": "50 uT"}, None, "it is written { x = …, y = …, z = … }, all of"),
        ("temperature", {"x": "5 degC"}, None, "x can't be read; it is written as one value in"),
        ("orientation", "+w up", None, "+z up"),
        ("pressure", {"low": "min", "high": "max"}, PRESSURE, "a wave has low, high, period"),
        ("pressure", {"high": "max", "hi": "1 Pa"}, PRESSURE, "a wave has low, high, period"),
        (
            "pressure", {"low": "max", "high": "min", "period": "1 s"}, PRESSURE,
            "a wave needs a period above 0 and low below high",
        ),
        (
            "pressure", {"low": "min", "high": "max", "period": "0 s"}, PRESSURE,
            "a wave needs a period above 0 and low below high",
        ),
        (
            "pressure", {"low": "min", "high": "max", "period": "1 s", "shape": "saw"}, PRESSURE,
            "shape 'saw' is not allowed; allowed: square, sine",
        ),
        (
            "pressure", {"low": "min", "high": "max", "period": "fast"}, PRESSURE,
            "period: 'fast' is not a number with a unit; write a time in s",
        ),
    ],
)  # fmt: skip
def test_a_value_that_means_nothing_is_refused_in_words(
    where: str, raw: object, span: Range | None, said: str
) -> None:
    with pytest.raises(ValueProblem) as refused:
        resolve(raw, address(where), span)
    assert said in str(refused.value)


@given(st.floats(-50, 150), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_a_share_lies_on_the_way_from_min_to_max(share: float, low: float, width: float) -> None:
    span = Range({"min": low, "max": low + width})
    found = resolve(f"{share:.6f} %", address("temperature"), span)
    assert found == pytest.approx(low + width * round(share, 6) / 100, abs=1e-9 * width)


@pytest.mark.parametrize(
    ("raw", "dimension", "full_scale", "means"),
    [
        ("0.5 K", KELVINS, None, 0.5),
        ("0.1 %", PASCALS, 100e3, 100.0),
        ("0.001 FS", PASCALS, 100e3, 100.0),
        ("-0.02 FS", PASCALS, 100e3, -2000.0),
        ("3 %RH", Dimension.HUMIDITY, None, 3.0),
        # Of a ratio a share of one is meant, with or without a unit.
        ("0.5 %", Dimension.RATIO, None, 0.005),
        (0.02, Dimension.RATIO, None, 0.02),
    ],
)
def test_a_difference_means(
    raw: object, dimension: Dimension, full_scale: float | None, means: float
) -> None:
    assert read_difference(raw, dimension, full_scale) == pytest.approx(means)


def test_a_share_of_a_full_scale_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueProblem, match="needs the part's range: its min and max"):
        read_difference("0.1 %", PASCALS, None)
    with pytest.raises(ValueProblem, match="temperature difference is written in K"):
        read_difference("0.3 V", KELVINS, None)


@pytest.mark.parametrize("text", ["50 %", "max", "0.5 FS", "20 kPa", "off"])
def test_blanks_around_a_value_mean_nothing(text: str) -> None:
    where, span = address("pressure"), Range({"min": 20e3, "max": 120e3})
    assert resolve(f" {text}\t", where, span) == resolve(text, where, span)


def test_a_table_of_ports_is_read_as_addresses() -> None:
    table = {"supply": "3.3 V", "pressure": {"front": "1 kPa", "back": "off"}}
    assert flatten(table).values == {
        "supply": "3.3 V", "pressure.front": "1 kPa", "pressure.back": "off",
    }  # fmt: skip
    vector = {"magnetic_field": {"x": "1 uT", "y": "0 uT", "z": "0 uT"}}
    assert flatten(vector).values == vector


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("temprature", "'temprature' is no quantity; did you mean temperature?"),
        ("ph", "'ph' is no quantity. There are temperature"),
        ("pressure.a.b", "'pressure.a.b' is not quantity[.port][.axis]"),
        ("magnetic_field.w.x.y", "is not quantity"),
    ],
)
def test_an_address_that_is_none_is_named(text: str, said: str) -> None:
    with pytest.raises(AddressError) as refused:
        address(text)
    assert said in str(refused.value)
