"""A fixture that a person turns by hand: driver and twin."""
