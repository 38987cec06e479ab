"""Error at the lower end of the range, or of an axis over symmetric stimuli: where zero is."""

from sensorbench.profiles.measures._stimuli import lowest
from sensorbench.profiles.measuring import Measure

MEASURE = Measure(stimuli=lowest)
