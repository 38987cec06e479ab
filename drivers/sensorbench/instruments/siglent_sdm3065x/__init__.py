"""Siglent SDM3065X digital multimeter: driver and twin."""
