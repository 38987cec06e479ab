"""ADXL355, Analog Devices' accelerometer with 20 bits and a FIFO."""
