"""The source itself: one organization's issues, those seen since the last time, then the open ones that changed.

Sentry lists by when an issue was last seen, which a resolution does not move. So issues known to be open are asked for
by their identifiers each time; one that is no longer there was deleted or merged. Issues that ended, or came back, are
asked for by themselves, because only then Sentry tells their activity; known ones are asked for in turn by their short
identifiers (``revisiting``). The list begins with the newest: a run that was
cut off lists again, and does not ask again for what it had come past. A list of several pages is listed again until it
brings nothing that is new.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec
from pydantic import BaseModel

from ktlo.errors import KtloError, UserError
from ktlo.records.collection import Rejection
from ktlo.settings.secret_reference import secret
from ktlo.sources.hooked import Incoming, Setup, Taken, decoded, demand_hmac
from ktlo.sources.protocol import Batch, Drawn, Health, Held, Missing, Progress, Revisits, Status
from ktlo.sources.rest.configured import horizon
from ktlo.sources.rest.connection import (
    AbsentError,
    Connection,
    DeniedError,
    Manners,
    OversizedError,
    decode,
)
from ktlo.sources.rest.quota import World
from ktlo.sources.rest.revisits import LeftError, Revisit
from ktlo.sources.rest.rows import Row, batches, removal
from ktlo.sources.sentry import mapping
from ktlo.sources.sentry.config import PUBLIC, SentryConfig
from ktlo.sources.sentry.listing import Lists
from ktlo.sources.sentry.mapping import ENDED, Of
from ktlo.sources.sentry.payloads import Activity, Hook, IssueItem, Resolved
from ktlo.sources.vanishing import project

DEFAULT_HISTORY = dt.timedelta(days=90)
"""Sentry itself keeps events for 90 days."""
OVERLAP = dt.timedelta(minutes=10)
PASSES = 4
"""How often a list of several pages is gone through: what is deleted meanwhile draws another past the page turned."""
RENEWAL = "Make an organization token with the scope event:read, and put it where `token` points"


class _Walk(msgspec.Struct):
    """How far a run came that was cut off: issues last seen after ``bottom``, at ``top`` at the latest, are in."""

    top: dt.datetime
    bottom: dt.datetime

    def has(self, item: IssueItem) -> bool:
        """Whether the issue was read, and nothing was seen of it since."""
        return self.bottom < item.last_seen <= self.top


class _Cursor(msgspec.Struct, omit_defaults=True):
    """How far it was read.

    Attributes:
        since: horizon of the first run.
        reached: issues seen until then are in.
        open: short identifiers of open issues by identifier.
        walk: the run that was cut off; ``None`` when the last one ended.
    """

    since: dt.datetime
    reached: dt.datetime
    open: dict[str, str] = msgspec.field(default_factory=dict)
    walk: _Walk | None = None


class SentrySource:
    """Issues of one organization.

    Args:
        config: which, and with what token.
        world: time and chance; the real ones unless a test gives others.
        transport: the network unless given.
    """

    kind: ClassVar[str] = "sentry"
    summary: ClassVar[str] = "issues as bugs, from first seen to resolved, with regressions, from Sentry"
    config: ClassVar[type[BaseModel]] = SentryConfig
    brings: tuple[str, ...] = ("issues", "issue_events")
    revisits: Revisits = Revisits(("issues",), 1, DEFAULT_HISTORY - dt.timedelta(days=10))
    setup: Setup = Setup(
        where="Settings, Custom Integrations: an internal integration with this Webhook URL",
        events=("issue",),
        proof="the integration's client secret (Sentry-Hook-Signature)",
        kept_headers=("content-type", "sentry-hook-resource", "sentry-hook-timestamp", "request-id"),
    )

    def __init__(
        self,
        config: SentryConfig,
        world: World | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = config
        self._world = world or World()
        self._transport = transport

    @property
    def source_id(self) -> str:
        """``sentry:ORGANIZATION``; with the host for another Sentry than the public one."""
        host = "" if self._config.url == PUBLIC else f"{urlsplit(self._config.url).netloc}/"
        return f"sentry:{host}{self._config.organization}"

    @property
    def webhook_secret(self) -> str:
        """See :class:`ktlo.sources.hooked.Hooked`."""
        return self._config.webhook_secret

    @property
    def _of(self) -> Of:
        return Of(self.source_id, self._config.services)

    @property
    def _root(self) -> str:
        return f"/organizations/{self._config.organization}/issues/"

    def _connect(self) -> Connection:
        if not self._config.token:
            raise UserError("Sentry tells nothing without a token", fix=RENEWAL)
        token = secret(self._config.token).get_secret_value().strip()
        manners = Manners(service="Sentry", renewal=RENEWAL, base_help="Check `url` and proxies")
        headers = {"Authorization": f"Bearer {token}"}
        return Connection(f"{self._config.url}/api/0", manners, headers, self._world, self._transport)

    async def check(self) -> Health:
        """See :meth:`ktlo.sources.protocol.Source.check`."""
        missing = []
        if not self._config.webhook_secret:
            missing.append(
                Missing(
                    "webhook_secret",
                    "resolutions appear at the next reading instead of at once",
                    "Make an internal integration; `ktlo sources hook` says how",
                )
            )
        try:
            async with self._connect() as api:
                await api.get(self._root, {**self._query(), "limit": 1})
        except (AbsentError, DeniedError) as error:
            return Health(Status.UNREACHABLE, f"{error.what}. Check the organization. {RENEWAL}")
        except KtloError as error:
            return Health(Status.UNREACHABLE, str(error))
        return Health(Status.READY, f"{self._config.organization} can be read", tuple(missing))

    def _query(self) -> dict[str, str | int]:
        projects = " ".join(f"project:{slug}" for slug in self._config.projects)
        if len(self._config.projects) > 1:
            projects = f"project:[{','.join(self._config.projects)}]"
        return {"query": projects, "sort": "date", "statsPeriod": "90d"}

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Source.collect`."""
        at, done = self._begin(cursor), 0
        floor = at.reached - OVERLAP
        async with self._connect() as api:
            lists = Lists(api, self.source_id, self._root, self._query())
            before, newest, asked = at.walk, at.reached, dict[str, dt.datetime]()
            told = set[Rejection]()
            for times in range(PASSES):
                turned, found = 0, 0
                async for items, rejected in lists.pages(floor):
                    fresh = [
                        item
                        for item in items
                        if item.last_seen >= floor
                        and asked.get(item.id) != item.last_seen
                        and not (before and before.has(item))
                    ]
                    rows, held = await self._rows(lists, fresh, at, rejected)
                    asked |= {item.id: item.last_seen for item in fresh}
                    turned, found, done = turned + 1, found + len(fresh), done + len(fresh)
                    newest = max([newest, *(item.last_seen for item in items)])
                    oldest = min((item.last_seen for item in items), default=newest)
                    if before is None:
                        at.walk = _Walk(newest, min(oldest, at.walk.bottom) if times and at.walk else oldest)
                    elif oldest <= before.top:  # it has met what the run read that was cut off
                        at.walk = _Walk(max(newest, before.top), min(oldest, before.bottom))
                    notes = tuple(one for one in rejected if one not in told)
                    told.update(notes)
                    cursor_now, progress = msgspec.to_builtins(at), Progress(done, None, "issues")
                    yield Batch(batches(rows), cursor_now, notes, progress, held)
                if turned == 1 or not found:
                    break
            known = [identifier for identifier in at.open if identifier not in asked]
            missing: list[str] = []
            async for part, items, there, rejected in lists.by_name(known):
                rows, held = await self._rows(lists, items, at, rejected)
                yield Batch(batches(rows), None, tuple(rejected), held=held)
                missing += sorted(set(part) - there)
            async for batch in self._vanished(api, at, missing):
                yield batch
            at.reached, at.walk = newest, None
            yield Batch({}, msgspec.to_builtins(at))

    async def _vanished(self, api: Connection, at: _Cursor, missing: Sequence[str]) -> AsyncIterator[Batch]:
        """What becomes of open issues that were asked for by their identifiers and did not come."""
        names = {at.open[identifier]: identifier for identifier in missing}

        async def whole(name: str) -> Sequence[tuple[str, Row]]:
            # Sentry takes `group` and does not describe it: what it left out is asked for by itself.
            found = await self._retrieved(api, names[name])
            if found.status not in ENDED:
                return ()
            del at.open[names[name]]
            return list(mapping.issue(found, self._of))

        def forget(name: str) -> None:
            at.open.pop(names[name], None)

        asked = replace(self._asked(api, "open issues", self._root, whole), forget=forget)
        async for batch in asked.settled(list(names), list(at.open.values())):
            yield batch

    async def revisit(self, cursor: Mapping[str, Any], drawn: Drawn) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Revisiting.revisit`."""
        at, place = self._begin(cursor), f"/organizations/{self._config.organization}/shortids/"
        known, before = drawn.of("issues")

        async with self._connect() as api:

            async def whole(name: str) -> Sequence[tuple[str, Row]]:
                path = f"{place}{quote(name, safe='')}/"
                found = decode((await api.get(path)).body, Resolved, path).group
                if (found.short_id or found.id) != name:  # merged into another
                    raise LeftError("it was merged", where=path)
                if name not in before:
                    return ()
                again = await self._retrieved(api, found.id)
                if again.status not in ENDED:
                    at.open[again.id] = name
                return list(mapping.issue(again, self._of))

            async for batch in self._asked(api, "issues", place, whole).of(known, before):
                yield batch
            if before:
                yield Batch({}, msgspec.to_builtins(at))

    def _asked(
        self,
        api: Connection,
        label: str,
        place: str,
        whole: Callable[[str], Awaitable[Sequence[tuple[str, Row]]]],
    ) -> Revisit:
        """How issues are asked for one by one; they are judged by project."""
        return Revisit(
            api=api,
            source=self.source_id,
            tables=self.revisits.tables,
            label=label,
            place=place,
            whole=whole,
            group=project,
        )

    def _begin(self, cursor: Mapping[str, Any]) -> _Cursor:
        begin = horizon(self._config.since, self._world, DEFAULT_HISTORY)
        try:
            at = msgspec.convert(dict(cursor), _Cursor)
        except msgspec.ValidationError:
            return _Cursor(begin, begin)
        if self._config.since is not None and begin < at.since:
            return _Cursor(begin, begin)
        return at

    async def _rows(
        self, lists: Lists, items: Sequence[IssueItem], at: _Cursor, notes: list[Rejection]
    ) -> tuple[list[tuple[str, Row]], tuple[Held, ...]]:
        """Rows of listed issues; those that ended or were not known are retrieved, for their activity."""
        rows, missing = list[tuple[str, Row]](), list[str]()
        for item in items:
            whole = item
            if item.status in ENDED or item.id not in at.open:
                try:
                    whole = (await self._retrieved(lists.api, item.id)).with_list(item)
                except LeftError:
                    rows.append(removal("issues", self.source_id, item.short_id or item.id))
                    at.open.pop(item.id, None)
                    continue
                except AbsentError:
                    missing.append(item.short_id or item.id)
                    at.open.pop(item.id, None)
                    continue
                except OversizedError as error:
                    lost = "the issue has no history, and ended when it was last seen if it did"
                    notes.append(
                        lists.note(f"{self._root}{item.id}/", f"{error.what}. So {lost}", is_kept=True)
                    )
                except msgspec.ValidationError as error:
                    reason = f"an issue has an unexpected form: {error}"
                    notes.append(lists.note(f"{self._root}{item.id}/", reason))
                    continue
            rows += mapping.issue(whole, self._of)
            before = at.open.get(item.id)
            if before is not None and before != (item.short_id or item.id):
                # Its project got another name, or it was moved: it is one issue all the same.
                rows.append(removal("issues", self.source_id, before))
            if whole.status in ENDED:
                at.open.pop(item.id, None)
            else:
                at.open[item.id] = item.short_id or item.id
        known = [item.short_id or item.id for item in items]
        return rows, (Held(self.revisits.tables, known, missing, project),) if missing else ()

    async def _retrieved(self, api: Connection, identifier: str) -> IssueItem:
        """An issue with its activity ("Retrieve an Issue").

        Raises:
            AbsentError: it is not there, or merged into another.
            msgspec.ValidationError: it has another form than documented.
        """
        path = f"{self._root}{identifier}/"
        raw = decode((await api.get(path)).body, msgspec.Raw, path)
        found = msgspec.json.decode(raw, type=IssueItem)
        if found.id != identifier:
            raise LeftError("it was merged", where=path)
        return found

    def verify(self, incoming: Incoming, key: str) -> None:
        """``Sentry-Hook-Signature``: HMAC-SHA256 of the body, hexadecimal."""
        demand_hmac(incoming, key, incoming.headers.get("sentry-hook-signature", ""))

    def name_of(self, incoming: Incoming) -> str:
        """``Request-ID``, else the content."""
        return incoming.headers.get("request-id", "") or incoming.digest

    def receive(self, incoming: Incoming) -> Taken:
        """See :meth:`ktlo.sources.hooked.Hooked.receive`."""
        resource = incoming.headers.get("sentry-hook-resource", "issue")
        if resource != "issue":
            return Taken(resource, why_ignored="ktlo does not use this resource")
        told = decoded(incoming, Hook)
        item = told.data.issue
        if item is None:
            raise UserError("the body is not what this source expects: it holds no issue")
        slug = item.project.slug if item.project else ""
        if self._config.projects and slug not in self._config.projects:
            return Taken(f"issue.{told.action}", why_ignored=f"the project {slug} is not read")
        stamp = incoming.headers.get("sentry-hook-timestamp", "")
        at = dt.datetime.fromtimestamp(int(stamp), dt.UTC) if stamp.isdigit() else incoming.received_at
        rows = list(mapping.issue(item, self._of, at=at))
        kind = {
            "resolved": "closed",
            "archived": "closed",
            "ignored": "closed",
            "unresolved": "reopened",
        }.get(told.action)
        if kind:
            step = Activity(id="", type=told.action, date_created=at, user=told.actor)
            rows.append(("issue_events", mapping.activity(item.short_id or item.id, step, kind, self._of)))
        return Taken(f"issue.{told.action}", batches(rows))
