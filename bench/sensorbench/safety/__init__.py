"""Safe state: what every instrument must be driven to when a run ends early."""
