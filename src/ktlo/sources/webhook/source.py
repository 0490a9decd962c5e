"""The source itself: it only listens. What was missed is found by nothing, so the sender has to try again."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar
from urllib.parse import unquote

import httpx
from pydantic import BaseModel

from ktlo.sources.hooked import Incoming, Setup, Taken, anything, demand_hmac, demand_token
from ktlo.sources.protocol import Batch, Health, Missing, Status
from ktlo.sources.rejecting import rejection
from ktlo.sources.rest.quota import World
from ktlo.sources.rest.rows import Row, batches, microseconds, removal
from ktlo.sources.webhook.config import Proof, WebhookConfig
from ktlo.sources.webhook.reading import found_at, read, text_of

_ATTRIBUTES = ("specversion", "id", "source", "type", "time", "subject", "dataschema")
"""Attributes of a CloudEvent that come as ``ce-`` headers in binary mode (CloudEvents 1.0, HTTP binding, 3.1.3)."""


def _told(incoming: Incoming) -> Any:
    """The body; of a CloudEvent in binary mode as it would be in structured mode, its attributes around ``data``."""
    body = anything(incoming)
    if "ce-specversion" not in incoming.headers:
        return body
    said = {
        name: unquote(incoming.headers[f"ce-{name}"])
        for name in _ATTRIBUTES
        if f"ce-{name}" in incoming.headers
    }
    return {**said, "data": body}


class WebhookSource:
    """A webhook of one's own.

    Args:
        config: the mapping and the proof.
        world: time; the real one unless a test gives another.
        transport: not used; every source takes one.
    """

    kind: ClassVar[str] = "webhook"
    summary: ClassVar[str] = "anything that sends JSON, with a mapping of your own"
    config: ClassVar[type[BaseModel]] = WebhookConfig
    only_listens: ClassVar[bool] = True
    """See :func:`ktlo.sources.hooked.only_listens`."""

    def __init__(
        self,
        config: WebhookConfig,
        world: World | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        del transport
        self._config = config
        self._world = world or World()
        header = config.proof_header
        self.setup = Setup(
            where="the tool that sends: POST, JSON",
            events=(str(config.noun),),
            proof=f"header {header} with the secret"
            if config.proof is Proof.SECRET
            else f"header {header}: {config.proof_prefix}HMAC-SHA256 of the body",
            kept_headers=("content-type", "user-agent", *(f"ce-{name}" for name in _ATTRIBUTES)),
        )

    @property
    def source_id(self) -> str:
        """``webhook:NAME``."""
        return f"webhook:{self._config.name}"

    @property
    def brings(self) -> tuple[str, ...]:
        """Its noun."""
        return (self._config.noun,)

    @property
    def webhook_secret(self) -> str:
        """See :class:`ktlo.sources.hooked.Hooked`."""
        return self._config.webhook_secret

    async def check(self) -> Health:
        """See :meth:`ktlo.sources.protocol.Source.check`."""
        missing = [
            Missing(
                "a way to ask",
                "what was not delivered is never known",
                "Let the sender try again when it fails",
            )
        ]
        if not self._config.webhook_secret:
            missing.append(
                Missing(
                    "webhook_secret",
                    "webhooks are only taken from this machine",
                    "Set webhook_secret: env:NAME",
                )
            )
        return Health(Status.LIMITED, "Webhooks are taken", tuple(missing))

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """Nothing can be asked for. See :meth:`ktlo.sources.protocol.Source.collect`."""
        del cursor
        batches_to_come: tuple[Batch, ...] = ()
        for batch in batches_to_come:
            yield batch

    def verify(self, incoming: Incoming, key: str) -> None:
        """See :meth:`ktlo.sources.hooked.Hooked.verify`."""
        given = incoming.headers.get(self._config.proof_header.lower(), "").strip()
        if self._config.proof is Proof.SECRET:
            scheme, _, rest = given.partition(" ")
            demand_token(rest.strip() if scheme.lower() == "bearer" and rest else given, key)
            return
        encoding = "hex" if self._config.proof is Proof.HMAC_SHA256 else "base64"
        demand_hmac(incoming, key, given, prefix=self._config.proof_prefix, encoding=encoding)

    def name_of(self, incoming: Incoming) -> str:
        """The place that was said, else the content."""
        if not self._config.delivery:
            return incoming.digest
        return text_of(found_at(self._config.delivery, _told(incoming))) or incoming.digest

    def receive(self, incoming: Incoming) -> Taken:
        """See :meth:`ktlo.sources.hooked.Hooked.receive`."""
        found = read(_told(incoming), self._config, self.source_id, incoming.received_at)
        rows = [
            (str(self._config.noun), Row(record, microseconds(updated or incoming.received_at)))
            for record, updated in found.records
        ]
        at = incoming.received_at
        # Of what is told of one moment the deletion is the last.
        rows += [
            removal(
                str(self._config.noun), self.source_id, key, (updated or at) + dt.timedelta(microseconds=1)
            )
            for key, updated in found.gone
        ]
        rejected = tuple(
            rejection(self.source_id, place, reason, at, incoming.body, is_kept=is_kept)
            for listed, is_kept in ((found.refused, False), (found.noted, True))
            for place, reason in listed
        )
        why = found.why_ignored or ("" if rows else "; ".join(reason for _, reason in found.refused)[:300])
        return Taken(found.event, batches(rows), rejected, why)
