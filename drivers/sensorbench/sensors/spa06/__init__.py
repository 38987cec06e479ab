"""SPA06, Goertek's capacitive barometer: of one family with SPL06 and DPS310."""
