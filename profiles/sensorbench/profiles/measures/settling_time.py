"""Time from a step until the reading stays within 5 % of it."""

from sensorbench.profiles.measures.rise_time import unit
from sensorbench.profiles.measuring import Measure

MEASURE = Measure(unit=unit, compares=False, symmetric=False, of_step=True, samples=5)
