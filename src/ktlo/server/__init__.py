"""The faces that a browser or a program sees: pages, HTTP API, and what runs behind them.

No arithmetic and no SQL of its own: it asks metrics and decisions. ``app`` is the one place where the
parts are wired together.
"""
