"""The source itself: one project on GitLab, its lists one after the other, cheapest for the knowledge first.

An interrupted run leaves a position from which the next one continues. Issues that were deleted are followed after the
lists (``vanished``).
"""

from __future__ import annotations

import datetime as dt
import os
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from ktlo.errors import KtloError, UserError
from ktlo.settings.secret_reference import secret
from ktlo.sources.gitlab import hooks, mapping
from ktlo.sources.gitlab.mapping import Of
from ktlo.sources.gitlab.payloads import (
    DeploymentItem,
    EventItem,
    IssueItem,
    MergeRequestItem,
    PipelineItem,
    ProjectItem,
    ReleaseItem,
)
from ktlo.sources.gitlab.run import ProjectRun
from ktlo.sources.gitlab.vanished import follow_vanished, revisit
from ktlo.sources.hooked import Incoming, Reference, Setup, Taken, demand_token
from ktlo.sources.protocol import Batch, Drawn, Health, Missing, Revisits, Status
from ktlo.sources.rest.configured import address_like, elsewhere, horizon
from ktlo.sources.rest.connection import AbsentError, Connection, DeniedError, Manners, decode
from ktlo.sources.rest.lists import Listed, position
from ktlo.sources.rest.quota import World
from ktlo.sources.rest.revisits import PART
from ktlo.sources.rest.rows import Row

PUBLIC = "https://gitlab.com"
_PUBLIC_HOSTS = ("gitlab.com", "www.gitlab.com", "altssh.gitlab.com")
TOKEN_VARIABLES = ("GITLAB_TOKEN",)
TOKEN_ADVICE = "Make a project access token with the role Reporter and the scope read_api, and put it where `token` points"  # noqa: S105, E501


class GitLabConfig(BaseModel):
    """One project on GitLab."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    project: str = Field(description="group/name, or the project's address.")
    token: Reference = Field(
        "",
        description="Reference to an access token with scope read_api: env:NAME, file:PATH or vault:PATH#KEY."
        " Empty: GITLAB_TOKEN if set, else without (public projects only).",
    )
    webhook_secret: Reference = Field("", description="Reference to the webhook's secret token.")
    url: Annotated[str, address_like("https://gitlab.example.org")] = Field(
        PUBLIC, description="Address of GitLab; by the project's address, else gitlab.com."
    )
    since: dt.date | None = Field(
        None, description="Read what changed since this day; a year ago when not given."
    )

    @model_validator(mode="before")
    @classmethod
    def _where(cls, given: Any) -> Any:
        """A project's address says where its GitLab is, unless ``url`` does: its token goes nowhere else."""
        asked = isinstance(given, dict) and "url" not in given
        found = elsewhere(given.get("project"), _PUBLIC_HOSTS) if asked else ""
        return {**given, "url": found} if found else given

    @field_validator("project")
    @classmethod
    def _path(cls, said: str) -> str:
        path = said.strip()
        if "://" in path:
            path = urlsplit(path).path
        elif path.startswith("git@"):
            path = path.partition(":")[2]
        path = path.partition("/-/")[0].strip("/").removesuffix(".git")
        parts = path.split("/")
        if (
            len(parts) < 2
            or not all(parts)
            or set(parts) & {".", ".."}
            or not path.isprintable()
            or " " in path
        ):
            raise ValueError("expected group/name or the address of a project")
        return path


