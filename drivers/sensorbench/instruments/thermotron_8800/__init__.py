"""Thermotron chambers with an 8800 controller: driver and twin."""
