"""ICM-42688-P, TDK InvenSense's accelerometer and gyroscope with a FIFO of 2 KB."""
