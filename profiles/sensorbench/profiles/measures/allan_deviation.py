"""Lowest Allan deviation of a stream at rest: the bias instability that shows (IEEE 952)."""

from sensorbench.profiles.measuring import Measure

MEASURE = Measure(compares=False, stream=True, symmetric=False, samples=9)
