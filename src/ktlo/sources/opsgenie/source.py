"""The source itself: one account's alerts or its own incidents, and who is on call; resumed where it stopped."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from ktlo.errors import KtloError, UserError
from ktlo.records.arrow import EPOCH
from ktlo.settings.secret_reference import secret
from ktlo.sources.hooked import Incoming, Reference, Setup, Taken, bearer, decoded, demand_token
from ktlo.sources.opsgenie import mapping
from ktlo.sources.opsgenie.incident_run import IncidentRun
from ktlo.sources.opsgenie.mapping import Of
from ktlo.sources.opsgenie.payloads import AlertItem, Hook
from ktlo.sources.opsgenie.permissions import RENEWAL, missing_of_alerts, missing_of_incidents
from ktlo.sources.opsgenie.run import AlertRun
from ktlo.sources.protocol import Batch, Drawn, Health, Missing, Revisits, Status
from ktlo.sources.rest.configured import horizon, optional_address_like
from ktlo.sources.rest.connection import Connection, DeniedError, Manners
from ktlo.sources.rest.failures import message
from ktlo.sources.rest.lists import position
from ktlo.sources.rest.on_call import state
from ktlo.sources.rest.quota import World
from ktlo.sources.rest.rows import Row, batches, microseconds, removal

PUBLIC_API = "https://api.opsgenie.com"
KEPT = dt.timedelta(days=60)
"""Age of the oldest whose absence is taken for a deletion: how long Opsgenie keeps them depends on the plan."""
_NANOSECONDS = 10**15
"""From here on a number is nanoseconds: as milliseconds it would be tens of thousands of years away."""


class OpsgenieConfig(BaseModel):
    """One Opsgenie account."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: Reference = Field(
        "", description="Reference to an API key that may read: env:NAME, file:PATH or vault:PATH#KEY."
    )
    webhook_secret: Reference = Field(
        "", description="Reference to the secret that the webhook's Authorization header carries."
    )
    name: str = Field("account", description="What to call it, where there are several.")
    api: Annotated[str, optional_address_like("https://api.opsgenie.com")] = Field(
        PUBLIC_API, description="Address of the API; https://api.eu.opsgenie.com in Europe."
    )
    site: Annotated[str, optional_address_like("https://api.opsgenie.com")] = Field(
        "", description="Address for people, https://acme.app.opsgenie.com; makes links."
    )
    service_tag: str = Field("service:", description="Beginning of the tag that names an alert's service.")
    incidents: Literal["alerts", "incidents"] = Field(
        "alerts",
        description="What an incident is: each alert, or Opsgenie's own incidents (Standard and Enterprise plans).",
    )
    since: dt.date | None = Field(
        None, description="Read what changed since this day; a year ago when not given."
    )

    @field_validator("incidents")
    @classmethod
    def _asked_for(cls, said: str, info: ValidationInfo) -> str:
        if said == "incidents" and not info.data.get("token"):
            raise ValueError("Opsgenie's own incidents are asked for, no webhook tells of them: give `token`")
        return said


class _Opsgenie(Manners):
    """Opsgenie's refusals."""

    def judge(self, response: httpx.Response, path: str) -> None:
        """402: the key is valid, but the account's plan does not have this (``docs.opsgenie.com/docs/response``)."""
        if response.status_code == 402:
            said = message(response) or "the account's plan does not have it"
            raise DeniedError(f"Opsgenie refuses (402): {said}", where=path)


