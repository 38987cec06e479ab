"""The simulated physics that twins live in: closed-form in time, random by counter."""
