"""SC7A20, Silan's accelerometer on the map of a LIS2DH12."""
