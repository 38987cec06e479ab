"""Measures, one file each: what a measure needs of a run. Computed on the floor above."""
