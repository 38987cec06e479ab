"""SHT3x, Sensirion's humidity and temperature sensors SHT30, SHT31 and SHT35."""
