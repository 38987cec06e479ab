"""Keysight 34465A digital multimeter: driver and twin."""
