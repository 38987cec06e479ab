"""Life: life data, reliability, acceleration, mission profiles, drift."""
