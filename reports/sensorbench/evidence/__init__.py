"""What was measured: append-only journal, sample segments, seal."""
