"""Difference of the readings at equal values, come to from below and from above."""

from sensorbench.profiles.measuring import Measure

MEASURE = Measure(both_ways=True)
