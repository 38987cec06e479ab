"""Numato Lab 4-channel USB relay module: driver and twin."""
