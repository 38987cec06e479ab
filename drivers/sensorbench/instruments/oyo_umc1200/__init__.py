"""OYO UMC1200 chamber controller: driver and twin, over Modbus."""
