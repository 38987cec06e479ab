"""BMP280, Bosch Sensortec's absolute pressure sensor."""
