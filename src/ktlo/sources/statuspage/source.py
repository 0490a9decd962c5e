"""The source itself: one status page, by its public API, or by the REST API for the whole past; and its webhooks."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ktlo.errors import KtloError
from ktlo.records.collection import Rejection
from ktlo.settings.secret_reference import secret
from ktlo.sources.hooked import (
    Incoming,
    Reference,
    Setup,
    Taken,
    bearer,
    decoded,
    demand_hmac,
    demand_token,
)
from ktlo.sources.protocol import Batch, Health, Missing, Progress, Status
from ktlo.sources.rejecting import rejection
from ktlo.sources.rest.configured import address_like
from ktlo.sources.rest.connection import (
    AbsentError,
    Connection,
    DeniedError,
    Manners,
    OversizedError,
    decode,
)
from ktlo.sources.rest.parts import divided
from ktlo.sources.rest.quota import World
from ktlo.sources.rest.rows import Row, batches, removal
from ktlo.sources.statuspage import mapping
from ktlo.sources.statuspage.mapping import Of
from ktlo.sources.statuspage.payloads import Hook, IncidentItem, Incidents, InstatusIncident, PageAnswer
from ktlo.sources.statuspage.vanished import NEWEST, PAST_EVERY, Cursor, Known, compared

MANAGE_API = "https://api.statuspage.io/v1"
PER_PAGE = 100
_ODD = (msgspec.ValidationError, ValueError)


class StatuspageConfig(BaseModel):
    """One status page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, address_like("https://status.example.org")] = Field(
        description="Its address: https://status.example.org."
    )
    token: Reference = Field(
        "",
        description="Reference to an API key of Statuspage (for the whole past; the public API has the last 50)"
        " or Instatus (needed, with page_id and api).",
    )
    page_id: str = Field("", description="Identifier of the page; found when not given (Statuspage).")
    api: Annotated[str, address_like("https://status.example.org")] = Field(
        MANAGE_API,
        description="Address of the REST API that the key is for; https://api.instatus.com/v1 for Instatus.",
    )
    webhook_secret: Reference = Field(
        "", description="Reference to the secret in the webhook's address (?key=…) or Authorization header."
    )

    @model_validator(mode="after")
    def _whole(self) -> StatuspageConfig:
        if "instatus.com" in self.api and not (self.token and self.page_id):
            raise ValueError("Instatus lists incidents by its API only: give token and page_id")
        return self


