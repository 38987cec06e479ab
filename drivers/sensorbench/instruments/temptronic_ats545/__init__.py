"""Temptronic ATS-545 ThermoStream: driver and twin."""
