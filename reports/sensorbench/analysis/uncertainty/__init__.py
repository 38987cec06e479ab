"""Uncertainty: budgets, propagation, Monte Carlo, decision rules and their risks."""
