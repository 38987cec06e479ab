"""Capability: indices, distributions, outliers, gage studies."""
