"""The source itself: the incidents of one ServiceNow, oldest change first, each page with its audited history.

Deleted incidents are found in the audit of deletions. Where the audit may not be read, incidents come in without their
steps, and that is said. Those known to be open are asked for by their identifiers once a day, whatever ``query`` says:
one that left it would stay open for ever.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

import httpx
import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from ktlo.errors import KtloError, UserError
from ktlo.settings.secret_reference import secret
from ktlo.sources.hooked import Reference
from ktlo.sources.protocol import Batch, Health, Held, Missing, Status
from ktlo.sources.rest.configured import address_like, horizon
from ktlo.sources.rest.connection import (
    AbsentError,
    Connection,
    DeniedError,
    Manners,
    OversizedError,
    decode,
)
from ktlo.sources.rest.gathering import PER_PAGE
from ktlo.sources.rest.lists import Listed, ListRun, position
from ktlo.sources.rest.parts import as_many_as_fit
from ktlo.sources.rest.quota import World
from ktlo.sources.rest.rows import Row
from ktlo.sources.servicenow import mapping
from ktlo.sources.servicenow.mapping import Of
from ktlo.sources.servicenow.payloads import (
    AuditItem,
    Both,
    DeletedItem,
    IncidentItem,
    NamedItem,
    Rows,
    required,
)

TABLE = "/api/now/table"
EVERY = dt.timedelta(days=1)
"""How often the incidents known to be open are asked for."""
_MANNER: dict[str, str | int] = {
    "sysparm_display_value": "all",
    "sysparm_exclude_reference_link": "true",
    "sysparm_suppress_pagination_header": "true",
}
"""How rows are asked for, as ServiceNow's own client does it: without links, and without all of them being counted."""
_FIELDS = ("state", "incident_state", "assigned_to", "assignment_group")
_AUDIT_COST = "no steps: acknowledgements come from work_start only, reopenings from reopen_count"


def _site(address: str) -> str:
    """Of the address of a page in it."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


class ServiceNowConfig(BaseModel):
    """One ServiceNow installation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, address_like("https://example.service-now.com"), AfterValidator(_site)] = Field(
        description="Its address: https://example.service-now.com."
    )
    user: str = Field("", description="User that may read incidents; empty with a bearer token.")
    token: Reference = Field(
        "", description="Reference to the user's password or a bearer token: env:NAME, file:PATH…"
    )
    query: str = Field("", description="Further condition on incidents, as an encoded query.")
    since: dt.date | None = Field(
        None, description="Read what changed since this day; a year ago when not given."
    )

    @field_validator("query")
    @classmethod
    def _no_order(cls, said: str) -> str:
        if "ORDERBY" in said.upper():
            raise ValueError("leave ORDERBY out: the order is ktlo's")
        return said.strip("^ ")


