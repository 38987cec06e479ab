"""SBP1-A, the reference pressure sensor with a ratiometric analog output."""
