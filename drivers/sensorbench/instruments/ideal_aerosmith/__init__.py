"""Ideal Aerosmith single-axis rate table: driver and twin."""
