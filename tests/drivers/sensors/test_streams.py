"""Streams of every part with a FIFO, a full minute at each rate: nothing lost or repeated."""

import pytest

from sensorbench.core.catalog import devices
from sensorbench.testing.cases import case_of
from sensorbench.testing.stream_checks import (
    check_no_sample_is_lost_or_repeated,
    check_samples_are_of_their_time,
    streams,
)

CASES = {
    name: case
    for name, device in devices().items()
    if device.kind == "sensor" and streams(case := case_of(device))
}


@pytest.mark.chaos
@pytest.mark.parametrize("name", CASES)
def test_a_minute_at_every_rate(name: str) -> None:
    check_no_sample_is_lost_or_repeated(CASES[name], most_drains=10**9)
    check_samples_are_of_their_time(CASES[name], most_drains=10**9)
