"""LIS3MDL, STMicroelectronics' magnetometer."""
