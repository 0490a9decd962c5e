"""The source itself (and most of ``grafana``): webhooks tell at once, asking what is active finds what was missed.

The cursor holds the alerts that were active when last asked; one that is no longer active has ended in between.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

import httpx
import msgspec
from pydantic import BaseModel, ConfigDict, Field

from ktlo.errors import KtloError, UserError
from ktlo.records.collection import Rejection
from ktlo.settings.secret_reference import secret
from ktlo.sources.alertmanager.mapping import Of, identity, rows
from ktlo.sources.alertmanager.payloads import ActiveAlert, Alert, Notification
from ktlo.sources.hooked import (
    Incoming,
    Reference,
    Setup,
    Taken,
    bearer,
    decoded,
    demand_token,
)
from ktlo.sources.protocol import Batch, Health, Missing, Progress, Status
from ktlo.sources.rejecting import rejection
from ktlo.sources.rest.configured import optional_address_like
from ktlo.sources.rest.connection import Connection, Manners, decode
from ktlo.sources.rest.quota import World
from ktlo.sources.rest.rows import Row, batches
from ktlo.wording import counted


class AlertsConfig(BaseModel):
    """One Alertmanager (or Grafana)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, optional_address_like("https://alerts.example.org")] = Field(
        "", description="Its address, https://alerts.example.org. Empty: only webhooks are read."
    )
    name: str = Field("", description="What to call it; the host when not given.")
    token: Reference = Field(
        "", description="Reference to a bearer token for asking: env:NAME, file:PATH or vault:PATH#KEY."
    )
    webhook_secret: Reference = Field(
        "", description="Reference to the secret that webhooks carry (bearer token or Basic password)."
    )
    service_label: str = Field(
        "", description="Label that names the service; else service, app or job, whichever is there."
    )
    severity_label: str = Field("severity", description="Label that names the severity.")


