"""AHT20, Aosong's humidity and temperature sensor; AHT21, AHT25 and DHT20 answer all the same."""
