"""Sensirion SPS30, particulate matter by light scattering, over a serial line (SHDLC)."""
