"""Fluke (Hart Scientific) 1529 thermometer readout: driver and twin."""
