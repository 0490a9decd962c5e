"""The source itself: one Opsgenie account's alerts, oldest change first, resumed where it stopped."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ktlo.errors import KtloError, UserError
from ktlo.settings.secret_reference import secret
from ktlo.sources.hooked import Incoming, Setup, Taken, bearer, check_reference, decoded, demand_token
from ktlo.sources.opsgenie import mapping
from ktlo.sources.opsgenie.mapping import Of
from ktlo.sources.opsgenie.payloads import AlertItem, AlertPage, Hook
from ktlo.sources.protocol import Batch, Health, Missing, Status
from ktlo.sources.rest.configured import horizon, plain_address
from ktlo.sources.rest.connection import Answer, Connection, Manners, decode
from ktlo.sources.rest.gathering import PER_PAGE
from ktlo.sources.rest.lists import Listed, ListRun, position
from ktlo.sources.rest.quota import World
from ktlo.sources.rest.rows import Row, batches

PUBLIC_API = "https://api.opsgenie.com"
RENEWAL = (
    "Make an API key with the right Read under Settings, API key management, and put it where `token` points"
)


class OpsgenieConfig(BaseModel):
    """One Opsgenie account."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: str = Field(
        "", description="Reference to an API key that may read: env:NAME, file:PATH or vault:PATH#KEY."
    )
    webhook_secret: str = Field(
        "", description="Reference to the secret that the webhook's Authorization header carries."
    )
    name: str = Field("account", description="What to call it, where there are several.")
    api: str = Field(PUBLIC_API, description="Address of the API; https://api.eu.opsgenie.com in Europe.")
    site: str = Field("", description="Address for people, https://acme.app.opsgenie.com; makes links.")
    service_tag: str = Field("service:", description="Beginning of the tag that names an alert's service.")
    since: dt.date | None = Field(
        None, description="Read what changed since this day; a year ago when not given."
    )

    @field_validator("api", "site")
    @classmethod
    def _address(cls, said: str) -> str:
        if not said.strip():
            return ""
        return plain_address(said, "https://api.opsgenie.com")

    @field_validator("token", "webhook_secret")
    @classmethod
    def _reference(cls, said: str) -> str:
        return check_reference(said)


class OpsgenieSource:
    """Alerts of one Opsgenie account.

    Args:
        config: which, and with what key.
        world: time and chance; the real ones unless a test gives others.
        transport: the network unless given.
    """

    kind: ClassVar[str] = "opsgenie"
    summary: ClassVar[str] = "alerts as incidents, with who acknowledged and closed them, from Opsgenie"
    config: ClassVar[type[BaseModel]] = OpsgenieConfig
    setup: Setup = Setup(
        where="Settings, Integrations: a Webhook integration with this URL and alert details on",
        events=tuple(mapping.STEPS),
        proof="a custom header Authorization: Bearer and the same secret",
        kept_headers=("content-type", "user-agent"),
    )

    def __init__(
        self,
        config: OpsgenieConfig,
        world: World | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = config
        self._world = world or World()
        self._transport = transport

    @property
    def source_id(self) -> str:
        """``opsgenie:NAME``."""
        return f"opsgenie:{self._config.name}"

    @property
    def webhook_secret(self) -> str:
        """See :class:`ktlo.sources.hooked.Hooked`."""
        return self._config.webhook_secret

    @property
    def _of(self) -> Of:
        return Of(self.source_id, self._config.service_tag, self._config.site)

    def _connect(self) -> Connection:
        if not self._config.token:
            raise UserError("Opsgenie tells nothing without an API key", fix=RENEWAL)
        key = secret(self._config.token).get_secret_value().strip()
        manners = Manners(
            service="Opsgenie",
            renewal=RENEWAL,
            base_help="Check `api` (https://api.eu.opsgenie.com in Europe) and proxies",
        )
        headers = {"Authorization": f"GenieKey {key}"}
        return Connection(self._config.api, manners, headers, self._world, self._transport, "a minute")

    async def check(self) -> Health:
        """See :meth:`ktlo.sources.protocol.Source.check`."""
        missing = []
        if not self._config.webhook_secret:
            missing.append(
                Missing(
                    "webhook_secret",
                    "incidents appear at the next reading instead of at once",
                    "Make a webhook integration; `ktlo sources hook` says how",
                )
            )
        elif not self._config.token:
            missing.append(
                Missing("token", "nothing from before, and nothing that a webhook missed", RENEWAL)
            )
            return Health(Status.LIMITED, "Webhooks are taken", tuple(missing))
        try:
            async with self._connect() as api:
                await api.get("/v2/alerts", {"limit": 1})
        except KtloError as error:
            return Health(Status.UNREACHABLE, str(error))
        return Health(Status.READY, "Opsgenie can be read", tuple(missing))

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Source.collect`."""
        if not self._config.token and self._config.webhook_secret:
            return
        async with self._connect() as api:
            run = ListRun(api, self.source_id, "", position(cursor, horizon(self._config.since, self._world)))
            async for batch in run.read(_alerts(self._of)):
                yield batch

    def verify(self, incoming: Incoming, key: str) -> None:
        """Opsgenie signs nothing: a header of one's own carries the secret."""
        demand_token(bearer(incoming), key)

    def name_of(self, incoming: Incoming) -> str:
        """Opsgenie names no deliveries: the content does."""
        return incoming.digest

    def receive(self, incoming: Incoming) -> Taken:
        """See :meth:`ktlo.sources.hooked.Hooked.receive`."""
        told = decoded(incoming, Hook)
        kind = mapping.STEPS.get(told.action)
        if kind is None:
            return Taken(told.action, why_ignored="ktlo does not use this action")
        said = told.alert
        began = _moment(said.created_at) or incoming.received_at
        at = _moment(said.updated_at) or (began if told.action == "Create" else incoming.received_at)
        item = AlertItem(
            id=said.alert_id,
            created_at=began,
            updated_at=at,
            message=said.message,
            status="closed" if told.action == "Close" else "open",
            tags=said.tags,
            priority=said.priority,
            entity=said.entity,
        )
        rows = [("incidents", next(mapping.alert(item, self._of))[1])]
        rows.append(mapping.step(said.alert_id, kind, at, said.username or "", self._of))
        if kind == "acknowledged":
            told_row = rows[0][1]
            record = dataclasses.replace(told_row.record, acknowledged_at=at)
            rows[0] = ("incidents", Row(record, told_row.version))
        return Taken(
            told.action,
            batches(rows),
            untold={"incidents": ("acknowledged_at", "responders", "team", "service", "severity")},
        )


def _alerts(of: Of) -> Listed:
    return Listed(
        name="alerts",
        label="alerts",
        path="/v2/alerts",
        item=AlertItem,
        at=lambda item: item.updated_at,
        number=lambda item: int(item.tiny_id or 0),
        cost="no incidents",
        needs="an API key with the right Read",
        rows=lambda item: mapping.alert(item, of),
        params={"sort": "updatedAt", "order": "asc"},
        since="query",
        stamped=lambda moment: f"updatedAt >= {int(moment.timestamp() * 1000)}",
        paged=lambda page: {"limit": PER_PAGE, "offset": (page - 1) * PER_PAGE},
        entries=lambda body, where: decode(body, AlertPage, where).data,
        more=_has_next,
    )


def _has_next(answer: Answer) -> bool:
    paging = decode(answer.body, AlertPage, "/v2/alerts").paging
    return bool(paging and paging.next)


def _moment(milliseconds: int) -> dt.datetime | None:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC) if milliseconds else None
