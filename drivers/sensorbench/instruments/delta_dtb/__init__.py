"""Delta DTB temperature controllers: driver and twin, over Modbus RTU or ASCII."""
