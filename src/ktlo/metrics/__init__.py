"""Metrics: the registry of definitions, and the estimators behind them."""
