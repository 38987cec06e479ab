"""SHT4x, Sensirion's humidity and temperature sensors SHT40, SHT41 and SHT45."""
