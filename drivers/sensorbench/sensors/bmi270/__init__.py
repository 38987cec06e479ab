"""BMI270, Bosch Sensortec's accelerometer and gyroscope, which needs an image before it samples."""
