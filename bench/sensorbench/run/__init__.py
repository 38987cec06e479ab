"""Executes a schedule on a station into evidence."""
