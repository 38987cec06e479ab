"""TCA9548A: eight I2C buses behind one, so that parts of one address can share a bench."""
