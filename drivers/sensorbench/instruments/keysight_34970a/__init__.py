"""Keysight (Agilent, HP) 34970A data acquisition unit: driver and twin."""
