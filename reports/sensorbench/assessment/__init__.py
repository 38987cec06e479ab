"""Evidence through analysis to results and verdicts."""
