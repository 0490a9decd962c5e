"""The source itself: Grafana's own Alertmanager, behind another path and with links to its dashboards."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from ktlo.sources.alertmanager.source import AlertmanagerSource
from ktlo.sources.hooked import Incoming, Setup, demand_hmac


class GrafanaSource(AlertmanagerSource):
    """Alerts of one Grafana, by its webhook contact point and its own Alertmanager."""

    kind: ClassVar[str] = "grafana"
    summary: ClassVar[str] = "alerts of Grafana as incidents, by webhook and by asking"
    setup: Setup = Setup(
        where="Alerting, Contact points: a contact point of type Webhook with this URL",
        events=("firing", "resolved"),
        proof="Authorization Header - Scheme Bearer, Credentials the same secret (or the Basic password); or HMAC"
        " Signature with it (Grafana 12)",
        kept_headers=("content-type", "user-agent"),
    )
    _service: ClassVar[str] = "Grafana"
    _active: ClassVar[str] = "/api/alertmanager/grafana/api/v2/alerts"

    def verify(self, incoming: Incoming, key: str) -> None:
        """Its HMAC-SHA256 of the body, behind ``TIMESTAMP:`` where there is one; else as of Alertmanager."""
        signature = incoming.headers.get("x-grafana-alerting-signature", "")
        if not signature:
            super().verify(incoming, key)
            return
        time = incoming.headers.get("x-grafana-alerting-timestamp", "")
        signed = f"{time}:".encode() + incoming.body if time else incoming.body
        demand_hmac(replace(incoming, body=signed), key, signature)
