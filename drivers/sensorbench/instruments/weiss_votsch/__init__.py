"""Weiss and Vötsch chambers: driver and twin, over SimServ and over ASCII-2."""
