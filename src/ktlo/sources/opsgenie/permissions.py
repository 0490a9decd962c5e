"""What a key may read of an Opsgenie account, tried on one item each; and what to do about what it may not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ktlo.sources.opsgenie.incident_payloads import AlertIds, RawPage
from ktlo.sources.opsgenie.incident_run import BEGINNING, LIST, declared
from ktlo.sources.opsgenie.names import COSTS, TEAMS
from ktlo.sources.opsgenie.payloads import AlertItem, AlertPage
from ktlo.sources.protocol import Missing
from ktlo.sources.rest.connection import (
    AbsentError,
    Answer,
    Connection,
    DeniedError,
    UnexpectedFormError,
    decode,
)

RENEWAL = (
    "Make an API key with the right Read under Settings, API key management, and put it where `token` points"
)
CONFIGURATION_ADVICE = f"{RENEWAL}; it needs the right Configuration Access, too"
PLAN_ADVICE = (
    f"{RENEWAL}. Where Opsgenie says 402 the account's plan has none: incidents and services come with Standard and"
    " Enterprise. Without them write `incidents: alerts`"
)
_PAGED = "who was paged, and the end of alerts without a report"


async def missing_of_alerts(api: Connection) -> list[Missing]:
    """What is not to be read where alerts count as incidents. Raises like :meth:`Connection.get`."""
    page = decode((await api.get("/v2/alerts", {"limit": 1})).body, AlertPage, "/v2/alerts")
    tried = _Tried(api)
    for raw in page.data:
        try:
            path = f"/v2/alerts/{msgspec.json.decode(raw, type=AlertItem).id}/logs"
        except msgspec.ValidationError as error:
            raise UnexpectedFormError(
                f"an alert has an unexpected form: {error}", where="/v2/alerts"
            ) from error
        await tried.ask(path, {"limit": 1}, "logs of alerts", _PAGED, RENEWAL)
    await tried.ask(TEAMS, None, TEAMS, COSTS[TEAMS], CONFIGURATION_ADVICE)
    await tried.ask_schedules()
    return tried.missing


async def missing_of_incidents(api: Connection) -> list[Missing]:
    """What is not to be read where Opsgenie's own incidents count. Raises like :meth:`Connection.get`."""
    tried = _Tried(api)
    listed = declared()
    query = {**listed.params, "query": listed.stamped(BEGINNING), "limit": 1}
    answer = await tried.ask(LIST, query, "incidents", "everything but who was on call", PLAN_ADVICE)
    for raw in decode(answer.body, RawPage, LIST).data if answer else []:
        try:
            name = msgspec.json.decode(raw, type=_Identified).id
        except msgspec.ValidationError as error:
            raise UnexpectedFormError(f"an incident has an unexpected form: {error}", where=LIST) from error
        cost = "who acknowledged, when it ended but for its impact, whether it was reopened"
        path = f"/v2/incident-timelines/{name}/entries"
        await tried.ask(path, {"limit": 1}, "timelines of incidents", cost, RENEWAL)
        path = f"{LIST}/{name}/responder-alert-ids"
        alerts = await tried.ask(path, {"limit": 1}, "alerts of responders", "who was paged", RENEWAL)
        for alert in decode(alerts.body, AlertIds, path).data[:1] if alerts else []:
            path = f"/v2/alerts/{alert}/logs"
            await tried.ask(path, {"limit": 1}, "logs of alerts", "who was paged", RENEWAL)
    for path, cost in COSTS.items():
        await tried.ask(path, {"limit": 1}, path, cost, CONFIGURATION_ADVICE)
    await tried.ask_schedules()
    return tried.missing


class _Identified(msgspec.Struct):
    """Something with an identifier."""

    id: str


class _Tried:
    """Requests that may be refused, and what is missing by those that were."""

    def __init__(self, api: Connection) -> None:
        self._api = api
        self.missing: list[Missing] = []

    async def ask(
        self, path: str, params: Mapping[str, Any] | None, what: str, cost: str, fix: str
    ) -> Answer | None:
        """An answer; ``None`` where it was refused, which is noted."""
        try:
            return await self._api.get(path, params)
        except (DeniedError, AbsentError) as error:
            self.missing.append(Missing(f"{what} ({error.what})", cost, fix))
            return None

    async def ask_schedules(self) -> None:
        """The schedules."""
        cost = "who was on call, and so the hours on call of everybody"
        await self.ask("/v2/schedules", None, "schedules", cost, CONFIGURATION_ADVICE)
