"""ESPEC P300 temperature chamber: driver and twin."""
