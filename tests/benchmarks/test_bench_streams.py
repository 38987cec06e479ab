"""FIFOs: how much of the bus is payload, and how fast their bytes become values."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from sensorbench.core.catalog import devices
from sensorbench.sensors.adxl345.codec import decode_samples as adxl345
from sensorbench.sensors.adxl355.codec import FifoDecoder as Adxl355Fifo
from sensorbench.sensors.bmi270.codec import decode_frames as bmi270
from sensorbench.sensors.bmp390.codec import Trimming
from sensorbench.sensors.bmp390.codec import compensate as compensate_bmp390
from sensorbench.sensors.bmp390.codec import decode_fifo as decode_frames
from sensorbench.sensors.dps310.codec import (
    SCALE,
    Coefficients,
    Pairing,
    compensate,
    decode_results,
)
from sensorbench.sensors.icm42688p.codec import decode_packets as icm42688p
from sensorbench.sensors.lis2dh12.codec import decode_samples as lis2dh12
from sensorbench.sensors.lps22hh.codec import decode_fifo as lps22hh
from sensorbench.sensors.lsm6dso.codec import FifoDecoder
from sensorbench.sensors.mpl3115a2.codec import decode_samples as mpl3115a2
from sensorbench.testing.cases import case_of
from sensorbench.testing.stream_checks import shares, single_share, streams

from .test_bench_bench import best_s, fifo_burst, per_second

STREAMING = sorted(
    name
    for name, device in devices().items()
    if device.kind == "sensor" and streams(case_of(device))
)
SAMPLES = 4096
TRIMMING = Trimming(27000, 19000, -7, 800, -1200, 20, 0, 25000, 30000, 3, -6, 2000, 5, -10)
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


def icm42688p_packets() -> bytes:
    """Return packets of both sensors with temperature and time stamp, and no sample missing."""
    raw = np.frombuffer(noise(16), np.uint8).reshape(-1, 16).copy()
    raw[:, 0] = 0x68
    raw[:, 1:13] &= 0x7F
    return raw.tobytes()


def bmi270_frames() -> bytes:
    """Return frames of both sensors, as the headers tell."""
    raw = np.frombuffer(noise(13), np.uint8).reshape(-1, 13).copy()
    raw[:, 0] = 0x8C
    return raw.tobytes()


def adxl355_words() -> bytes:
    """Return words of 20 bits, the first of three marked as such."""
    raw = np.frombuffer(noise(9), np.uint8).reshape(-1, 3, 3).copy()
    raw[:, :, 2] = raw[:, :, 2] & 0xF0 | np.array([1, 0, 0], np.uint8)
    return raw.tobytes()


def bmp390_frames() -> bytes:
    """Return frames of both channels, as the headers tell."""
    raw = np.frombuffer(noise(7), np.uint8).reshape(-1, 7).copy()
    raw[:, 0] = 0x94
    raw[:, [3, 6]] = 0x70
    return raw.tobytes()


def bmp390(data: bytes) -> npt.NDArray[np.float64]:
    counts = decode_frames(data).counts.astype(np.float64)
    return np.column_stack(compensate_bmp390(TRIMMING, counts[:, 0], counts[:, 1]))


SCALES = np.full(6, 0.061e-3 * 9.80665)
DECODERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "adxl345": (lambda data: adxl345(samples(data)) * SCALES[:3], noise(6)),
    "adxl355": (lambda data: Adxl355Fifo().feed(data) * SCALES[:3], adxl355_words()),
    "bmi270": (lambda data: bmi270(data)[0] * SCALES, bmi270_frames()),
    "bmp390": (bmp390, bmp390_frames()),
    "dps310": (dps310, results()),
    "icm42688p": (lambda data: icm42688p(data) * SCALES, icm42688p_packets()),
    "lis2dh12": (lambda data: lis2dh12(data, 4) * SCALES[:3], noise(6)),
    "lps22hh": (lambda data: lps22hh(data) * SCALES[:2], noise(5)),
    "mpl3115a2": (lambda data: mpl3115a2(data) * SCALES[:2], noise(5)),
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
