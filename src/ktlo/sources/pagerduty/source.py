"""The source itself: the account's incidents, window after window, then what was written since; and who is on call.

The log tells which incidents changed; those are read anew with their whole log. The cursor is the end of the last
window, a little before now, because the log may lag behind; and what was read of schedules.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import httpx
import msgspec
from pydantic import BaseModel, ConfigDict, Field

from ktlo.errors import KtloError, SignatureError, UserError
from ktlo.records.collection import Rejection
from ktlo.settings.secret_reference import secret
from ktlo.sources.hooked import Incoming, Reference, Setup, Taken, decoded, demand_hmac
from ktlo.sources.pagerduty import mapping
from ktlo.sources.pagerduty.mapping import Of
from ktlo.sources.pagerduty.payloads import (
    AbilitiesPage,
    IncidentItem,
    LogEntry,
    OneIncident,
    Related,
    Webhook,
)
from ktlo.sources.pagerduty.schedules import Schedules
from ktlo.sources.pagerduty.windows import CrowdedError, Window, mails, most, whole_log, windows
from ktlo.sources.protocol import Batch, Drawn, Health, Held, Missing, Progress, Revisits, Status
from ktlo.sources.rejecting import rejection
from ktlo.sources.rest import on_call
from ktlo.sources.rest.configured import address_like, horizon
from ktlo.sources.rest.connection import (
    AbsentError,
    Connection,
    DeniedError,
    Manners,
    OversizedError,
    UnexpectedFormError,
    decode,
)
from ktlo.sources.rest.quota import World
from ktlo.sources.rest.revisits import Revisit
from ktlo.sources.rest.rows import Row, batches

PUBLIC_API = "https://api.pagerduty.com"
SETTLE = dt.timedelta(minutes=10)
"""The log is read again from this long before the last end."""
TOKEN_ADVICE = "Make a read-only API key under Integrations, API Access Keys, and put it where `token` points"  # noqa: S105


class PagerDutyConfig(BaseModel):
    """One PagerDuty account."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: Reference = Field(
        "", description="Reference to a read-only API key: env:NAME, file:PATH or vault:PATH#KEY."
    )
    webhook_secret: Reference = Field(
        "", description="Reference to the signing secret of the webhook subscription."
    )
    name: str = Field("account", description="What to call it, where there are several.")
    api: Annotated[str, address_like("https://api.pagerduty.com")] = Field(
        PUBLIC_API, description="Address of the API; https://api.eu.pagerduty.com in Europe."
    )
    since: dt.date | None = Field(
        None, description="Read what happened since this day; a year ago when not given."
    )


