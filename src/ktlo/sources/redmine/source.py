"""The source itself: the issues that a key sees, oldest change first, each with its journals.

Deleted issues are found once a day, by holding the open ones that are known against Redmine's own list; ended ones by
asking for known numbers in turn (``revisiting``), which also finds those that were moved out of ``project``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field

from ktlo.errors import KtloError, UserError
from ktlo.settings.secret_reference import secret
from ktlo.sources.hooked import Reference
from ktlo.sources.protocol import Batch, Drawn, Health, Held, Missing, Revisits, Status
from ktlo.sources.redmine import mapping
from ktlo.sources.redmine.mapping import Of
from ktlo.sources.redmine.payloads import Account, IssueItem, IssuesPage, Numbers, OneIssue, Statuses
from ktlo.sources.rest.configured import address_like, horizon
from ktlo.sources.rest.connection import (
    AbsentError,
    Answer,
    Connection,
    DeniedError,
    Manners,
    OversizedError,
    decode,
)
from ktlo.sources.rest.gathering import stamp
from ktlo.sources.rest.lists import Listed, ListRun, Position, position
from ktlo.sources.rest.quota import World
from ktlo.sources.rest.revisits import PART, LeftError, Revisit
from ktlo.sources.rest.rows import Row
from ktlo.wording import counted

VANISHED_EVERY = dt.timedelta(days=1)
TABLES = ("issues", "incidents")
"""Where an issue may be."""
RENEWAL = (
    "Take the API access key of My account (an administrator switches the REST API on under Settings, API), and put it"
    " where `token` points"
)

NEEDS = "an API access key of somebody who sees the issues"


class RedmineConfig(BaseModel):
    """One Redmine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, address_like("https://redmine.example.org")] = Field(
        description="Its address: https://redmine.example.org."
    )
    token: Reference = Field(
        "", description="Reference to an API access key: env:NAME, file:PATH or vault:PATH#KEY."
    )
    project: str = Field("", description="Identifier of one project; all that the key sees when empty.")
    incident_trackers: tuple[str, ...] = Field(
        (), description="Trackers whose issues are incidents; all with `incident` in their name when empty."
    )
    since: dt.date | None = Field(
        None, description="Read what changed since this day; a year ago when not given."
    )


