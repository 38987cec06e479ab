"""Keithley 2400 source-measure unit: driver and twin."""
