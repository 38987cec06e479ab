"""Numerics: numpy in, results out; no I/O."""