class GitLabSource:
    """One project on GitLab.

    Args:
        config: which, and with what token.
        world: time and chance; the real ones unless a test gives others.
        transport: the network unless given.
    """

    kind: ClassVar[str] = "gitlab"
    summary: ClassVar[str] = (
        "issues, incidents, merge requests, deployments, pipelines and releases from GitLab"
    )
    lasting: ClassVar[tuple[str, ...]] = ("since",)
    config: ClassVar[type[BaseModel]] = GitLabConfig
    brings: tuple[str, ...] = (
        "issues",
        "issue_events",
        "incidents",
        "incident_events",
        "changes",
        "reviews",
        "releases",
        "deployments",
        "workflow_runs",
    )
    items_change_kind: ClassVar[bool] = True
    revisits: Revisits = Revisits(("issues", "incidents", "changes"), PART)
    setup: Setup = Setup(
        where="Settings, Webhooks of the project (or group): Add new webhook",
        events=hooks.EVENTS,
        proof="Secret token with the same secret",
        kept_headers=("content-type", "x-gitlab-event", "x-gitlab-event-uuid", "x-gitlab-instance"),
    )

    def __init__(
        self,
        config: GitLabConfig,
        world: World | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = config
        self._world = world or World()
        self._transport = transport

    @property
    def source_id(self) -> str:
        """``gitlab:group/name``; with the host for another GitLab than the public one."""
        host = "" if self._config.url == PUBLIC else f"{httpx.URL(self._config.url).host}/"
        return f"gitlab:{host}{self._config.project}"

    @property
    def webhook_secret(self) -> str:
        """See :class:`ktlo.sources.hooked.Hooked`."""
        return self._config.webhook_secret

    @property
    def _of(self) -> Of:
        return Of(self.source_id, self._config.project)

    @property
    def _root(self) -> str:
        return f"/projects/{quote(self._config.project, safe='')}"

    def _connect(self) -> Connection:
        token = _token(self._config)
        headers = {"PRIVATE-TOKEN": token.get_secret_value()} if token else {}
        manners = Manners(service="GitLab", renewal=TOKEN_ADVICE, base_help="Check `url` and proxies")
        return Connection(
            f"{self._config.url}/api/v4", manners, headers, self._world, self._transport, "a minute"
        )

    async def check(self) -> Health:
        """See :meth:`ktlo.sources.protocol.Source.check`."""
        missing: list[Missing] = []
        try:
            async with self._connect() as api:
                project = await self._project(api)
                for listed in lists(self._of):
                    try:
                        await api.get(self._root + listed.path, {**listed.params, "per_page": 1, "page": 1})
                    except (DeniedError, AbsentError) as error:
                        missing.append(Missing(f"{listed.label} ({error.what})", listed.cost, listed.needs))
        except KtloError as error:
            return Health(Status.UNREACHABLE, str(error))
        if not self._config.webhook_secret:
            missing.append(
                Missing(
                    "webhook_secret",
                    "changes appear at the next reading instead of at once",
                    "Make a webhook; `ktlo sources hook` says how",
                )
            )
        is_limited = any(one.what != "webhook_secret" for one in missing)
        return Health(
            Status.LIMITED if is_limited else Status.READY,
            f"{project.path_with_namespace} can be read",
            tuple(missing),
        )

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Source.collect`."""
        async with self._connect() as api:
            at = position(cursor, horizon(self._config.since, self._world))
            run = ProjectRun(api, self._root, at, self._of)
            project = await self._project(api)
            if project.path_with_namespace.lower() != self._config.project.lower():
                run.warn(
                    self._root,
                    f"the project is called {project.path_with_namespace} now; it is read on under the name"
                    " configured. Change `project` when the clones' remotes are changed too",
                )
            issues, *others = lists(self._of)
            for listed in (issues, *others):
                async for batch in run.read(listed):
                    yield batch
            async for batch in follow_vanished(run, self._of, self._root, issues):
                yield batch

    async def revisit(self, cursor: Mapping[str, Any], drawn: Drawn) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Revisiting.revisit`."""
        async with self._connect() as api:
            at = position(cursor, horizon(self._config.since, self._world))
            run = ProjectRun(api, self._root, at, self._of)
            async for batch in revisit(run, self._of, self._root, drawn):
                yield batch

    async def _project(self, api: Connection) -> ProjectItem:
        try:
            return decode((await api.get(self._root)).body, ProjectItem, self._root)
        except (AbsentError, DeniedError) as error:
            has_token = _token(self._config) is not None
            raise UserError(
                "GitLab shows no such project" + (" to this token" if has_token else " without a token"),
                where=self._config.project,
                fix=f"Check group/name; {TOKEN_ADVICE}" if has_token else TOKEN_ADVICE,
            ) from error

    def verify(self, incoming: Incoming, key: str) -> None:
        """``X-Gitlab-Token`` carries the secret."""
        demand_token(incoming.headers.get("x-gitlab-token", ""), key)

    def name_of(self, incoming: Incoming) -> str:
        """``Idempotency-Key`` of one event, the same when it is sent again (GitLab 17.4), else its content."""
        return incoming.headers.get("idempotency-key", "") or incoming.digest

    def receive(self, incoming: Incoming) -> Taken:
        """See :meth:`ktlo.sources.hooked.Hooked.receive`."""
        try:
            return hooks.receive(incoming, self._of)
        except msgspec.DecodeError as error:
            raise UserError(f"the body is not what this source expects: {error}") from error


def lists(of: Of) -> tuple[Listed, ...]:
    """The lists of a project, in the order they are read."""
    by_change: dict[str, str | int] = {"order_by": "updated_at", "sort": "asc"}

    def rows(make: Any) -> Any:
        def of_item(item: Any) -> Iterator[tuple[str, Row]]:
            yield from make(item, of)

        return of_item

    reporter = "the role Reporter and the scope read_api"
    return (
        Listed(
            name="issues",
            label="issues",
            path="/issues",
            item=IssueItem,
            at=lambda item: item.updated_at,
            number=lambda item: int(item.iid),
            cost="no bugs and no incidents in the numbers",
            needs=reporter,
            rows=rows(mapping.issue),
            params={**by_change, "scope": "all"},
            since="updated_after",
            is_open=lambda item: item.state == "opened",
        ),
        Listed(
            name="merge_requests",
            label="merge requests",
            path="/merge_requests",
            item=MergeRequestItem,
            at=lambda item: item.updated_at,
            number=lambda item: int(item.iid),
            cost="no changes, their authors and labels",
            needs=reporter,
            rows=rows(mapping.merge_request),
            params={**by_change, "scope": "all"},
            since="updated_after",
        ),
        Listed(
            name="events",
            label="events",
            path="/events",
            item=EventItem,
            at=lambda item: item.created_at,
            number=lambda item: int(item.id),
            cost="no comments, approvals, closings and reopenings",
            needs=reporter,
            rows=rows(mapping.event),
            params={"sort": "desc"},
        ),
        Listed(
            name="deployments",
            label="deployments",
            path="/deployments",
            item=DeploymentItem,
            at=lambda item: item.updated_at,
            number=lambda item: int(item.id),
            cost="no deployments, so no change failure rate",
            needs=reporter,
            rows=rows(mapping.deployment),
            params=by_change,
            since="updated_after",
        ),
        Listed(
            name="pipelines",
            label="pipelines",
            path="/pipelines",
            item=PipelineItem,
            at=lambda item: item.updated_at,
            number=lambda item: int(item.id),
            cost="no failures of CI and their repair",
            needs=reporter,
            rows=rows(mapping.pipeline),
            params=by_change,
            since="updated_after",
        ),
        Listed(
            name="releases",
            label="releases",
            path="/releases",
            item=ReleaseItem,
            at=lambda item: item.released_at,
            number=lambda item: zlib.crc32(item.tag_name.encode()),
            cost="no releases",
            needs=reporter,
            rows=rows(mapping.release),
            params={"order_by": "released_at", "sort": "desc"},
        ),
    )


def _token(config: GitLabConfig) -> SecretStr | None:
    reference = config.token
    if reference:
        found = secret(reference).get_secret_value().strip()
    else:
        reference = next((f"env:{name}" for name in TOKEN_VARIABLES if os.environ.get(name)), "")
        found = secret(reference).get_secret_value().strip() if reference else ""
    if not found:
        return None
    if not found.isascii() or not found.isprintable() or " " in found:
        raise UserError(
            "this is not a GitLab token: it has blanks, line breaks or foreign characters",
            where=reference,
            fix="Put the token alone in one line",
        )
    return SecretStr(found)
