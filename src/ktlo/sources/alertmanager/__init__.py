"""Prometheus Alertmanager: alerts as incidents, by webhook and by asking what is active.

``payloads`` is what it says, ``mapping`` turns an alert into an incident, ``source`` runs it. Formats: Alertmanager's
webhook (version 4) and its API v2.
"""

from ktlo.sources.alertmanager.source import AlertmanagerSource

__all__ = ["AlertmanagerSource"]
