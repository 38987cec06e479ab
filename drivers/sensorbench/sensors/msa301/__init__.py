"""MSA301, MEMSensing's accelerometer with 14 bits."""
