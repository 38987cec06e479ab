"""Which words a simulated LSM6DSO puts into its FIFO."""

from __future__ import annotations

import numpy as np

from sensorbench.sensors.lsm6dso.twin_fifo import DEPTH, Bytes, tagged
from sensorbench.sensors.simulated_sampling import Half

Batched = list[tuple[Half, int]]
"""Sensors that go to the FIFO, and the ticks between their words."""


def words_between(batched: Batched, first: int, last: int, most: int | None) -> tuple[Bytes, int]:
    """Return the FIFO words of the ticks after `first` up to `last`, and how many were left out.

    Those of which nothing would be left in a full FIFO are not computed; `most` is how many
    instants there is room for where a full FIFO stops, None where it goes on.
    """
    step = min(ticks for _, ticks in batched)
    low, high = first // step + 1, last // step
    if most is not None:
        high = min(high, low + most)
    kept = max(low, high - DEPTH + 1)
    instants = np.arange(kept, high + 1)
    words, order = [], []
    for rank, (half, ticks) in enumerate(batched):
        due = instants[instants % (ticks // step) == 0]
        if len(due):
            words.append(tagged(half.name, due, half.counts(due * step)))
            order.append(2 * due + rank)
    if not words:
        return np.empty((0, 7), np.uint8), 0
    sequence = np.argsort(np.concatenate(order), kind="stable")
    return np.concatenate(words)[sequence], max(0, kept - low)
