"""Prometheus Alertmanager and Grafana alerting: alerts as incidents, by webhook and by asking what is active.

``payloads`` is what they say, ``mapping`` turns an alert into an incident, ``source`` is the two sources. Formats:
Alertmanager's webhook (version 4) and API v2, and Grafana's webhook contact point, which extends the former.
"""

from ktlo.sources.alertmanager.source import AlertmanagerSource, GrafanaSource

__all__ = ["AlertmanagerSource", "GrafanaSource"]
