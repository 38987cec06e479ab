"""GXCAS GXHT30: humidity and temperature over I2C."""
