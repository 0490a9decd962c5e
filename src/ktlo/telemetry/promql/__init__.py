"""PromQL over ktlo's own metrics: parsed by a library, evaluated with NumPy over whole matrices of series.

``parsing`` reads an expression, ``evaluate`` walks it, ``stored`` reads samples from the store's tables. Semantics are
those of Prometheus (its documentation, "Querying", and promql/engine.go); tests compare with a real Prometheus.
"""
