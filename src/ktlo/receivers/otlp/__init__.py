"""OpenTelemetry protocol (OTLP 1.x): gRPC and HTTP, protobuf and JSON.

Specification: opentelemetry-proto, docs/specification.md.
"""
