"""ESPEC P300 temperature and humidity chamber: driver and twin."""
