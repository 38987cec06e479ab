"""Druck PACE5000 pressure controller: driver and twin."""
