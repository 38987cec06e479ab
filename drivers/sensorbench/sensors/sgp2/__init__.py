"""SGP2, our reference gauge pressure sensor with two ports: docs/devices/sgp2.md."""
