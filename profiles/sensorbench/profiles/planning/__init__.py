"""How a plan is made, layer by layer: what is written, what acts, where units are, what is read."""