class AlertmanagerSource:
    """Alerts of one Prometheus Alertmanager.

    Args:
        config: where it is, and which labels say what.
        world: time and chance; the real ones unless a test gives others.
        transport: the network unless given.
    """

    kind: ClassVar[str] = "alertmanager"
    summary: ClassVar[str] = "alerts of Prometheus Alertmanager as incidents, by webhook and by asking"
    config: ClassVar[type[BaseModel]] = AlertsConfig
    brings: tuple[str, ...] = ("incidents", "incident_events")
    setup: Setup = Setup(
        where="alertmanager.yml: a receiver with webhook_configs: [{url: …, send_resolved: true}]",
        events=("firing", "resolved"),
        proof="http_config: {authorization: {credentials: …}} with the same secret",
        kept_headers=("content-type", "user-agent"),
    )
    _service: ClassVar[str] = "Alertmanager"
    _active: ClassVar[str] = "/api/v2/alerts"

    def __init__(
        self,
        config: AlertsConfig,
        world: World | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = config
        self._world = world or World()
        self._transport = transport
        if not config.url and not config.name:
            raise UserError("say where it is, or what to call it", fix="url=https://… or name=…")

    @property
    def source_id(self) -> str:
        """``alertmanager:HOST`` or ``alertmanager:NAME``."""
        return f"{self.kind}:{self._config.name or urlsplit(self._config.url).netloc}"

    @property
    def webhook_secret(self) -> str:
        """See :class:`ktlo.sources.hooked.Hooked`."""
        return self._config.webhook_secret

    @property
    def only_listens(self) -> bool:
        """See :func:`ktlo.sources.hooked.only_listens`."""
        return not self._config.url

    @property
    def _of(self) -> Of:
        return Of(self.source_id, self._config.service_label, self._config.severity_label)

    def _connect(self) -> Connection:
        token = secret(self._config.token).get_secret_value().strip() if self._config.token else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        manners = Manners(service=self._service, renewal="Put a valid one where `token` points")
        return Connection(self._config.url, manners, headers, self._world, self._transport)

    async def check(self) -> Health:
        """See :meth:`ktlo.sources.protocol.Source.check`."""
        missing = [] if self._config.webhook_secret else [_NO_SECRET]
        if not self._config.url:
            missing.append(_NO_ADDRESS)
            return Health(Status.LIMITED, "Webhooks are taken", tuple(missing))
        try:
            async with self._connect() as api:
                active = await self._ask(api)
        except KtloError as error:
            return Health(Status.UNREACHABLE, str(error))
        words = f"{counted(len(active), 'alerts')} active now"
        nameless = sum(1 for one in active if not rows(one, self._of)[0][1].record.service)
        if nameless:
            missing.append(
                Missing(
                    f"a service on {nameless} of {counted(len(active), 'alerts')}",
                    "those incidents belong to no service",
                    "Set service_label, or label the alerts with `service`",
                )
            )
        return Health(
            Status.LIMITED if missing else Status.READY, f"{self._service} answers: {words}", tuple(missing)
        )

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Source.collect`."""
        if not self._config.url:
            return
        before = {str(k): msgspec.convert(v, Alert) for k, v in dict(cursor.get("active") or {}).items()}
        async with self._connect() as api:
            active = {identity(one): one for one in await self._ask(api)}
            now = api.rest.now()
        found: list[tuple[str, Row]] = []
        for one in active.values():
            found += rows(one, self._of)
        for key, one in before.items():
            if key not in active:
                found += rows(one, self._of, ended_by=now)
        yield Batch(
            rows=batches(found),
            cursor={"active": {key: msgspec.to_builtins(one) for key, one in active.items()}},
            progress=Progress(len(active), len(active), "alerts"),
        )

    async def _ask(self, api: Connection) -> list[Alert]:
        answer = await api.get(self._active, {"active": "true", "silenced": "true", "inhibited": "true"})
        return [one.as_alert() for one in decode(answer.body, list[ActiveAlert], self._active)]

    def verify(self, incoming: Incoming, key: str) -> None:
        """See :meth:`ktlo.sources.hooked.Hooked.verify`."""
        demand_token(bearer(incoming), key)

    def name_of(self, incoming: Incoming) -> str:
        """Neither sender names its deliveries: the content does."""
        return incoming.digest

    def receive(self, incoming: Incoming) -> Taken:
        """See :meth:`ktlo.sources.hooked.Hooked.receive`."""
        told = decoded(incoming, Notification)
        found: list[tuple[str, Row]] = []
        rejected: list[Rejection] = []
        for number, raw in enumerate(told.alerts, start=1):
            try:
                alert = msgspec.json.decode(raw, type=Alert)
            except msgspec.ValidationError as error:
                rejected.append(self._reject(f"alert {number}", str(error), bytes(raw), incoming.received_at))
                continue
            found += rows(alert, self._of)
        if told.truncated_alerts:
            were = "was" if told.truncated_alerts == 1 else "were"
            reason = (
                f"{counted(told.truncated_alerts, 'alerts')} {were} left out by the sender (max_alerts); asking"
                " finds those"
                " that are active. Raise max_alerts of the receiver"
            )
            rejected.append(self._reject(f"group {told.group_key[:100]}", reason, b"", incoming.received_at))
        return Taken(
            event=told.status or "notification",
            rows=batches(found),
            rejected=tuple(rejected),
            why_ignored="" if found else "it holds no alert",
        )

    def _reject(self, place: str, reason: str, raw: bytes, at: dt.datetime) -> Rejection:
        return rejection(self.source_id, f"webhook, {place}", reason, at, raw)


_NO_SECRET = Missing(
    "webhook_secret",
    "webhooks are only taken from this machine",
    "Set webhook_secret: env:NAME and the same secret in the sender",
)
_NO_ADDRESS = Missing(
    "url",
    "an end that no webhook told is never found: such incidents stay open",
    "Set url, so that what is active can be asked",
)
