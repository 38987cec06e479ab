"""OWON XDM1041 digital multimeter: driver and twin."""
