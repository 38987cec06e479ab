"""Senseair S8, CO2 by infrared absorption, over a serial line (Modbus RTU)."""
