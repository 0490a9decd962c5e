"""What sources that can only be told have in common: a name, a secret, nothing to ask for.

``cdevents``, ``argocd`` and ``flux`` say what they make of a webhook; what was missed is found by nothing, so their
senders have to try again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

import httpx
from pydantic import BaseModel, ConfigDict, Field

from ktlo.records.collection import Rejection
from ktlo.sources.hooked import Incoming, Reference
from ktlo.sources.protocol import Batch, Health, Missing, Status
from ktlo.sources.rejecting import rejection
from ktlo.sources.rest.quota import World


class ListeningConfig(BaseModel):
    """One sender, or a broker of many."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        "events", pattern=r"^[A-Za-z0-9._-]+$", description="What to call it; part of the address."
    )
    webhook_secret: Reference = Field(
        "", description="Reference to the secret with which webhooks prove themselves: env:NAME, file:PATH…"
    )


MOST_SAID = 2_000
"""Characters kept of what a tool says of a failed deployment."""


class DeployerConfig(ListeningConfig):
    """A tool that keeps a cluster as git says."""

    service_label: str = Field("", description="Label that names the service; else the object's own name.")
    environment: str = Field(
        "",
        description="Environment of all its deployments; empty: what a label says, else the namespace, which counts as"
        " production unless its name says otherwise",
    )
    environment_label: str = Field(
        "environment",
        description="Label that names the environment, where `environment` is empty; else the namespace.",
    )


class ListeningSource:
    """A source that only listens.

    Args:
        config: the name and the secret.
        world: not used; every source takes one.
        transport: not used; every source takes one.
    """

    kind: ClassVar[str]
    only_listens: ClassVar[bool] = True
    """See :func:`ktlo.sources.hooked.only_listens`."""

    def __init__(
        self, config: Any, world: World | None = None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        del world, transport
        self._config = config

    @property
    def source_id(self) -> str:
        """``KIND:NAME``."""
        return f"{self.kind}:{self._config.name}"

    @property
    def webhook_secret(self) -> str:
        """See :class:`ktlo.sources.hooked.Hooked`."""
        secret: str = self._config.webhook_secret
        return secret

    async def check(self) -> Health:
        """See :meth:`ktlo.sources.protocol.Source.check`."""
        if self.webhook_secret:
            return Health(Status.READY, "Events are taken")
        missing = Missing(
            "webhook_secret", "events are only taken from this machine", "Set webhook_secret: env:NAME"
        )
        return Health(Status.LIMITED, "Events are taken", (missing,))

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """Nothing can be asked for. See :meth:`ktlo.sources.protocol.Source.collect`."""
        del cursor
        batches_to_come: tuple[Batch, ...] = ()
        for batch in batches_to_come:
            yield batch

    def _reject(
        self, number: int, reason: str, raw: bytes, incoming: Incoming, *, is_kept: bool = False
    ) -> Rejection:
        place = f"webhook, event {number}"
        return rejection(self.source_id, place, reason, incoming.received_at, raw, is_kept=is_kept)
