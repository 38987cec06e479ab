"""Kinds of test, one file each: what their readings come to."""
