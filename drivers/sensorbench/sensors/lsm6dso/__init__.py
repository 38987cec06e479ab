"""LSM6DSO, STMicroelectronics' accelerometer and gyroscope with a FIFO."""
