"""MLX90393, Melexis' magnetometer for strong fields."""
