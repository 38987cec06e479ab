"""SBP1, our reference smart pressure sensor: docs/devices/sbp1.md."""
