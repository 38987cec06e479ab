"""Gravity at a place: what the orientation makes of it in the parts' axes. Driver and twin."""
