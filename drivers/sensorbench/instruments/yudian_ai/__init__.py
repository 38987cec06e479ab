"""Yudian AI temperature controllers: driver and twin, over AIBUS."""
