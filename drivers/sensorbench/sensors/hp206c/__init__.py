"""HP206C, Hope Microelectronics' barometer with compensation inside."""
