"""BMP390, Bosch Sensortec's barometer with a FIFO; and the BMP388, which has the same map."""
