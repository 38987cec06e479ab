"""Sensors, one folder a part: driver.py and its independent twin.py."""
