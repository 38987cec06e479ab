"""Lab instruments, one folder a model: driver.py and its independent twin.py."""
