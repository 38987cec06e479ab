"""Watlow F4T, the controller of many chambers, over Modbus: driver and twin."""
