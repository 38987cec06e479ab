"""Keysight E36312A triple output power supply: driver and twin."""
