"""The source itself: it only listens to argocd-notifications."""

from __future__ import annotations

from importlib.resources import files
from typing import ClassVar

from pydantic import BaseModel

from ktlo.sources.argocd import mapping
from ktlo.sources.argocd.payloads import Notification
from ktlo.sources.hooked import Incoming, Setup, Taken, bearer, decoded, demand_token
from ktlo.sources.listening import ListeningSource
from ktlo.sources.rest.rows import batches


class ArgoCdSource(ListeningSource):
    """One Argo CD."""

    kind: ClassVar[str] = "argocd"
    summary: ClassVar[str] = "deployments that Argo CD made, by its notifications"
    config: ClassVar[type[BaseModel]] = mapping.ArgoCdConfig
    brings: tuple[str, ...] = ("deployments",)
    setup: Setup = Setup(
        where="the ConfigMap argocd-notifications-cm: service, template, trigger and subscription",
        events=("sync failed", "synced and healthy", "synced and degraded"),
        proof="Authorization: Bearer and the secret (key ktlo-secret of argocd-notifications-secret)",
        kept_headers=("content-type", "user-agent"),
        reading=1,  # degraded came into force, and failed: no attempt
        paste=(files(__package__) / "notifications.yaml").read_text(encoding="utf-8"),
    )

    def verify(self, incoming: Incoming, key: str) -> None:
        """See :meth:`ktlo.sources.hooked.Hooked.verify`."""
        demand_token(bearer(incoming), key)

    def name_of(self, incoming: Incoming) -> str:
        """Argo does not name its notifications: the content does."""
        return incoming.digest

    def receive(self, incoming: Incoming) -> Taken:
        """See :meth:`ktlo.sources.hooked.Hooked.receive`."""
        told, at = decoded(incoming, Notification), incoming.received_at
        state, health = told.app.status.operation_state, told.app.status.health
        event = f"{state.phase if state else 'never synced'} {health.status or '' if health else ''}".strip()[
            :100
        ]
        why = mapping.why_unused(told)
        if why:
            return Taken(event, why_ignored=why)
        return Taken(event, batches(mapping.rows(told, self._config, self.source_id, at)))
