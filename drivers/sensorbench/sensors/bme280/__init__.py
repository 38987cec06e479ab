"""BME280, Bosch Sensortec's humidity, pressure and temperature sensor."""
