"""SHTC3, Sensirion's humidity and temperature sensor for batteries: docs/devices/shtc3.md."""
