"""PP1, our reference pressure pulser: docs/devices/pressure_pulser.md."""
