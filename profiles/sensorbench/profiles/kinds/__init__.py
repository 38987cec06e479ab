"""Kinds of test, one file each: the phase as people write it, and what it does."""
