"""QMI8658, QST's accelerometer and gyroscope."""
