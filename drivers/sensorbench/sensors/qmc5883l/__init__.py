"""QMC5883L, QST's magnetometer."""
