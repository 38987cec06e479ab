"""Fits: calibration with covariance, robust and fixed-point, three axes, sensor parameters."""
