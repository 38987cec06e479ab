"""What every floor speaks: units, clocks, errors, provenance, verdicts."""
