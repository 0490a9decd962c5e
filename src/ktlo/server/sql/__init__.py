"""A door for SQL tools: ClickHouse's HTTP protocol, read-only, on a port of its own.

Grafana, drivers and SQL tools connect to it as to a ClickHouse server, also when the engine is the embedded one.
"""
