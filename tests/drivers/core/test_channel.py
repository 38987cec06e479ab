"""What a sensor's settings accept, and how they refuse."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.channel import Setting, chosen
from sensorbench.core.errors import SetpointError
from sensorbench.core.units import Dimension

SETTINGS = {
    "rate": Setting(104.0, (12.5, 104.0, 417.0), Dimension.FREQUENCY),
    "oversampling": Setting(16, (1, 2, 4, 8, 16)),
    "performance": Setting("high", ("low", "high")),
    "averages": Setting(8.0, low=1.0, high=64.0),
}


def test_what_is_not_given_has_its_default() -> None:
    assert chosen(SETTINGS, {"performance": "low"}) == {
        "rate": 104.0,
        "oversampling": 16,
        "performance": "low",
        "averages": 8.0,
    }


@given(st.floats(-0.0049, 0.0049), st.sampled_from([12.5, 104.0, 417.0]))
def test_a_nominal_value_of_another_data_sheet_is_the_choice_beside_it(
    beside: float, choice: float
) -> None:
    assert chosen(SETTINGS, {"rate": choice * (1 + beside)})["rate"] == choice


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("rate", 400.0, "12.5 Hz, 104 Hz, 417 Hz"),
        ("rate", "fast", "12.5 Hz, 104 Hz, 417 Hz"),
        ("rate", math.nan, "12.5 Hz"),
        ("oversampling", 3, "1, 2, 4, 8, 16"),
        ("oversampling", 16.01, "1, 2, 4, 8, 16"),
        ("oversampling", True, "1, 2, 4, 8, 16"),
        ("performance", "best", "'low', 'high'"),
        ("performance", 1, "'low', 'high'"),
        ("averages", 65, "1 to 64"),
        ("averages", math.nan, "1 to 64"),
        ("averages", "8", "1 to 64"),
        ("averages", None, "1 to 64"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(
    name: str, value: object, allowed: str
) -> None:
    with pytest.raises(SetpointError, match=f"{name} can't be .*; allowed: .*{allowed}"):
        chosen(SETTINGS, {name: value})


def test_a_setting_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(SetpointError, match="no setting 'odr'; there are rate, oversampling"):
        chosen(SETTINGS, {"odr": 104.0})
    with pytest.raises(SetpointError, match="no setting 'odr'; there are none"):
        chosen({}, {"odr": 104.0})