class ServiceNowSource:
    """Incidents of one ServiceNow.

    Args:
        config: which, and with what token.
        world: time and chance; the real ones unless a test gives others.
        transport: the network unless given.
    """

    kind: ClassVar[str] = "servicenow"
    summary: ClassVar[str] = "incidents with their history from ServiceNow"
    lasting: ClassVar[tuple[str, ...]] = ("since",)
    config: ClassVar[type[BaseModel]] = ServiceNowConfig
    brings: tuple[str, ...] = ("incidents", "incident_events")

    def __init__(
        self,
        config: ServiceNowConfig,
        world: World | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = config
        self._world = world or World()
        self._transport = transport

    @property
    def source_id(self) -> str:
        """``servicenow:HOST``."""
        return f"servicenow:{urlsplit(self._config.url).netloc}"

    def _connect(self) -> Connection:
        if not self._config.token:
            raise UserError(
                "ServiceNow tells nothing without a user", fix="Set `user` and `token` (its password)"
            )
        said = secret(self._config.token).get_secret_value().strip()
        headers = {"Authorization": f"Bearer {said}"}
        if self._config.user:
            pair = base64.b64encode(f"{self._config.user}:{said}".encode()).decode()
            headers = {"Authorization": f"Basic {pair}"}
        manners = Manners(
            service="ServiceNow",
            renewal="Give a user that may read incidents (role itil or sn_incident_read) with its password in `token`",
        )
        return Connection(self._config.url, manners, headers, self._world, self._transport, "an hour")

    async def check(self) -> Health:
        """See :meth:`ktlo.sources.protocol.Source.check`."""
        missing = []
        try:
            async with self._connect() as api:
                answer = await api.get(f"{TABLE}/incident", {"sysparm_limit": 1})
                if not decode(answer.body, Rows, "incident").result:
                    missing.append(
                        Missing("any incident", "nothing to read", "Check the user's rights, and `query`")
                    )
                for table, cost in (
                    ("sys_audit", _AUDIT_COST),
                    ("sys_audit_delete", "deleted incidents stay"),
                ):
                    try:
                        await api.get(f"{TABLE}/{table}", {"sysparm_limit": 1})
                    except (DeniedError, AbsentError) as error:
                        missing.append(
                            Missing(f"{table} ({error.what})", cost, "Give the user the right to read it")
                        )
        except DeniedError as error:
            return Health(Status.UNREACHABLE, f"{error.what}. The user needs the right to read incidents")
        except KtloError as error:
            return Health(Status.UNREACHABLE, str(error))
        return Health(Status.LIMITED if missing else Status.READY, "ServiceNow can be read", tuple(missing))

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Source.collect`."""
        of = Of(self.source_id, self._config.url)
        async with self._connect() as api:
            run = _WithAudit(
                api, self.source_id, TABLE, position(cursor, horizon(self._config.since, self._world)), of
            )
            incidents = _listed("incident", self._config.query, of)
            async for batch in run.read(incidents):
                yield batch
            async for batch in run.read(_listed("sys_audit_delete", "tablename=incident", of)):
                yield batch
            async for batch in run.guarded(incidents, f"{TABLE}/incident", run.follow_open(incidents)):
                yield batch


class _WithAudit(ListRun):
    """A run that asks for the audited history of each page of incidents."""

    def __init__(self, api: Connection, source: str, root: str, at: Any, of: Of) -> None:
        super().__init__(api, source, root, at)
        self._of = of
        self._is_audited = True

    async def completed(self, listed: Listed, items: Sequence[Any]) -> list[tuple[str, Row]]:
        """Rows of a page, and of what was audited of its incidents."""
        rows = await super().completed(listed, items)
        if listed.name == "sys_audit_delete":
            self.at.open_names -= {_name(item.documentkey, item.display_value) for item in items}
        if listed.name != "incident" or not self._is_audited or not items:
            return rows
        numbers = {item.sys_id.value: item.number.shown for item in items}
        query = (
            f"tablename=incident^documentkeyIN{','.join(map(str, numbers))}^fieldnameIN{','.join(_FIELDS)}"
        )
        offset = 0

        async def audited(size: int) -> tuple[list[msgspec.Raw], bool]:
            params: dict[str, str | int] = {
                **_MANNER,
                "sysparm_query": f"{query}^ORDERBYsys_created_on",
                "sysparm_offset": offset,
                "sysparm_limit": size,
            }
            answer = await self.api.get(f"{TABLE}/sys_audit", params)
            raws = decode(answer.body, Rows, "sys_audit").result
            return raws, len(raws) == size

        async def alone(error: OversizedError) -> tuple[list[msgspec.Raw], bool]:
            shown = list(numbers.values())
            place = f"change {offset + 1} of the incidents {shown[0]} to {shown[-1]}"
            self.warn(f"{TABLE}/sys_audit", f"{error.what}: {place} alone. It is left out", is_kept=False)
            return [], True

        while True:
            try:
                (raws, is_more), size = await as_many_as_fit(audited, PER_PAGE, alone)
            except (DeniedError, AbsentError) as error:
                self._is_audited = False
                self.warn(f"{TABLE}/sys_audit", f"{error.what}. So there are {_AUDIT_COST}")
                return rows
            for raw in raws:
                try:
                    item = msgspec.json.decode(raw, type=AuditItem)
                    rows += mapping.audited(item, numbers[item.documentkey.value or ""], self._of)
                except (msgspec.ValidationError, ValueError, KeyError) as error:
                    self.warn(
                        f"{TABLE}/sys_audit", f"a change has an unexpected form: {error}", is_kept=False
                    )
            offset += size
            if not is_more:
                return rows

    async def follow_open(self, listed: Listed) -> AsyncIterator[Batch]:
        """Ask for the incidents known to be open, which ``query`` may no longer find, until they end.

        Args:
            listed: the list of incidents.
        """
        now, before = self.api.rest.now(), self.at.compared_at
        if before is not None and now - before < EVERY:
            return
        known = sorted(self.at.open_names) if before else []  # the first run has just read them
        missing: list[str] = []
        for start in range(0, len(known), PER_PAGE):
            names = known[start : start + PER_PAGE]
            query = {
                listed.since: f"sys_idIN{','.join(name.partition(' ')[0] for name in names)}^ORDERBYsys_id"
            }
            page = await self.page(listed, 1, query)
            self._note_open(listed, page.entries)
            yield self.batch(await self.completed(listed, [entry.item for entry in page.entries]))
            seen = {_named(entry.item) for entry in page.entries}
            if not seen.issuperset(names):
                # One that could not be read is there all the same.
                few = {**query, **listed.params, "sysparm_fields": "sys_id,number", "sysparm_limit": PER_PAGE}
                body = (await self.api.get(f"{TABLE}/incident", few)).body
                raws = decode(body, Rows, "incident").result
                seen |= {_named(msgspec.json.decode(raw, type=NamedItem)) for raw in raws}
            missing += sorted(set(names) - seen)
        # They are asked for every day as long as nobody tells that they were deleted.
        self.hold(Held(("incidents",), list(map(_number, known)), list(map(_number, missing))))
        self.at.compared_at = now
        yield self.batch()


def _listed(table: str, query: str, of: Of) -> Listed:
    is_incident = table == "incident"
    column = "sys_updated_on" if is_incident else "sys_created_on"
    first = f"{query}^" if query else ""

    def since(moment: dt.datetime) -> str:
        text = moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
        return f"{first}{column}>={text}^ORDERBY{column}^ORDERBYsys_id"

    return Listed(
        name=table,
        label="incidents" if is_incident else "deletions",
        path=f"/{table}",
        item=IncidentItem if is_incident else DeletedItem,
        at=lambda item: required(item.sys_updated_on if is_incident else item.sys_created_on),
        number=lambda item: int((item.sys_id.value or "0")[:12], 16),
        cost="no incidents" if is_incident else "deleted incidents still in the numbers",
        needs="the right to read it",
        rows=lambda item: mapping.incident(item, of) if is_incident else mapping.deleted(item, of),
        params=_MANNER,
        since="sysparm_query",
        stamped=since,
        paged=lambda page, size: {"sysparm_limit": size, "sysparm_offset": (page - 1) * size},
        entries=lambda body, where: decode(body, Rows, where).result,
        more=lambda answer, size: len(decode(answer.body, Rows, table).result) == size,
        is_open=(lambda item: item.state.value not in mapping.ENDED) if is_incident else None,
        name_of=_named,
    )


def _named(item: NamedItem | IncidentItem) -> str:
    return _name(item.sys_id, item.number)


def _number(name: str) -> str:
    return name.partition(" ")[2]


def _name(sys_id: Both, number: Both) -> str:
    """What an open incident is remembered by: what it is asked by, and what its row is keyed by."""
    return f"{sys_id.value} {number.shown}"
