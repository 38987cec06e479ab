"""Siglent SPD3303X triple output power supply: driver and twin."""
