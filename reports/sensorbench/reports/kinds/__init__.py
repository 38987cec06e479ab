"""Kinds of test whose results the common tables and pictures do not serve, one file each."""
