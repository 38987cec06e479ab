"""Rohde & Schwarz HMP4040 four output power supply."""
