"""Parts, lots, channels and limits."""
