"""LIS2DH12, STMicroelectronics' low-power accelerometer with a FIFO."""
