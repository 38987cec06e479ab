"""Noise: Allan family, spectra, bandwidth."""
