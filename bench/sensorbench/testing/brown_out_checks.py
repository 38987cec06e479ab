"""What every sensor owes the bench when it browns out: an error, never a value of what it lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from sensorbench.core.channel import Channel
from sensorbench.core.errors import BenchError
from sensorbench.testing.conformity import only, refusal, require
from sensorbench.testing.stimuli import TIMES_ACCURACY, calibrated
from sensorbench.testing.world import Case, SensorBench
from sensorbench.world.faults import BROWN_OUT, Fault

_TRANSFERS = 40
"""So many transfers of a reading or a drain are tried, each with a brown-out before it."""


def is_on_a_bus(case: Case) -> bool:
    """Return whether the part is asked over I2C."""
    return "i2c" in case.device.links


def streams_on_a_bus(case: Case) -> bool:
    """Return whether the part has a stream over I2C."""
    return is_on_a_bus(case) and hasattr(case.load_driver(), "open_stream")


def check_a_brown_out_is_noticed(case: Case) -> None:
    """A part that lost its supply between two readings is as it was set up, or gives an error."""
    for settings in _set_up(case):
        bench = calibrated(case)
        try:
            bench.part.prepare(**settings)
            before = bench.sample()
        except BenchError:  # settings that do not fit each other, or what is in the socket
            continue
        at_s = bench.clock.now() + 1.0
        bench.world.add_fault(bench.place.serial, Fault(BROWN_OUT, at_s, at_s + 0.5))
        bench.clock.sleep(1.2)
        if bench.is_asked:
            with refusal(BenchError, "it gave a reading without supply"):
                bench.sample()
        bench.clock.sleep(2.0)
        try:
            after = bench.sample()
        except BenchError:
            continue
        for channel in case.load_driver().CHANNELS:
            moved = abs(after[channel.name] - before[channel.name])
            require(
                channel.accuracy is None or not moved > channel.accuracy,
                f"{settings}: {channel.name} reads {before[channel.name]:g}, and "
                f"{after[channel.name]:g} {channel.unit} once its supply came back: its settings "
                "are lost, and nothing says so",
            )


def _set_up(case: Case) -> Iterator[dict[str, float | str]]:
    """Yield each mode of a part, with each other setting at its ends."""
    settings = case.load_driver().SETTINGS
    modes = settings["mode"].choices if "mode" in settings else ()
    for mode in [{"mode": choice} for choice in modes] or [{}]:
        yield dict(mode)
        for name, setting in settings.items():
            ends = setting.choices or (setting.low, setting.high)
            if name != "mode":
                yield from ({**mode, name: end} for end in (ends[0], ends[-1]) if end is not None)


@only(is_on_a_bus)
def check_a_brown_out_within_an_exchange(case: Case) -> None:
    """A part that browns out between two transfers of a reading, or of a drain, gives no zeros."""
    driver = case.load_driver()
    for boots_s in (0.0, 0.1):
        for number in range(1, _TRANSFERS):
            bench = calibrated(case)
            bench.part.prepare()
            before = bench.sample()
            bench.clock.sleep(bench.part.start())
            try:
                with _browning_out(bench, number, boots_s) as count:
                    block = bench.part.read()
            except BenchError:
                continue
            if count[0] < number:
                break
            known = [before[channel.name] for channel in driver.CHANNELS]
            _require_near(driver.CHANNELS, known, block.values[0], number)


@only(streams_on_a_bus)
def check_a_brown_out_within_a_drain(case: Case) -> None:
    """A part that browns out while its FIFO is read gives samples, an error or a flag."""
    driver = case.load_driver()
    stream = driver.stream()
    slice_s = stream.depth / stream.rate_hz / 2
    channels = {channel.name: channel for channel in driver.CHANNELS}
    streamed = [channels[name] for name in stream.channels]
    for number in range(1, _TRANSFERS):
        bench = calibrated(case)
        bench.part.prepare()
        bench.part.open_stream()
        bench.clock.sleep(slice_s)
        known = np.mean(bench.part.drain().values * stream.scale + stream.offset, axis=0)
        bench.clock.sleep(slice_s)
        try:
            with _browning_out(bench, number, 0.1) as count:
                block = bench.part.drain()
        except BenchError:
            continue
        if count[0] < number:
            break
        if not block.overflow and not block.saturated:
            for row in block.values * stream.scale + stream.offset:
                _require_near(streamed, known, row, number)


def _require_near(
    channels: Sequence[Channel], known: Sequence[float], row: Sequence[float], number: int
) -> None:
    for channel, expected, value in zip(channels, known, row, strict=True):
        require(
            channel.accuracy is None
            or not abs(value - expected) > TIMES_ACCURACY * channel.accuracy,
            f"it browned out before transfer {number}, and {channel.name} reads {value:g} "
            f"{channel.unit} where it had {expected:g}",
        )


@contextmanager
def _browning_out(bench: SensorBench, number: int, boots_s: float) -> Iterator[list[int]]:
    """Have the part lose its supply before the transfer `number`; count the transfers."""
    healthy, count = bench.bus.transfer, [0]

    def transfer(address: int, write: bytes, read_length: int = 0) -> bytes:
        count[0] += 1
        if count[0] == number:
            now_s = bench.clock.now()
            bench.world.add_fault(bench.place.serial, Fault(BROWN_OUT, now_s, now_s + 1e-6))
            bench.clock.sleep(1e-6 + boots_s)
        return healthy(address, write, read_length)

    bench.bus.transfer = transfer  # type: ignore[method-assign]
    try:
        yield count
    finally:
        bench.bus.transfer = healthy  # type: ignore[method-assign]
