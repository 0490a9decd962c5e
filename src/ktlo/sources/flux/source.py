"""The source itself: it only listens to Flux's notification-controller."""

from __future__ import annotations

import hashlib
from typing import ClassVar

import msgspec
from pydantic import BaseModel

from ktlo.errors import UserError
from ktlo.sources.flux import mapping
from ktlo.sources.flux.payloads import Dispatched, Event
from ktlo.sources.hooked import Incoming, Setup, Taken, bearer, decoded, demand_hmac, demand_token
from ktlo.sources.listening import DeployerConfig, ListeningSource
from ktlo.sources.rest.rows import batches

_PASTE = """\
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Provider
metadata: {name: ktlo, namespace: flux-system}
spec:
  type: generic-hmac
  address: ADDRESS
  secretRef: {name: ktlo}             # its key `token` holds the webhook's secret
---
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Alert
metadata: {name: ktlo, namespace: flux-system}
spec:
  providerRef: {name: ktlo}
  eventSeverity: info
  eventMetadata: {environment: production}
  eventSources:
    - {kind: Kustomization, name: "*"}
    - {kind: HelmRelease, name: "*"}
"""


class FluxSource(ListeningSource):
    """The Flux of one cluster."""

    kind: ClassVar[str] = "flux"
    summary: ClassVar[str] = (
        "deployments that Flux made: Kustomizations and Helm releases, by its notifications"
    )
    config: ClassVar[type[BaseModel]] = DeployerConfig
    brings: tuple[str, ...] = ("deployments",)
    versions_rank: ClassVar[bool] = True
    """See :class:`ktlo.sources.protocol.Source`."""
    setup: Setup = Setup(
        where="a Provider of type generic-hmac and an Alert for Kustomizations and HelmReleases",
        events=tuple(sorted(mapping.SUCCEEDED | mapping.HELM_FAILED)),
        proof="X-Signature: sha256=HMAC of the body (secretRef's token); or Authorization: Bearer from `headers`",
        kept_headers=("content-type", "gotk-component", "x-github-event"),
        paste=_PASTE,
    )

    def verify(self, incoming: Incoming, key: str) -> None:
        """See :meth:`ktlo.sources.hooked.Hooked.verify`."""
        for header in ("x-signature", "x-hub-signature-256"):
            if header in incoming.headers:
                demand_hmac(incoming, key, incoming.headers[header], prefix="sha256=")
                return
        demand_token(bearer(incoming), key)

    def name_of(self, incoming: Incoming) -> str:
        """The deployment and what became of it: told again at every interval, it is taken once."""
        try:
            event = _event(incoming)
        except UserError:
            return incoming.digest
        if mapping.why_unused(event):
            return incoming.digest
        return f"{event.reason[:60]} {hashlib.sha256(mapping.identity(event).encode()).hexdigest()[:32]}"

    def receive(self, incoming: Incoming) -> Taken:
        """See :meth:`ktlo.sources.hooked.Hooked.receive`."""
        event = _event(incoming)
        why = mapping.why_unused(event)
        told = f"{event.involved_object.kind} {event.reason}"[:100]
        if why:
            return Taken(told, why_ignored=why)
        return Taken(told, batches(mapping.rows(event, self._config, self.source_id)))


def _event(incoming: Incoming) -> Event:
    try:
        return msgspec.json.decode(incoming.body, type=Dispatched).client_payload
    except msgspec.DecodeError:  # a ValidationError too: it is no dispatch, so it has to be an event
        return decoded(incoming, Event)
