"""TMP117, Texas Instruments' digital thermometer of 0.1 K: a reference beside the DUTs."""
