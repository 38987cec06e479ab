"""FIFOs: how much of the bus is payload, and how fast their bytes become values."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from sensorbench.core.catalog import devices
from sensorbench.sensors.adxl345.codec import decode_samples as adxl345
from sensorbench.sensors.dps310.codec import (
    SCALE,
    Coefficients,
    Pairing,
    compensate,
    decode_results,
)
from sensorbench.sensors.lis2dh12.codec import decode_samples as lis2dh12
from sensorbench.sensors.lps22hh.codec import decode_fifo as lps22hh
from sensorbench.sensors.lsm6dso.codec import FifoDecoder
from sensorbench.testing.cases import case_of
from sensorbench.testing.stream_checks import shares, single_share, streams

from .test_bench_bench import best_s, fifo_burst, per_second

STREAMING = sorted(
    name
    for name, device in devices().items()
    if device.kind == "sensor" and streams(case_of(device))
)
SAMPLES = 4096
FACTORY = Coefficients(206, -260, 80000, -55000, -2800, 1250, -8900, 140, -1200)


def dps310(data: bytes) -> npt.NDArray[np.float64]:
    rows = Pairing().feed(decode_results(data), lost=False)
    return np.column_stack(compensate(FACTORY, rows[:, 0] / SCALE[8], rows[:, 1] / SCALE[8]))


def noise(sample_bytes: int) -> bytes:
    return np.random.default_rng(1).integers(0, 256, SAMPLES * sample_bytes, np.uint8).tobytes()


def results() -> bytes:
    """Return temperatures and pressures in turn, as the last bits of DPS310 results tell."""
    raw = np.frombuffer(noise(6), np.uint8).reshape(-1, 2, 3).copy()
    raw[:, :, 2] = raw[:, :, 2] & 0xFE | np.array([0, 1], np.uint8)
    return raw.tobytes()


def samples(data: bytes) -> list[bytes]:
    """Return samples as an ADXL345 gives them: each by an exchange of its own."""
    return [data[start : start + 6] for start in range(0, len(data), 6)]


SCALES = np.full(6, 0.061e-3 * 9.80665)
DECODERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "adxl345": (lambda data: adxl345(samples(data)) * SCALES[:3], noise(6)),
    "dps310": (dps310, results()),
    "lis2dh12": (lambda data: lis2dh12(data, 4) * SCALES[:3], noise(6)),
    "lps22hh": (lambda data: lps22hh(data) * SCALES[:2], noise(5)),
    "lsm6dso": (lambda data: FifoDecoder().feed(data) * SCALES, fifo_burst(SAMPLES)),
}
"""By part: what makes SI values of its FIFO's bytes, and such bytes."""


@pytest.mark.parametrize("name", STREAMING)
def test_payload_on_the_bus(benchmark: BenchmarkFixture, name: str) -> None:
    """Share of the bits on the wire that are samples; aim 0.9 of the largest legal burst's."""
    case = case_of(devices()[name])
    benchmark.pedantic(lambda: shares(case), rounds=1)
    share, best = shares(case)
    benchmark.extra_info["payload share streamed"] = round(share, 3)
    benchmark.extra_info["largest legal burst"] = round(best, 3)
    benchmark.extra_info["of it"] = round(share / best, 3)
    benchmark.extra_info["reading one by one"] = round(single_share(case), 3)


@pytest.mark.parametrize("name", DECODERS)
def test_fifo_bytes_to_values(benchmark: BenchmarkFixture, name: str) -> None:
    """From raw bytes to SI values: aim 5 million samples/s. The floor is numpy.frombuffer."""
    decode, data = DECODERS[name]
    benchmark(lambda: decode(data))
    per_second(benchmark, "samples", SAMPLES)
    if benchmark.stats:
        floor_s = best_s(lambda: np.frombuffer(data, np.uint8).astype(np.float64), 100)
        benchmark.extra_info["times numpy.frombuffer to float64"] = round(
            benchmark.stats.stats.min / floor_s, 1
        )
