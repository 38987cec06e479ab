"""Helmholtz coils, one to three axes, on the outputs of a supply: driver and twin."""
