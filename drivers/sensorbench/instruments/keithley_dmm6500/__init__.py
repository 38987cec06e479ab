"""Keithley DMM6500 digital multimeter: driver and twin."""