class StatuspageSource:
    """Incidents of one status page.

    Args:
        config: which.
        world: time and chance; the real ones unless a test gives others.
        transport: the network unless given.
    """

    kind: ClassVar[str] = "statuspage"
    summary: ClassVar[str] = "incidents, outages and maintenance from a status page (Statuspage, Instatus)"
    config: ClassVar[type[BaseModel]] = StatuspageConfig
    brings: tuple[str, ...] = ("incidents", "incident_events", "outages")
    setup: Setup = Setup(
        where="the page's Subscribe to updates, Webhook; or Notifications, Webhooks in its administration",
        events=("incident updates", "component updates (ignored)"),
        proof="Statuspage signs nothing: put ?key= and the secret behind the address; Instatus signs with its"
        " Webhook Secret",
        kept_headers=("content-type", "user-agent"),
    )

    def __init__(
        self,
        config: StatuspageConfig,
        world: World | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = config
        self._world = world or World()
        self._transport = transport

    @property
    def source_id(self) -> str:
        """``statuspage:HOST``."""
        return f"statuspage:{urlsplit(self._config.url).netloc}"

    @property
    def webhook_secret(self) -> str:
        """See :class:`ktlo.sources.hooked.Hooked`."""
        return self._config.webhook_secret

    def _connect(self, base: str, headers: Mapping[str, str]) -> Connection:
        manners = Manners(service="The status page", renewal="Make an API key, put it where `token` points")
        return Connection(base, manners, headers, self._world, self._transport)

    async def check(self) -> Health:
        """See :meth:`ktlo.sources.protocol.Source.check`."""
        missing: list[Missing] = []
        if self._is_instatus:
            return await self._check_instatus()
        if not self._config.token:
            missing.append(
                Missing(
                    "token",
                    "of the past only the last 50 incidents",
                    "Give an API key, if it is Statuspage",
                )
            )
        try:
            async with self._connect(self._config.url, {}) as api:
                page = await self._page(api)
            if self._config.token:
                missing += await self._missing_past(self._config.page_id or page.id)
        except KtloError as error:
            return Health(Status.UNREACHABLE, str(error))
        is_limited = bool(missing and self._config.token)
        return Health(
            Status.LIMITED if is_limited else Status.READY,
            f"{page.name or self._config.url} can be read",
            tuple(missing),
        )

    async def _missing_past(self, page: str) -> list[Missing]:
        """What the key may not read. Raises as :meth:`Connection.get` when it is not accepted at all."""
        path = f"/pages/{page}/incidents"
        async with self._connect(self._config.api, self._key("OAuth")) as api:
            try:
                await api.get(path, {"limit": 1, "page": 1})
            except (DeniedError, AbsentError) as error:
                cost = "of the past only the last 50 incidents"
                return [Missing(f"{path} ({error.what})", cost, "Give a key of this page's account, or none")]
        return []

    @property
    def _is_instatus(self) -> bool:
        return (urlsplit(self._config.api).hostname or "").endswith("instatus.com")

    def _key(self, scheme: str) -> dict[str, str]:
        key = secret(self._config.token).get_secret_value().strip() if self._config.token else ""
        return {"Authorization": f"{scheme} {key}"} if key else {}

    async def _pages(self, api: Connection, path: str, limit: str) -> AsyncIterator[list[msgspec.Raw]]:
        """Pages of a REST API's list."""
        number, size, is_last = 1, PER_PAGE, False
        while not is_last:
            try:
                answer = await api.get(path, {limit: size, "page": number})
            except OversizedError:
                if size == 1:
                    raise
                number, _, size = divided(number, size)
                continue
            raws = decode(answer.body, list[msgspec.Raw], path)
            number, is_last = number + 1, len(raws) < size
            yield raws

    async def _page(self, api: Connection) -> Any:
        answer = await api.get("/api/v2/incidents.json")
        return decode(answer.body, PageAnswer, "/api/v2/incidents.json").page

    async def _check_instatus(self) -> Health:
        path = f"/{self._config.page_id}/incidents"
        try:
            async with self._connect(self._config.api, self._key("Bearer")) as api:
                decode((await api.get(path, {"per_page": 1, "page": 1})).body, list[msgspec.Raw], path)
        except KtloError as error:
            return Health(Status.UNREACHABLE, str(error))
        return Health(Status.READY, f"{self._config.url} can be read from Instatus")

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Source.collect`."""
        try:
            at = msgspec.convert(dict(cursor), Cursor)
        except msgspec.ValidationError:
            at = Cursor()
        if self._is_instatus:
            async for batch in self._collect_instatus(at):
                yield batch
            return
        async with self._connect(self._config.url, {}) as api:
            page = await self._page(api)
            of = Of(self.source_id, page.name or urlsplit(self._config.url).netloc)
            for path in ("/api/v2/incidents.json", "/api/v2/scheduled-maintenances.json"):
                try:
                    found = decode((await api.get(path)).body, Incidents, path)
                except AbsentError:
                    continue  # Instatus has no list of maintenances
                raws = [*found.incidents, *found.scheduled_maintenances]
                read = self._read(raws, path, of)
                rows = [*read.rows, *self._gone(path, read, at, is_whole=len(raws) < NEWEST)]
                yield _batch(rows, read, at)
        if self._config.token:
            async with self._connect(self._config.api, self._key("OAuth")) as api:
                now = api.rest.now()
                if at.past_at is None or now - at.past_at >= PAST_EVERY:
                    path = f"/pages/{self._config.page_id or page.id}/incidents"
                    async for batch in self._whole(api, path, "limit", of, at):
                        yield batch
                    at.past_at = now
                    yield Batch({}, msgspec.to_builtins(at))

    async def _collect_instatus(self, at: Cursor) -> AsyncIterator[Batch]:
        of = Of(self.source_id, urlsplit(self._config.url).netloc)
        async with self._connect(self._config.api, self._key("Bearer")) as api:
            async for batch in self._whole(api, f"/{self._config.page_id}/incidents", "per_page", of, at):
                yield batch

    async def _whole(
        self, api: Connection, path: str, limit: str, of: Of, at: Cursor
    ) -> AsyncIterator[Batch]:
        """A list that has all incidents, page by page; then each by itself that it had and has no more.

        What is added or deleted while pages are turned makes one come twice, or be passed over: that one is asked for.
        """
        known, found = at.known.setdefault(path, {}), dict[str, Known]()
        async for raws in self._pages(api, path, limit):
            read = self._read(raws, path, of)
            found |= read.found
            yield _batch(read.rows, read, at)
        for name in sorted(known.keys() - found.keys()):
            rows: list[tuple[str, Row]] = []
            rejected: tuple[Rejection, ...] = ()
            try:
                answer = await api.get(f"{path}/{quote(name, safe='')}")
            except AbsentError:
                rows = [removal(table, self.source_id, one) for table, one in known[name].rows]
            else:
                read = self._read([msgspec.Raw(answer.body)], path, of)
                rows, found[name] = read.rows, read.found.get(name, known[name])
                rejected = tuple(read.rejected)
            del known[name]
            yield Batch(batches(rows), msgspec.to_builtins(at), rejected)
        at.known[path] = found
        yield Batch({}, msgspec.to_builtins(at))

    def _gone(self, path: str, read: _Read, at: Cursor, *, is_whole: bool) -> list[tuple[str, Row]]:
        """Removals of what the list had and should still have; none while some of it cannot be read."""
        if read.rejected:
            return []
        at.known[path], gone = compared(at.known.get(path, {}), read.found, is_whole=is_whole)
        return [removal(table, self.source_id, name) for table, name in gone]

    def _read(self, raws: list[msgspec.Raw], place: str, of: Of) -> _Read:
        read = _Read()
        for raw in raws:
            try:
                item = (
                    msgspec.json.decode(raw, type=InstatusIncident).as_item()
                    if self._is_instatus
                    else msgspec.json.decode(raw, type=IncidentItem)
                )
                rows = list(mapping.incident(item, of))
            except _ODD as error:
                reason = f"an incident has an unexpected form: {error}"
                now = dt.datetime.fromtimestamp(self._world.now(), dt.UTC)
                read.rejected.append(rejection(self.source_id, place, reason, now, bytes(raw)))
                continue
            read.rows += rows
            own = [(t, row.record.external_id) for t, row in rows if t in ("incidents", "outages")]
            read.found[item.id] = Known(item.created_at, own)
        return read

    def verify(self, incoming: Incoming, key: str) -> None:
        """The secret in the address, or in ``Authorization``; of Instatus the HMAC-SHA256 of the body, too."""
        if signature := incoming.headers.get("x-instatus-webhook-signature", ""):
            demand_hmac(incoming, key, signature)
            return
        demand_token(incoming.query.get("key", "") or bearer(incoming), key)

    def name_of(self, incoming: Incoming) -> str:
        """Statuspage names no deliveries: the content does."""
        return incoming.digest

    def receive(self, incoming: Incoming) -> Taken:
        """See :meth:`ktlo.sources.hooked.Hooked.receive`."""
        told = decoded(incoming, Hook)
        if told.incident is None:
            about = "component" if told.component else "maintenance" if told.maintenance else "page"
            return Taken(about, why_ignored="it is about no incident")
        item = told.incident
        untold: tuple[str, ...] = ("started_at", "mitigated_at")
        if self._is_instatus:
            # Its list does not tell when something was changed: a webhook must not hold over it.
            item = msgspec.structs.replace(item, updated_at=None)
        rows = [*mapping.incident(item, Of(self.source_id, urlsplit(self._config.url).netloc))]
        if not mapping.hit(item):
            # What it is about only the list tells; of an outage Instatus's list tells nothing: there it is the page's.
            untold = (*untold, "service")
            outages = [row for row in rows if row[0] == "outages"] if self._is_instatus else []
            nameless = mapping.incident(item, Of(self.source_id, ""))
            rows = [*outages, *(row for row in nameless if row[0] != "outages")]
        return Taken(item.status, batches(rows), untold={"incidents": untold})


@dataclass(slots=True)
class _Read:
    """What some entries of a list became."""

    rows: list[tuple[str, Row]] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    found: dict[str, Known] = field(default_factory=dict)


def _batch(rows: list[tuple[str, Row]], read: _Read, at: Cursor) -> Batch:
    count = len(read.found) + len(read.rejected)
    cursor = msgspec.to_builtins(at)
    return Batch(batches(rows), cursor, tuple(read.rejected), Progress(count, None, "incidents"))
