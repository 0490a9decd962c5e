"""Prometheus remote write 1.0, turned into OTLP metrics."""
