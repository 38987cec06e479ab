"""DPS310, Infineon's capacitive barometer with a FIFO."""
