"""Verbs, one file each: what a run does beside setting, waiting and reading."""
