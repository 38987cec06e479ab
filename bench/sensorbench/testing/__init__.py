"""What other people's programs and tests import: a station's buses and twins without hardware."""

from sensorbench.links.smbus_api import simulated_smbus_class
from sensorbench.station.twins import simulated_bench
from sensorbench.testing.simulated import simulated_bus

__all__ = ["simulated_bench", "simulated_bus", "simulated_smbus_class"]
