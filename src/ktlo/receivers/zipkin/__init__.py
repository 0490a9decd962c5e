"""Zipkin's spans (API v2, JSON), turned into OTLP traces."""
