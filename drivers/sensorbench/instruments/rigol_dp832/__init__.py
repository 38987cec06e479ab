"""Rigol DP832 triple output power supply: driver and twin."""
