"""Dashboards that people compose, kept as YAML files: their shape, their files, and Grafana's turned into them."""
