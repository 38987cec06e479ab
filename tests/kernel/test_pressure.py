"""Linux's own drivers of pressure sensors, unchanged, on the twins."""

import pytest

from .conftest import Bench


@pytest.mark.parametrize("pressure_pa", [60_000.0, 98_700.0, 105_000.0])
def test_the_kernel_s_bmp280_reads_the_world(bench: Bench, pressure_pa: float) -> None:
    bench.pose(pressure=pressure_pa)
    with bench.part("bmp280") as (twin, device):
        part = device.node()
        assert 1000 * part.number("in_pressure_input") == pytest.approx(pressure_pa, abs=100)
        assert part.number("in_temp_input") / 1000 == pytest.approx(27.5, abs=1)
        assert not twin.beyond