class OpsgenieSource:
    """Alerts or incidents of one Opsgenie account.

    Args:
        config: which, and with what key.
        world: time and chance; the real ones unless a test gives others.
        transport: the network unless given.
    """

    kind: ClassVar[str] = "opsgenie"
    summary: ClassVar[str] = (
        "alerts, or its own incidents and services, who acknowledged and ended them, who was paged and on call,"
        " from Opsgenie"
    )
    config: ClassVar[type[BaseModel]] = OpsgenieConfig
    brings: tuple[str, ...] = ("incidents", "incident_events", "on_call_shifts")
    lasting: ClassVar[tuple[str, ...]] = ("incidents", "since")
    setup: Setup = Setup(
        where="Settings, Integrations: a Webhook integration with this URL and alert details on",
        events=(*mapping.STEPS, "Delete"),
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
    def only_listens(self) -> bool:
        """See :func:`ktlo.sources.hooked.only_listens`."""
        return bool(self._config.webhook_secret) and not self._config.token

    @property
    def hears_nothing(self) -> bool:
        """See :func:`ktlo.sources.hooked.hears_nothing`: Opsgenie's webhooks tell of alerts."""
        return self._config.incidents == "incidents"

    @property
    def _of(self) -> Of:
        return Of(self.source_id, self._config.service_tag, self._config.site)

    def _connect(self) -> Connection:
        if not self._config.token:
            raise UserError("Opsgenie tells nothing without an API key", fix=RENEWAL)
        key = secret(self._config.token).get_secret_value().strip()
        manners = _Opsgenie(
            service="Opsgenie",
            renewal=RENEWAL,
            base_help="Check `api` (https://api.eu.opsgenie.com in Europe) and proxies",
        )
        headers = {"Authorization": f"GenieKey {key}"}
        return Connection(self._config.api, manners, headers, self._world, self._transport, "a minute")

    async def check(self) -> Health:
        """See :meth:`ktlo.sources.protocol.Source.check`."""
        missing: list[Missing] = []
        are_alerts = self._config.incidents == "alerts"
        if are_alerts and not self._config.webhook_secret:
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
                missing += await (missing_of_alerts if are_alerts else missing_of_incidents)(api)
        except KtloError as error:
            return Health(Status.UNREACHABLE, str(error))
        is_limited = any(one.what != "webhook_secret" for one in missing)
        return Health(Status.LIMITED if is_limited else Status.READY, "Opsgenie can be read", tuple(missing))

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Source.collect`."""
        if not self._config.token and self._config.webhook_secret:
            return
        self._demand_the_same(cursor)
        async with self._connect() as api:
            async for batch in self._run(api, cursor).whole():
                yield batch

    @property
    def revisits(self) -> Revisits:
        """See :class:`ktlo.sources.protocol.Revisiting`: none without a token."""
        return Revisits(("incidents",), 1 if self._config.token else 0, KEPT)

    async def revisit(self, cursor: Mapping[str, Any], drawn: Drawn) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Revisiting.revisit`."""
        async with self._connect() as api:
            async for batch in self._run(api, cursor).revisit(*drawn.of("incidents")):
                yield batch

    def _run(self, api: Connection, cursor: Mapping[str, Any]) -> AlertRun | IncidentRun:
        """A run from a cursor on."""
        at = position(cursor, horizon(self._config.since, self._world))
        on_call = state(cursor, at.since)
        if self._config.incidents == "incidents":
            return IncidentRun(api, self.source_id, at, on_call)
        return AlertRun(api, at, self._of, on_call)

    def _demand_the_same(self, cursor: Mapping[str, Any]) -> None:
        """Refuse to read the one beside the other: what was read before stays, and trouble would count twice."""
        before = cursor.get("incidents", "alerts")
        if cursor and before != self._config.incidents:
            raise UserError(
                f"the store holds Opsgenie's {before} as incidents; reading its {self._config.incidents} beside them"
                " would count one trouble twice",
                where=self.source_id,
                fix=f"Take the source out (of ktlo.yaml, too), `ktlo sources remove {self.source_id} --forget`, and"
                f" add it again; or write `incidents: {before}`",
            )

    def verify(self, incoming: Incoming, key: str) -> None:
        """Opsgenie signs nothing: a header of one's own carries the secret."""
        demand_token(bearer(incoming), key)

    def name_of(self, incoming: Incoming) -> str:
        """Opsgenie names no deliveries: the content does."""
        return incoming.digest

    def receive(self, incoming: Incoming) -> Taken:
        """See :meth:`ktlo.sources.hooked.Hooked.receive`."""
        told = decoded(incoming, Hook)
        if self.hears_nothing:
            reason = "it is about an alert, and `incidents: incidents` counts Opsgenie's own incidents"
            return Taken(told.action, why_ignored=reason)
        said, action = told.alert, told.action
        kind = mapping.STEPS.get(action)
        began = _moment(said.created_at)
        at = _moment(said.updated_at) or (began if action == "Create" else None) or incoming.received_at
        if action == "Delete":
            # Later than whatever else is told of the same moment.
            gone_at = max(at, incoming.received_at) + dt.timedelta(milliseconds=1)
            gone = removal("incidents", self.source_id, said.alert_id, gone_at)
            return Taken(action, batches([gone]))
        if kind is None:
            return Taken(action, why_ignored="ktlo does not use this action")
        closed = action == "Close"
        item = AlertItem(
            id=said.alert_id,
            created_at=began or at,
            updated_at=at,
            message=said.message,
            status="closed" if closed else "open",
            tags=said.tags,
            priority=said.priority,
            entity=said.entity,
        )
        record = next(mapping.alert(item, self._of))[1].record
        if closed:
            record = dataclasses.replace(record, resolved_at=at, closed_at=at)
        elif kind == "acknowledged":
            record = dataclasses.replace(record, acknowledged_at=at)
        # Only closing tells the state, and it is for good: a note may come later, or overtake it.
        version = microseconds(at if closed else began or EPOCH)
        return Taken(
            action,
            batches(
                [
                    ("incidents", Row(record, version)),
                    mapping.step(said.alert_id, kind, at, said.username or "", self._of),
                ]
            ),
            untold={
                "incidents": (
                    "detected_at",
                    "acknowledged_at",
                    "responders",
                    "team",
                    "service",
                    "severity",
                    "title",
                )
            },
        )


def _moment(said: int) -> dt.datetime | None:
    """A webhook's time, to the millisecond as the list has it."""
    milliseconds = said // 1_000_000 if said >= _NANOSECONDS else said
    try:
        return EPOCH + dt.timedelta(milliseconds=milliseconds) if milliseconds > 0 else None
    except OverflowError:
        return None
