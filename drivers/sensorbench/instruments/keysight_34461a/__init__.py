"""Keysight 34461A digital multimeter: driver and twin."""
