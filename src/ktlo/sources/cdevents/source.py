"""The source itself: it only listens, to any sender of CloudEvents that carry CDEvents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

import httpx
import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ktlo.records.collection import Rejection
from ktlo.sources.cdevents import mapping
from ktlo.sources.cdevents.payloads import TYPE, CDEvent, events_of
from ktlo.sources.hooked import Incoming, Setup, Taken, bearer, check_reference, demand_token
from ktlo.sources.protocol import Batch, Health, Missing, Status
from ktlo.sources.rest.quota import World
from ktlo.sources.rest.rows import Row, batches


class CDEventsConfig(BaseModel):
    """One sender of CDEvents, or a broker of many."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        "events", pattern=r"^[A-Za-z0-9._-]+$", description="What to call it; part of the address."
    )
    webhook_secret: str = Field(
        "", description="Reference to the secret that Authorization: Bearer carries: env:NAME, file:PATH…"
    )

    @field_validator("webhook_secret")
    @classmethod
    def _reference(cls, said: str) -> str:
        return check_reference(said)


class CDEventsSource:
    """Whatever sends CDEvents.

    Args:
        config: the name and the secret.
        world: not used; every source takes one.
        transport: not used; every source takes one.
    """

    kind: ClassVar[str] = "cdevents"
    summary: ClassVar[str] = "deployments, incidents, pipeline runs and tickets as CDEvents over CloudEvents"
    config: ClassVar[type[BaseModel]] = CDEventsConfig
    setup: Setup = Setup(
        where="the sender's sink (Tekton, Jenkins, Argo, Spinnaker, Knative broker): this address, HTTP POST",
        events=mapping.USED,
        proof="Authorization: Bearer and the same secret",
        kept_headers=("content-type", "ce-id", "ce-type", "ce-source", "ce-specversion"),
    )

    def __init__(
        self,
        config: CDEventsConfig,
        world: World | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        del world, transport
        self._config = config

    @property
    def source_id(self) -> str:
        """``cdevents:NAME``."""
        return f"cdevents:{self._config.name}"

    @property
    def webhook_secret(self) -> str:
        """See :class:`ktlo.sources.hooked.Hooked`."""
        return self._config.webhook_secret

    async def check(self) -> Health:
        """See :meth:`ktlo.sources.protocol.Source.check`."""
        missing = []
        if not self._config.webhook_secret:
            missing.append(
                Missing(
                    "webhook_secret",
                    "events are only taken from this machine",
                    "Set webhook_secret: env:NAME",
                )
            )
        return Health(Status.LIMITED if missing else Status.READY, "Events are taken", tuple(missing))

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """Nothing can be asked for. See :meth:`ktlo.sources.protocol.Source.collect`."""
        del cursor
        batches_to_come: tuple[Batch, ...] = ()
        for batch in batches_to_come:
            yield batch

    def verify(self, incoming: Incoming, key: str) -> None:
        """See :meth:`ktlo.sources.hooked.Hooked.verify`."""
        demand_token(bearer(incoming), key)

    def name_of(self, incoming: Incoming) -> str:
        """Source and identifier of the CloudEvent in binary mode, which name it; else the content."""
        given = incoming.headers.get("ce-id", "")
        return f"{incoming.headers.get('ce-source', '')} {given}" if given else incoming.digest

    def receive(self, incoming: Incoming) -> Taken:
        """See :meth:`ktlo.sources.hooked.Hooked.receive`."""
        rows: list[tuple[str, Row]] = []
        rejected: list[Rejection] = []
        kinds: list[str] = []
        unused: list[str] = []
        for number, raw in enumerate(events_of(incoming), start=1):
            try:
                event = msgspec.json.decode(raw, type=CDEvent)
                match = TYPE.fullmatch(event.context.type)
                if match is None:
                    raise ValueError(f"{event.context.type[:80]!r} is no type of CDEvents")
                kind = f"{match['subject']}.{match['predicate']}"
                made = mapping.rows(event, match["subject"], match["predicate"], self.source_id)
                if made is None:
                    unused.append(kind)
                    continue
                rows += made
                kinds.append(kind)
            except ValueError as error:  # msgspec's own among them
                rejected.append(self._reject(number, str(error), bytes(raw), incoming))
        why = ""
        if not rows:
            why = f"ktlo does not use {', '.join(dict.fromkeys(unused))}" if unused else "it holds no CDEvent"
        return Taken(
            ", ".join(dict.fromkeys(kinds or unused)),
            batches(rows),
            tuple(rejected),
            why,
            untold=mapping.UNTOLD,
        )

    def _reject(self, number: int, reason: str, raw: bytes, incoming: Incoming) -> Rejection:
        return Rejection(
            source=self.source_id,
            place=f"webhook, event {number}",
            reason=f"this is not as CDEvents are written: {reason}",
            excerpt=raw[:200].decode("utf-8", "replace"),
            seen_at=incoming.received_at,
            is_kept=False,
        )
