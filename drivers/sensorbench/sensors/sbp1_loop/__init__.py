"""SBP1-L, the reference pressure transmitter on a 4 to 20 mA loop."""
