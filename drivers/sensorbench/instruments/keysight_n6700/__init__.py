"""Keysight N6700 and N6705 modular power supplies: driver and twin."""
