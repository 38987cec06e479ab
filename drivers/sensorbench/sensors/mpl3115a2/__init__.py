"""MPL3115A2, NXP's barometer with a FIFO."""
