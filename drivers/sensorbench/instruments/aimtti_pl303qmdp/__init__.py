"""Aim-TTi PL303QMD-P dual output power supply: driver and twin."""
