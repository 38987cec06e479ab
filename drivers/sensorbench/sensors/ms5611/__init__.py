"""MS5611, TE Connectivity's barometric pressure sensor."""
