"""Elastic APM agents: intake v2 (NDJSON events), agent configuration and server information, turned into OTLP.

The protocol is Elastic's published one: ``input/elasticapm/docs/spec/v2`` of elastic/apm-data for the events,
``docs/spec`` of elastic/apm-server for the answers. Browser agents (RUM) are not received.
"""
