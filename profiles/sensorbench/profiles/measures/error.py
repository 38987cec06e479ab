"""Reading less reference, at every point; of several points the worst one is judged."""

from sensorbench.profiles.measuring import Measure

MEASURE = Measure()