class PagerDutySource:
    """Incidents of one PagerDuty account.

    Args:
        config: which, and with what key.
        world: time and chance; the real ones unless a test gives others.
        transport: the network unless given.
    """

    kind: ClassVar[str] = "pagerduty"
    summary: ClassVar[str] = (
        "incidents with their log, who was paged and on call, services and teams from PagerDuty"
    )
    config: ClassVar[type[BaseModel]] = PagerDutyConfig
    brings: tuple[str, ...] = ("incidents", "incident_events", "on_call_shifts")
    revisits: Revisits = Revisits(("incidents",), 1, deletes=False)
    setup: Setup = Setup(
        where="Integrations, Generic Webhooks (v3): a subscription for the account, a team or a service",
        events=tuple(mapping.EVENT_KINDS),
        proof="the signing secret that PagerDuty shows once when the subscription is made",
        kept_headers=("content-type", "x-webhook-id", "x-webhook-subscription"),
    )

    def __init__(
        self,
        config: PagerDutyConfig,
        world: World | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = config
        self._world = world or World()
        self._transport = transport

    @property
    def source_id(self) -> str:
        """``pagerduty:NAME``."""
        return f"pagerduty:{self._config.name}"

    @property
    def webhook_secret(self) -> str:
        """See :class:`ktlo.sources.hooked.Hooked`."""
        return self._config.webhook_secret

    def _connect(self) -> Connection:
        if not self._config.token:
            raise UserError("PagerDuty tells nothing without an API key", fix=TOKEN_ADVICE)
        key = secret(self._config.token).get_secret_value().strip()
        headers = {
            "Authorization": f"Token token={key}",
            "Accept": "application/vnd.pagerduty+json;version=2",
        }
        manners = Manners(
            service="PagerDuty",
            renewal=TOKEN_ADVICE,
            base_help="Check `api` (https://api.eu.pagerduty.com in Europe) and proxies",
        )
        return Connection(self._config.api, manners, headers, self._world, self._transport, "a minute")

    async def check(self) -> Health:
        """See :meth:`ktlo.sources.protocol.Source.check`."""
        missing: list[Missing] = []
        if not self._config.webhook_secret:
            missing.append(
                Missing(
                    "webhook_secret",
                    "incidents appear at the next reading instead of at once",
                    "Make a webhook subscription; `ktlo sources hook` says how",
                )
            )
        if not self._config.token and self._config.webhook_secret:
            missing.append(
                Missing("token", "nothing from before, and nothing that a webhook missed", TOKEN_ADVICE)
            )
            return Health(Status.LIMITED, "Webhooks are taken", tuple(missing))
        try:
            async with self._connect() as api:
                decode((await api.get("/abilities")).body, AbilitiesPage, "/abilities")
                for path, cost in (
                    ("/incidents", "everything"),
                    ("/log_entries", "acknowledgement, escalation, who was paged"),
                    ("/users", "who is who in other tools: people keep PagerDuty's names"),
                    ("/schedules", "who was on call, and so the hours on call of everybody"),
                ):
                    try:
                        await api.get(path, {"limit": 1})
                    except (DeniedError, AbsentError) as error:
                        missing.append(Missing(f"{path} ({error.what})", cost, TOKEN_ADVICE))
        except KtloError as error:
            return Health(Status.UNREACHABLE, str(error))
        is_limited = any(one.what != "webhook_secret" for one in missing)
        return Health(Status.LIMITED if is_limited else Status.READY, "PagerDuty can be read", tuple(missing))

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Source.collect`."""
        begin, first = self._begin(cursor)
        at = on_call.state(cursor, first)
        place = {"until": begin.isoformat(), "since": first.isoformat(), "schedules": at.saved()}
        async with self._connect() as api:
            people, warnings = await self._people(api)
            denied: DeniedError | None = None
            try:
                async for batch in self._incidents(api, begin, people, place, warnings):
                    yield batch
            except DeniedError as error:
                # Who is on call is another permission.
                denied = error
            notes, done = list(warnings), 0

            def warn(where: str, reason: str) -> None:
                notes.append(self._note(where, reason, api, is_kept=True))

            pager = Schedules(api, people, warn, at.known)
            async for rows in on_call.read_shifts(pager, at, self.source_id, first, api.rest.now, warn):
                done += len(rows)
                place["schedules"] = at.saved()
                yield Batch(batches(rows), dict(place), tuple(notes), Progress(done, None, "shifts"))
                notes.clear()
            if notes:
                yield Batch(rejected=tuple(notes))
            if denied is not None:
                raise denied

    async def _people(self, api: Connection) -> tuple[dict[str, str], list[Rejection]]:
        """Mails of users by identifier, and what is missing of them."""
        try:
            people, are_all = await mails(api)
        except (DeniedError, AbsentError) as error:
            return {}, [
                self._note("/users", f"{error.what}: people keep PagerDuty's names", api, is_kept=True)
            ]
        lost = f"PagerDuty lists no more than {most():,} users: further ones keep PagerDuty's names"
        return people, [] if are_all else [self._note("/users", lost, api, is_kept=True)]

    async def _incidents(
        self,
        api: Connection,
        since: dt.datetime,
        people: Mapping[str, str],
        place: dict[str, Any],
        warnings: list[Rejection],
    ) -> AsyncIterator[Batch]:
        """Incidents from a moment to now; ``place`` is moved along, ``warnings`` go out with the first batch."""
        of, done, now = Of(self.source_id, people), 0, api.rest.now()
        try:
            async for window in windows(api, self.source_id, since, now):
                rows, held = await self._rows(api, window, of)
                done += len(rows)
                place["until"] = max(min(window.until, now - SETTLE), since).isoformat()
                yield Batch(
                    rows=batches(rows),
                    cursor=dict(place),
                    rejected=(*warnings, *window.rejected),
                    progress=Progress(done, None, "rows"),
                    held=held,
                )
                warnings.clear()
        except CrowdedError:
            raise UserError(
                "more than 9,900 log entries were written within one minute, which PagerDuty does not"
                " let anybody page through",
                where=self.source_id,
                fix="Set `since` to a day after that minute",
            ) from None

    def _begin(self, cursor: Mapping[str, Any]) -> tuple[dt.datetime, dt.datetime]:
        """Where to go on, and the horizon; an earlier horizon than before starts again from it."""
        begin = horizon(self._config.since, self._world)
        try:
            until = dt.datetime.fromisoformat(cursor["until"])
            before = dt.datetime.fromisoformat(cursor["since"])
        except (KeyError, TypeError, ValueError):
            return begin, begin
        if self._config.since is not None and begin < before:
            return begin, begin
        return until, before

    async def _rows(
        self, api: Connection, window: Window, of: Of
    ) -> tuple[list[tuple[str, Row]], tuple[Held, ...]]:
        """What a window becomes, and its incidents of which there is an entry in the log and nothing else."""
        rows, missing = list[tuple[str, Row]](), list[str]()
        known = list(dict.fromkeys([*window.incidents, *window.log]))
        for incident_id in known:
            log = window.log.get(incident_id, [])
            item = window.incidents.get(incident_id)
            if item is None:
                # It is older than the window.
                try:
                    rows += await self._again(api, incident_id, of, window.rejected)
                    continue
                except AbsentError:
                    missing.append(incident_id)
                    continue
                except (UnexpectedFormError, OversizedError) as error:
                    window.rejected.append(self._note(f"/incidents/{incident_id}", error.what, api))
            else:
                rows.append(("incidents", mapping.incident(item, log, of)))
            rows += [("incident_events", mapping.step(entry, incident_id, of)) for entry in log]
        return rows, (Held(("incidents",), known, missing),) if missing else ()

    async def _again(
        self, api: Connection, incident_id: str, of: Of, rejected: list[Rejection]
    ) -> list[tuple[str, Row]]:
        """An incident as it is now, with all that happened to it. Raises like :meth:`Connection.get`."""
        path = f"/incidents/{incident_id}"
        item = decode((await api.get(path)).body, OneIncident, path).incident
        log = await whole_log(api, self.source_id, incident_id, rejected)
        steps = [("incident_events", mapping.step(entry, incident_id, of)) for entry in log]
        return [("incidents", mapping.incident(item, log, of)), *steps]

    async def revisit(self, cursor: Mapping[str, Any], drawn: Drawn) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Revisiting.revisit`."""
        del cursor
        async with self._connect() as api:
            people, notes = await self._people(api)

            async def whole(name: str) -> Sequence[tuple[str, Row]]:
                return await self._again(api, name, Of(self.source_id, people), notes)

            asked = Revisit(
                api=api,
                source=self.source_id,
                tables=("incidents",),
                label="incidents",
                place="/incidents",
                whole=whole,
            )
            async for batch in asked.of(*drawn.of("incidents")):
                yield batch
            yield Batch(rejected=tuple(notes))

    def _note(self, place: str, reason: str, api: Connection, *, is_kept: bool = False) -> Rejection:
        return rejection(self.source_id, place, reason, api.rest.now(), is_kept=is_kept)

    def verify(self, incoming: Incoming, key: str) -> None:
        """``X-PagerDuty-Signature``: ``v1=HEX`` of HMAC-SHA256, several where secrets are being changed."""
        given = [part.strip() for part in incoming.headers.get("x-pagerduty-signature", "").split(",")]
        for number, part in enumerate(given, start=1):
            try:
                demand_hmac(incoming, key, part, prefix="v1=")
            except SignatureError:
                if number == len(given):
                    raise
            else:
                return

    def name_of(self, incoming: Incoming) -> str:
        """The event's identifier."""
        try:
            return msgspec.json.decode(incoming.body, type=Webhook).event.id
        except msgspec.DecodeError:
            return ""

    def receive(self, incoming: Incoming) -> Taken:
        """See :meth:`ktlo.sources.hooked.Hooked.receive`."""
        event = decoded(incoming, Webhook).event
        kind = mapping.EVENT_KINDS.get(event.event_type)
        if kind is None:
            return Taken(event.event_type, why_ignored="ktlo does not use this event")
        of = Of(self.source_id, {})
        rows: list[tuple[str, Row]] = []
        if event.resource_type == "incident":
            try:
                item = msgspec.json.decode(event.data, type=IncidentItem)
            except msgspec.ValidationError:
                related = msgspec.json.decode(event.data, type=Related).incident
                if related is None:
                    raise UserError(f"the event {event.event_type} names no incident") from None
                incident_id = related.id
            else:
                incident_id = item.id
                rows.append(("incidents", _as_told(item, event.occurred_at, kind, of)))
        else:
            return Taken(event.event_type, why_ignored=f"it is about a {event.resource_type}")
        rows.append(
            (
                "incident_events",
                mapping.told(kind, incident_id, event.occurred_at, event.agent, event.event_type, of),
            )
        )
        return Taken(
            event.event_type,
            batches(rows),
            untold={"incidents": ("acknowledged_at", "mitigated_at", "responders", "reopen_count")},
        )


def _as_told(item: IncidentItem, at: dt.datetime, kind: str, of: Of) -> Row:
    """The incident as a webhook has it: its own event is all that is known of the log."""
    log = [LogEntry(id="", type=f"{_ENTRY[kind]}_log_entry", created_at=at)] if kind in _ENTRY else []
    told = msgspec.structs.replace(item, updated_at=at)
    row = mapping.incident(told, log, of)
    return Row(row.record, row.version - 1)


_ENTRY = {"acknowledged": "acknowledge", "resolved": "resolve"}
