"""The source itself: the issues of one Jira that a token sees, oldest change first, then only what changed.

What cannot be told apart by the issues themselves (which statuses mean done, which field is the severity) is asked of
Jira once a run. Open issues that vanished are found once a day by holding the keys known to be open against Jira's;
ended ones by asking for known keys in turn (``revisiting``).
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
import msgspec
from pydantic import BaseModel

from ktlo.errors import KtloError, SignatureError, UserError
from ktlo.records.collection import Rejection
from ktlo.settings.secret_reference import secret
from ktlo.sources.hooked import Incoming, Setup, Taken, demand_hmac
from ktlo.sources.jira import hooks, mapping, service_desk
from ktlo.sources.jira.config import JiraConfig
from ktlo.sources.jira.mapping import ODD, READ, TABLES
from ktlo.sources.jira.payloads import (
    FieldItem,
    IssueItem,
    Myself,
    ProjectItem,
    ServerInfo,
    Status,
)
from ktlo.sources.jira.vocabulary import FIELDS, Of, Vocabulary
from ktlo.sources.jira.walk import Found, Place, changed, found, one, open_keys
from ktlo.sources.protocol import Batch, Drawn, Health, Missing, Progress, Revisits
from ktlo.sources.protocol import Status as State
from ktlo.sources.rejecting import rejection
from ktlo.sources.rest.configured import horizon
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
from ktlo.sources.rest.revisits import PART, LeftError, Revisit
from ktlo.sources.rest.rows import Row, batches
from ktlo.sources.vanishing import project
from ktlo.wording import counted

VANISHED_EVERY = dt.timedelta(days=1)
RENEWAL = (
    "Cloud: an API token of an account (https://id.atlassian.com/manage-profile/security/api-tokens) with its mail in"
    " `email`; Data Center: a personal access token. It needs to browse the projects"
)


class _Cursor(msgspec.Struct, omit_defaults=True):
    """How far it was read.

    Attributes:
        since: horizon of the first run.
        reached: changes until then are in.
        open: keys of issues that are not done, as last told.
        compared_at: when they were last held against Jira's own.
    """

    since: dt.datetime
    reached: dt.datetime
    open: set[str] = msgspec.field(default_factory=set)
    compared_at: dt.datetime | None = None


class JiraSource:
    """Issues of one Jira.

    Args:
        config: which, and with what token.
        world: time and chance; the real ones unless a test gives others.
        transport: the network unless given.
    """

    kind: ClassVar[str] = "jira"
    summary: ClassVar[str] = (
        "issues with their changelog, comments and incidents from Jira Cloud or Data Center"
    )
    lasting: ClassVar[tuple[str, ...]] = ("since",)
    config: ClassVar[type[BaseModel]] = JiraConfig
    brings: tuple[str, ...] = ("issues", "issue_events", "incidents", "incident_events", "sla_cycles")
    items_change_kind: ClassVar[bool] = True
    revisits: Revisits = Revisits(TABLES, PART)
    setup: Setup = Setup(
        where="Settings, System, WebHooks: Create a WebHook",
        events=("Issue created", "Issue updated", "Issue deleted", "Comment created", "Worklog created"),
        proof="the webhook's secret (X-Hub-Signature)",
        kept_headers=("content-type", "x-atlassian-webhook-identifier"),
    )

    def __init__(
        self,
        config: JiraConfig,
        world: World | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = config
        self._world = world or World()
        self._transport = transport

    @property
    def source_id(self) -> str:
        """``jira:HOST``; with the projects where not all are read."""
        host = urlsplit(self._config.url).netloc
        keys = ",".join(sorted(self._config.projects))
        return f"jira:{host}/{keys}" if keys else f"jira:{host}"

    @property
    def webhook_secret(self) -> str:
        """See :class:`ktlo.sources.hooked.Hooked`."""
        return self._config.webhook_secret

    def _connect(self) -> Connection:
        headers = {}
        if self._config.token:
            token = secret(self._config.token).get_secret_value().strip()
            if self._config.email:
                pair = base64.b64encode(f"{self._config.email}:{token}".encode()).decode()
                headers["Authorization"] = f"Basic {pair}"
            else:
                headers["Authorization"] = f"Bearer {token}"
        manners = Manners(service="Jira", renewal=RENEWAL, base_help="Check `url` and proxies")
        return Connection(self._config.url, manners, headers, self._world, self._transport)

    async def _place(self, api: Connection) -> tuple[Place, Of]:
        info = decode((await api.get("/rest/api/2/serverInfo")).body, ServerInfo, "/rest/api/2/serverInfo")
        is_cloud = info.deployment_type == "Cloud"
        root = "/rest/api/3" if is_cloud else "/rest/api/2"
        zone, slack = ZoneInfo("UTC"), dt.timedelta(0)
        try:
            me = decode((await api.get(f"{root}/myself")).body, Myself, f"{root}/myself")
            zone = ZoneInfo(me.time_zone)
        except (AbsentError, DeniedError, UserError, ZoneInfoNotFoundError, ValueError) as error:
            if isinstance(error, UserError) and self._config.token:
                # Jira takes a token that has expired for nobody, finds nothing, and says "not found" of each issue.
                raise
            # Nobody in particular: searches are understood in the server's zone, which is not told.
            slack = dt.timedelta(days=1)
        statuses = decode((await api.get(f"{root}/status")).body, list[Status], f"{root}/status")
        fields = decode((await api.get(f"{root}/field")).body, list[FieldItem], f"{root}/field")
        words = Vocabulary(
            {s.id: s.status_category.key for s in statuses if s.status_category},
            {s.name.lower(): s.status_category.key for s in statuses if s.status_category},
            {
                **{
                    what: tuple(f.id for name in names for f in fields if f.name.lower() == name.lower())
                    for what, names in FIELDS.items()
                },
                **{
                    what: tuple(f.id for f in fields if f.schema and f.schema.custom == kind)
                    for kind, what in service_desk.TYPES.items()
                },
            },
            frozenset(name.lower() for name in self._config.incident_types),
        )
        own = tuple(identifier for found in words.fields.values() for identifier in found)
        place = Place(api, is_cloud, zone, self._scope(), (*READ, *dict.fromkeys(own)), slack)
        return place, Of(self.source_id, self._config.url, words)

    def _scope(self) -> str:
        parts = []
        if self._config.projects:
            keys = ", ".join(f'"{key}"' for key in self._config.projects)
            parts.append(f"project in ({keys})")
        if self._config.jql:
            parts.append(f"({self._config.jql})")
        return " AND ".join(parts)

    async def check(self) -> Health:
        """See :meth:`ktlo.sources.protocol.Source.check`."""
        missing: list[Missing] = []
        try:
            async with self._connect() as api:
                place, of = await self._place(api)
                seen = await anext(changed(place, dt.datetime(1990, 1, 1, tzinfo=dt.UTC)))
        except KtloError as error:
            return Health(State.UNREACHABLE, str(error))
        if not seen.items:
            missing.append(Missing("any issue", "nothing to read", f"Check `projects` and `jql`. {RENEWAL}"))
        if "severity" not in {what for what, found in of.words.fields.items() if found}:
            missing.append(
                Missing("a field called Severity", "priority counts as severity", "Nothing, if that is right")
            )
        if not self._config.webhook_secret:
            missing.append(
                Missing(
                    "webhook_secret",
                    "changes appear at the next reading instead of at once",
                    "Make a webhook; `ktlo sources hook` says how",
                )
            )
        where = "Jira Cloud" if place.is_cloud else "Jira Data Center"
        status = State.READY if seen.items else State.LIMITED
        return Health(
            status,
            f"{where} can be read, {counted(len(of.words.categories), 'statuses')} known",
            tuple(missing),
        )

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Source.collect`."""
        at, done = self._begin(cursor), 0
        async with self._connect() as api:
            place, of = await self._place(api)
            async for found in changed(place, at.reached):
                rows, rejected = self._rows(found, of, at)
                at.reached = max(at.reached, found.reached)
                done += len(found.items)
                yield Batch(batches(rows), msgspec.to_builtins(at), rejected, Progress(done, None, "issues"))
            now = api.rest.now()
            if at.compared_at is None or now - at.compared_at >= VANISHED_EVERY:
                there = await open_keys(place)
                fresh = sorted(there - at.open)
                # Those that vanished: one that `jql` no longer finds is asked for until it ends.
                asked = self._revisit(place, of, "open issues", at.open)
                async for batch in asked.settled(sorted(at.open - there), sorted(at.open | there)):
                    yield batch
                # Open ones that have not changed since the horizon.
                for key in fresh:
                    yield await self._again(place, of, key)
                at.open |= there
                at.compared_at = now
                yield Batch({}, msgspec.to_builtins(at))

    async def revisit(self, cursor: Mapping[str, Any], drawn: Drawn) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Revisiting.revisit`."""
        async with self._connect() as api:
            place, of = await self._place(api)
            asked = self._revisit(place, of, "issues", set())
            async for batch in asked.of(*drawn.of(*TABLES)):
                yield batch

    def _revisit(self, place: Place, of: Of, label: str, known: set[str]) -> Revisit:
        """How issues are asked for by their keys.

        Args:
            place: where.
            of: whose rows they are.
            label: what they are called in sentences.
            known: keys of open issues; kept up to date.
        """

        async def whole(key: str) -> Sequence[tuple[str, Row]]:
            item = await one(place, key)
            rows = list(mapping.issue(item, of))
            if not await self._is_read(place, key, item.key):
                # Nothing would tell how it goes on.
                left = [(table, row) for table, row in rows if row.is_removal]
                raise LeftError("it was moved to a project that is not read", where=item.key, rows=left)
            known.discard(key)
            if rows[0][1].record.state == "open":
                known.add(item.key)
            # No change tells of it where the project got another key.
            former = mapping.removals(of, key) if item.key != key else []
            return [*rows, *self._levels(item, of)[0], *former]

        return Revisit(
            api=place.api,
            source=self.source_id,
            tables=TABLES,
            label=label,
            place="issues",
            group=project,
            whole=whole,
            listed=partial(found, place),
            forget=known.discard,
        )

    async def _is_read(self, place: Place, asked: str, key: str) -> bool:
        """Whether an issue that was asked for by one key and came under another is read.

        Jira knows a project by its former keys, too: one that got another key is the same project.
        """
        if self._config.reads(key):
            return True
        path = f"{place.root}/project/{project(asked)}"
        try:
            present = decode((await place.api.get(path)).body, ProjectItem, path).key
        except (AbsentError, DeniedError):
            return False
        return present == project(key) and self._config.reads(asked)

    def _begin(self, cursor: Mapping[str, Any]) -> _Cursor:
        begin = horizon(self._config.since, self._world)
        try:
            at = msgspec.convert(dict(cursor), _Cursor)
        except msgspec.ValidationError:
            with contextlib.suppress(msgspec.ValidationError, TypeError):
                # The past is to be read again, from where it was read first.
                begin = min(begin, msgspec.convert(cursor.get("since"), dt.datetime))
            return _Cursor(begin, begin)
        if self._config.since is not None and begin < at.since:
            return _Cursor(begin, begin)
        return at

    def _rows(self, found: Found, of: Of, at: _Cursor) -> tuple[list[tuple[str, Row]], tuple[Rejection, ...]]:
        rows: list[tuple[str, Row]] = []
        rejected = [self._reject("search", reason, bytes(raw)) for raw, reason in found.odd]
        rejected += [self._left_out(key, reason) for key, reason in found.too_large]
        for item in found.items:
            try:
                made = list(mapping.issue(item, of))
            except ODD as error:
                rejected.append(self._reject(item.key, f"{type(error).__name__}: {error}", b""))
                continue
            levels, odd = self._levels(item, of)
            rows += [*made, *levels]
            rejected += odd
            is_open = made[0][1].record.state == "open"
            (at.open.add if is_open else at.open.discard)(item.key)
        return rows, tuple(rejected)

    async def _again(self, place: Place, of: Of, key: str) -> Batch:
        """Rows of an issue that is open, by its key."""
        try:
            item = await one(place, key)
            rows = list(mapping.issue(item, of))
            levels, odd = self._levels(item, of)
            rows += levels
        except AbsentError:
            return Batch()
        except (UnexpectedFormError, *ODD) as error:
            return Batch(rejected=(self._reject(key, f"{type(error).__name__}: {error}", b""),))
        except OversizedError as error:
            return Batch(rejected=(self._left_out(key, error.what),))
        return Batch(batches(rows), rejected=tuple(odd))

    def _levels(self, item: IssueItem, of: Of) -> tuple[list[tuple[str, Row]], list[Rejection]]:
        """The cycles of an issue's SLAs; the issue is kept where they have an odd form."""
        try:
            return list(service_desk.cycles(item, of, mapping.former_keys(item))), []
        except ODD as error:
            reason = f"its SLAs have an unexpected form: {type(error).__name__}: {error}"
            return [], [self._reject(item.key, reason, b"")]

    def _left_out(self, key: str, reason: str) -> Rejection:
        return self._reject(key, reason, b"", "the issue alone is too large to be read and left out")

    def _reject(
        self, place: str, reason: str, raw: bytes, what: str = "an issue has an unexpected form"
    ) -> Rejection:
        now = dt.datetime.fromtimestamp(self._world.now(), dt.UTC)
        return rejection(self.source_id, place, f"{what}: {reason}", now, raw)

    def verify(self, incoming: Incoming, key: str) -> None:
        """``X-Hub-Signature: sha256=HEX`` (WebSub) of the body."""
        given = incoming.headers.get("x-hub-signature", "")
        if not given:
            raise SignatureError("the webhook carries no signature", fix="Give the webhook a secret in Jira")
        demand_hmac(incoming, key, given, prefix="sha256=")

    def name_of(self, incoming: Incoming) -> str:
        """``X-Atlassian-Webhook-Identifier``, the same when Jira tries again; else the content."""
        return incoming.headers.get("x-atlassian-webhook-identifier", "") or incoming.digest

    def receive(self, incoming: Incoming) -> Taken:
        """See :meth:`ktlo.sources.hooked.Hooked.receive`."""
        return hooks.receive(incoming, self.source_id, self._config)
