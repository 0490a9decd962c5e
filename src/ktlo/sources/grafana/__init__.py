"""Grafana alerting: alerts as incidents, by webhook and by asking what is active.

Format: Grafana's webhook contact point, which extends Alertmanager's webhook; its API is Alertmanager's, version 2.
"""

from ktlo.sources.grafana.source import GrafanaSource

__all__ = ["GrafanaSource"]