class RedmineSource:
    """Issues of one Redmine.

    Args:
        config: which, and with what key.
        world: time and chance; the real ones unless a test gives others.
        transport: the network unless given.
    """

    kind: ClassVar[str] = "redmine"
    summary: ClassVar[str] = "issues with their journals, and incidents, from Redmine"
    lasting: ClassVar[tuple[str, ...]] = ("since",)
    config: ClassVar[type[BaseModel]] = RedmineConfig
    brings: tuple[str, ...] = ("issues", "issue_events", "incidents", "incident_events")
    items_change_kind: ClassVar[bool] = True
    revisits: Revisits = Revisits(TABLES, PART)

    def __init__(
        self,
        config: RedmineConfig,
        world: World | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = config
        self._world = world or World()
        self._transport = transport

    @property
    def source_id(self) -> str:
        """``redmine:HOST``; with the project where not all are read."""
        host = urlsplit(self._config.url).netloc
        return f"redmine:{host}/{self._config.project}" if self._config.project else f"redmine:{host}"

    def _connect(self) -> Connection:
        headers = {}
        if self._config.token:
            headers["X-Redmine-API-Key"] = secret(self._config.token).get_secret_value().strip()
        manners = Manners(service="Redmine", renewal=RENEWAL, base_help="Check `url` and proxies")
        return Connection(self._config.url, manners, headers, self._world, self._transport)

    async def check(self) -> Health:
        """See :meth:`ktlo.sources.protocol.Source.check`."""
        missing = []
        try:
            async with self._connect() as api:
                answer = await api.get("/issues.json", {**self._params(), "limit": 1})
                count = decode(answer.body, IssuesPage, "/issues.json").total_count
                who = ""
                if self._config.token:
                    who = await _owner(api)
        except DeniedError as error:
            return Health(Status.UNREACHABLE, f"{error.what}. {RENEWAL}")
        except KtloError as error:
            return Health(Status.UNREACHABLE, str(error))
        if not self._config.token:
            missing.append(Missing("token", "private issues and projects stay unread", RENEWAL))
        if not count:
            missing.append(Missing("any issue", "nothing to read", "Check `project` and the key's rights"))
        by = f" by {who}" if who else ""
        return Health(
            Status.LIMITED if missing else Status.READY,
            f"{counted(count, 'issues')} can be read{by}",
            tuple(missing),
        )

    def _params(self) -> dict[str, str | int]:
        project = {"project_id": self._config.project} if self._config.project else {}
        return {"status_id": "*", "sort": "updated_on", **project}

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Source.collect`."""
        async with self._connect() as api:
            run = await self._run(api, cursor)
            async for batch in run.read(run.issues):
                yield batch
            async for batch in run.follow_vanished():
                yield batch

    async def revisit(self, cursor: Mapping[str, Any], drawn: Drawn) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Revisiting.revisit`."""
        async with self._connect() as api:
            run = await self._run(api, cursor)
            async for batch in run.revisit("issues").of(*drawn.of(*TABLES)):
                yield batch
            yield run.batch()

    async def _run(self, api: Connection, cursor: Mapping[str, Any]) -> _WithJournals:
        """A run from a cursor on. Raises :class:`UserError` where the key is not accepted."""
        try:
            if self._config.token:
                # Redmine takes a wrong key for nobody and shows what is public: that must not pass for all.
                await _owner(api)
            answer = await api.get("/issue_statuses.json")
        except (DeniedError, AbsentError) as error:
            raise UserError(error.what, where=self._config.url, fix=RENEWAL) from error
        statuses = decode(answer.body, Statuses, "/issue_statuses.json").issue_statuses
        of = Of(
            self.source_id,
            self._config.url,
            {str(one.id): one for one in statuses},
            frozenset(name.lower() for name in self._config.incident_trackers),
        )
        at = position(cursor, horizon(self._config.since, self._world))
        return _WithJournals(api, at, of, self._params())


class _WithJournals(ListRun):
    """A run that asks for the journals of every issue that changed.

    Args:
        api: the connection.
        at: where to continue; moved along.
        of: whose rows they are.
        params: what bounds the list of issues.
    """

    def __init__(self, api: Connection, at: Position, of: Of, params: Mapping[str, str | int]) -> None:
        super().__init__(api, of.source, "", at)
        self._of = of
        self.issues = _issues(params, of)

    async def completed(self, listed: Listed, items: Sequence[Any]) -> list[tuple[str, Row]]:
        """Rows of issues with their journals; those that are gone meanwhile are missing."""
        rows, missing = list[tuple[str, Row]](), list[str]()
        for item in items:
            try:
                rows += await self._whole(item.id, item)
            except AbsentError:
                self.at.open.discard(item.id)
                missing.append(str(item.id))
        self.hold(Held(TABLES, [str(item.id) for item in items], missing))
        return rows

    async def _whole(self, number: int, known: IssueItem | None = None) -> list[tuple[str, Row]]:
        """Rows of one issue; as ``known`` from the list where it may not be read by itself.

        Raises:
            AbsentError: it is not there.
            DeniedError, OversizedError: it may not, and nothing is known of it.
        """
        try:
            item = await self._asked(number)
        except (DeniedError, OversizedError) as error:
            if known is None:
                raise
            self.warn(f"/issues/{number}.json", f"{error.what}. So issue {number} has no history")
            item = known
        return self._rows(item)

    async def _asked(self, number: int) -> IssueItem:
        """One issue with its journals. Raises like :meth:`Connection.get`."""
        path = f"/issues/{number}.json"
        answer = await self.api.get(path, {"include": "journals,relations"})
        return decode(answer.body, OneIssue, path).issue

    def _rows(self, item: IssueItem) -> list[tuple[str, Row]]:
        (self.at.open.discard if item.status.is_closed else self.at.open.add)(item.id)
        return list(mapping.issue(item, self._of))

    def revisit(self, label: str, forget: Callable[[str], None] = lambda _: None) -> Revisit:
        """How issues are asked for by their numbers."""
        return Revisit(
            api=self.api,
            source=self._of.source,
            tables=TABLES,
            label=label,
            place=self.issues.path,
            whole=self.again,
            listed=self.listed,
            forget=forget,
        )

    async def listed(self, part: Sequence[str]) -> Collection[str]:
        """Those of some numbers that are among the issues that are read."""
        bounds = {**self.issues.params, "issue_id": ",".join(part), "limit": PART}
        body = (await self.api.get(self.issues.path, bounds)).body
        return {str(one.id) for one in decode(body, Numbers, self.issues.path).issues}

    async def again(self, name: str) -> list[tuple[str, Row]]:
        """Rows of one issue by itself.

        Raises:
            AbsentError: it was deleted, or is no longer of the project that is read.
        """
        item = await self._asked(int(name))
        if "project_id" in self.issues.params and not await self.listed([name]):
            raise LeftError("it is not of the project that is read", where=f"/issues/{name}.json")
        return self._rows(item)

    async def follow_vanished(self) -> AsyncIterator[Batch]:
        """Remove issues that were deleted, and take in open ones that have not changed since the horizon."""
        now = self.api.rest.now()
        if self.at.compared_at is not None and now - self.at.compared_at < VANISHED_EVERY:
            return
        there = set[int]()
        page, more = 1, True
        while more:
            found = await self.page(self.issues, page, {"status_id": "open", "sort": "id"})
            there.update(item.number for item in found.entries)
            page, more = page + 1, found.more
        fresh, known = sorted(there - self.at.open), self.at.open
        asked = self.revisit("open issues", lambda name: known.discard(int(name)))
        async for batch in asked.settled(
            [str(number) for number in sorted(known - there)], [str(number) for number in known | there]
        ):
            yield batch
        unread: dict[int, str] = {}
        for number in fresh:
            try:
                yield self.batch(await self._whole(number))
            except AbsentError:
                continue  # it was listed just now, and is not known
            except (DeniedError, OversizedError) as error:
                unread[number] = error.what
        if unread:
            first = ", ".join(map(str, list(unread)[:5]))
            self.warn(
                "/issues.json",
                f"{next(iter(unread.values()))}. So {counted(len(unread), 'open issues')} may be out of date,"
                f" {first} among them; it takes {NEEDS}",
            )
        self.at.compared_at = now
        yield self.batch()


def _issues(params: Mapping[str, str | int], of: Of) -> Listed:
    return Listed(
        name="issues",
        label="issues",
        path="/issues.json",
        item=IssueItem,
        at=lambda item: item.updated_on,
        number=lambda item: int(item.id),
        cost="no bugs and no incidents in the numbers",
        needs=NEEDS,
        rows=lambda item: mapping.issue(item, of),
        params=params,
        since="updated_on",
        stamped=lambda moment: f">={stamp(moment)}",
        paged=_paged,
        entries=lambda body, where: decode(body, IssuesPage, where).issues,
        more=_has_more,
        is_open=lambda item: not item.status.is_closed,
    )


async def _owner(api: Connection) -> str:
    """Name of whom the key belongs to. Raises like :meth:`Connection.get` when it belongs to nobody."""
    account = decode((await api.get("/users/current.json")).body, Account, "/users/current.json").user
    return account.name or account.login


def _paged(page: int, size: int) -> dict[str, str | int]:
    return {"limit": size, "offset": (page - 1) * size}


def _has_more(answer: Answer, size: int) -> bool:
    del size
    found = decode(answer.body, IssuesPage, "/issues.json")
    return found.offset + len(found.issues) < found.total_count
