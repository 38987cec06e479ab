"""What users import in their own tests: simulated buses and stations."""
