"""CHT8305, Sensylink's humidity and temperature sensor."""
