"""Binder chambers with an MB2 controller: driver and twin, over Modbus."""
