"""Standard deviation of the samples of a point."""

from sensorbench.profiles.measuring import Measure

MEASURE = Measure(compares=False, symmetric=False, samples=2)
