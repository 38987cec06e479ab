"""Mensor (WIKA) CPC6000 pressure controller: driver and twin."""
