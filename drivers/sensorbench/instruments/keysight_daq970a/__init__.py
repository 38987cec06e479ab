"""Keysight DAQ970A data acquisition unit: driver and twin."""
