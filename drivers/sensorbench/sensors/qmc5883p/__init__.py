"""QMC5883P, QST's magnetometer that boards sold as QMC5883L often carry."""
