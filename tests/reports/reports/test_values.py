"""Numbers are written as people like them, and never tell another story than the value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sensorbench.reports.text import clean, unit_name
from sensorbench.reports.values import in_unit, plain, readable, scaled, style_of

finite = st.floats(-1e9, 1e9, allow_nan=False, allow_subnormal=False)


@given(finite, finite)
def test_what_is_shown_lies_on_the_same_side_of_a_limit(value: float, limit: float) -> None:
    text = style_of("Pa", [limit], shown="Pa").number(value, None, limit)
    shown = float(text)
    if math.isclose(value, limit, rel_tol=1e-12):
        return
    assert (shown > limit) == (value > limit)
    assert (shown < limit) == (value < limit)


@pytest.mark.parametrize("value", [100.04, 100.0000001, 99.96, 100.4, 250.0])
def test_a_value_just_beyond_its_limit_has_the_digits_that_tell(value: float) -> None:
    style = style_of("Pa", [-100.0, 100.0])
    shown = style.quantity(value, -100.0, 100.0)
    assert shown != plain(100.0, "Pa")
    assert (float(shown.removesuffix(" Pa")) > 100.0) == (value > 100.0)


def test_decimals_follow_the_uncertainty() -> None:
    style = style_of("Pa", [-100.0, 100.0], [5.123, 5.9])
    assert style.quantity(44.1234) == "44.1 Pa"
    assert style_of("K", [0.5], [0.05]).quantity(0.04567) == "0.046 K"


def test_a_zero_has_no_sign_and_a_count_no_decimals() -> None:
    assert style_of("K", [1.0]).number(-0.00001) == "0.000"
    assert style_of("1", [20.0], whole=True).number(20.0) == "20"


@pytest.mark.parametrize(
    ("unit", "size", "shown"),
    [
        ("A", 2e-5, "uA"), ("A", 0.25, "A"), ("A", 3e-3, "mA"), ("V", 0.02, "mV"),
        ("Pa", 740.0, "Pa"), ("Pa", 2.5e5, "kPa"), ("s", 0.0021, "ms"), ("1", 0.012, "%"),
        ("1", 1.002, "1"), ("%RH", 45.0, "%RH"), ("K", 0.01, "K"), ("m/s2/sqrt(Hz)", 1e-3,
        "ug/sqrt(Hz)"), ("uT", 0.004, "nT"), ("no such unit", 1e-9, "no such unit"),
        ("Pa", 0.0, "Pa"),
    ],
)  # fmt: skip
def test_a_unit_is_chosen_by_the_size(unit: str, size: float, shown: str) -> None:
    assert readable(unit, size) == shown


@example("A", 0.0625)
@given(st.sampled_from(["A", "V", "s", "Pa", "ohm", "Hz", "1"]), st.floats(1e-8, 1e8))
def test_a_readable_unit_says_the_same_value(unit: str, size: float) -> None:
    shown = readable(unit, size)
    there = in_unit(size, unit, shown)
    # Another unit only where the plain number is hard to read, and then for a better one.
    if shown != unit:
        assert not 0.1 <= size < 1000.0 or unit == "1"
        assert 1.0 <= there < 1000.0 or abs(math.log10(there)) < abs(math.log10(size))
    back = scaled(np.array([size]), unit, shown)[0]
    assert back == pytest.approx(there)


def test_a_density_is_converted_as_a_difference() -> None:
    assert in_unit(9.80665e-3, "m/s2/sqrt(Hz)", "mg/sqrt(Hz)") == pytest.approx(1.0)


def test_temperatures_have_their_zero() -> None:
    assert in_unit(25.0, "degC", "K") == pytest.approx(298.15)
    assert scaled(np.array([0.0, 25.0]), "degC", "K") == pytest.approx([273.15, 298.15])


def test_units_are_printed_with_their_signs() -> None:
    names = ["degC", "uT", "m/s2", "deg/s", "1", "Pa", "deg/s/g", "uA", "ug/sqrt(Hz)", "counts"]
    assert [unit_name(name) for name in names] == [
        "°C", "µT", "m/s²", "°/s", "", "Pa", "°/s/g", "µA", "µg/√Hz", "LSB"
    ]  # fmt: skip


def test_a_text_without_end_is_cut_and_says_so() -> None:
    text = clean("QUJDRA==" * 2125)
    assert len(text) < 2100
    assert text.endswith("… [17000]")
