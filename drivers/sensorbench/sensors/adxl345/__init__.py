"""ADXL345, Analog Devices' accelerometer with a FIFO."""
