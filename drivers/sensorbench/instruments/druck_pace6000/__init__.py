"""Druck PACE6000 pressure controller: driver and twin."""
