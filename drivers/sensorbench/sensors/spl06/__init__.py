"""SPL06, Goertek's capacitive barometer: of one family with the DPS310."""
