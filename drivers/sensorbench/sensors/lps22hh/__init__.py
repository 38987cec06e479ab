"""LPS22HH, STMicroelectronics' barometer with a FIFO."""
