"""UNI-T UDP3305S triple output power supply: driver and twin."""
