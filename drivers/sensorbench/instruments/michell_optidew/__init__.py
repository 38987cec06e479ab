"""Michell Optidew chilled mirror hygrometer: driver and twin, over Modbus RTU or TCP."""
