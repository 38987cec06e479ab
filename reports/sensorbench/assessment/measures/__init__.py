"""Measures, one file each: what the floor below asks for, computed from readings."""
