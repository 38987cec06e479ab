"""Keithley 2450 source-measure unit: driver and twin."""
