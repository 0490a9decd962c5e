"""What each deployment brought: the commits between the one before and this one, and their pull requests.

Commits are those that this deployment's history has and that of the previous deployment of the same service and
environment has not; of a service with ``paths``, those that touch them. A commit that the history does not have is
looked for as what merged a pull request, then by tree and patch among the mirror's objects.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from ktlo.delivery.equivalents import MOST, Objects
from ktlo.delivery.history import History
from ktlo.delivery.requests import Requests
from ktlo.delivery.uniting import LIVE, Claim, names_of
from ktlo.records.delivery import DeployedChange, ServiceDeployment

ROLLBACK = dt.timedelta(hours=24)
"""A deployment that is taken back within this time has failed (DORA: it needed remediation)."""
_NO_COMMIT = "no source tells its commit, and its version is no tag of the repository"


@dataclass(slots=True)
class Repository:
    """What is known of one repository.

    Attributes:
        history: its commits.
        requests: its pull requests.
        objects: git itself; ``None`` when ktlo reads no clone of it.
    """

    history: History
    requests: Requests
    objects: Objects | None = None
    _found: dict[str, tuple[str, str]] = field(default_factory=dict)

    def find(self, sha: str) -> tuple[str, str]:
        """The commit of the history that stands for a deployed one, and how it was found (or why not)."""
        if sha not in self._found:
            self._found[sha] = self._find(sha)
        return self._found[sha]

    def _find(self, sha: str) -> tuple[str, str]:
        whole = self.history.whole(sha)
        if whole:
            return whole, ""
        merged = self.requests.merged_as(sha)
        if merged and (whole := self.history.whole(merged[0])):
            return whole, f"{sha[:8]} is in no branch; request {merged[1]} was merged as {whole[:8]}"
        twin = self.objects.twin(sha, self.history) if self.objects and self.history.commits else None
        if twin:
            return twin.sha, f"{sha[:8]} is in no branch; {twin.sha[:8]} is the {twin.how}"
        return "", f"its commit {sha[:8]} is not among those that ktlo reads (refs: all reads other branches)"


@dataclass(frozen=True, slots=True)
class Contents:
    """Deployments, and the changes in them."""

    deployments: tuple[ServiceDeployment, ...]
    changes: tuple[DeployedChange, ...]


def contents(
    claims: Iterable[Claim],
    repository: Callable[[str], Repository | None],
    touching: Callable[[str, str], frozenset[str] | None] = lambda _service, _repository: None,
) -> Contents:
    """Work out what every deployment brought.

    Args:
        claims: united ones.
        repository: gives what is known of a repository; ``None`` when nothing is.
        touching: gives the commits of a repository that touch a service's paths; ``None`` when all of them count.
    """
    streams: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        streams[claim.subject[0], claim.environment.strip().casefold()].append(claim)
    deployments: list[ServiceDeployment] = []
    changes: list[DeployedChange] = []
    for stream in streams.values():
        for deployment, brought in _stream(
            sorted(stream, key=lambda one: (one.at, one.key)), repository, touching
        ):
            deployments.append(deployment)
            changes += brought
    return Contents(tuple(sorted(deployments, key=lambda one: (one.at, one.deployment_id))), tuple(changes))


@dataclass(slots=True)
class _Ahead:
    """What had been deployed so far in a stream."""

    names: set[str] = field(default_factory=set)
    last: frozenset[str] = frozenset()
    id: str = ""
    sha: str = ""
    brought: set[str] = field(default_factory=set)


def _stream(
    stream: list[Claim],
    repository: Callable[[str], Repository | None],
    touching: Callable[[str, str], frozenset[str] | None],
) -> list[tuple[ServiceDeployment, list[DeployedChange]]]:
    made: list[tuple[ServiceDeployment, list[DeployedChange]]] = []
    ahead = _Ahead()
    for claim in stream:
        row = _row(claim, ahead)
        brought: list[DeployedChange] = []
        if claim.is_live:
            row, brought = _with_contents(row, claim, ahead, repository(claim.repository), touching)
            ahead.last = names_of(claim)
            ahead.names |= ahead.last
        made.append((row, brought))
    following: ServiceDeployment | None = None
    for place in range(len(made) - 1, -1, -1):
        row, brought = made[place]
        if following is not None:
            back = following.at if following.is_rollback and following.at - row.at < ROLLBACK else None
            made[place] = replace(row, next_at=following.at, rolled_back_at=back), brought
        if row.status in LIVE:
            following = row
    return made


def _row(claim: Claim, ahead: _Ahead) -> ServiceDeployment:
    names = names_of(claim)
    been = bool(names & ahead.names) and not names & ahead.last
    return ServiceDeployment(
        deployment_id=claim.key, service=claim.service, team=claim.team, repository=claim.repository,
        environment=claim.environment, is_production=claim.is_production, version=claim.version, sha=claim.sha,
        status=claim.status, basis=str(claim.basis), source=claim.source, external_id=claim.external_id,
        told_by=claim.told_by, actor=claim.actor, started_at=claim.started_at, at=claim.at, url=claim.url,
        is_rollback=claim.is_rollback or been, rolled_back_at=None, next_at=None, previous_id="", previous_sha="",
        changes=None, taken_back=None, contents_note="", message=claim.message, image=claim.image,
    )  # fmt: skip


def _with_contents(
    row: ServiceDeployment,
    claim: Claim,
    ahead: _Ahead,
    known: Repository | None,
    touching: Callable[[str, str], frozenset[str] | None],
) -> tuple[ServiceDeployment, list[DeployedChange]]:
    if not claim.sha:
        return replace(row, contents_note=_NO_COMMIT), []
    if known is None or not known.history.commits:
        where = claim.repository or "its repository"
        return replace(row, contents_note=f"ktlo does not read the commits of {where}"), []
    sha, note = known.find(claim.sha)
    if not sha:
        return replace(row, contents_note=note), []
    row = replace(row, sha=claim.sha if len(claim.sha) >= 40 else sha)
    before, before_id = ahead.sha, ahead.id
    ahead.sha, ahead.id = sha, row.deployment_id
    if not before:
        note = note or "the first deployment whose commit is known: there is nothing to compare it with"
        return replace(row, contents_note=note), []
    new, gone = known.history.between(before, sha)
    new, gone = _without_twins(known, new, gone)
    only = touching(claim.service, claim.repository)
    new = [one for one in new if only is None or one in only]
    gone = [one for one in gone if only is None or one in only]
    back = bool(gone) and (row.is_rollback or not new)
    brought = []
    for one in new:
        commit = known.history.commits[one]
        if commit.is_merge:
            continue
        brought.append(_change(row, known, one, one in ahead.brought))
    ahead.brought |= {one.sha for one in brought}
    row = replace(
        row,
        is_rollback=back,
        previous_id=before_id,
        previous_sha=before,
        changes=len(brought),
        taken_back=sum(not known.history.commits[one].is_merge for one in gone),
        contents_note=note,
    )
    return row, brought


def _without_twins(known: Repository, new: list[str], gone: list[str]) -> tuple[list[str], list[str]]:
    """Without the commits that are on both sides under two names: cherry-picked and rebased ones."""
    if not new or not gone or known.objects is None or len(new) > MOST or len(gone) > MOST:
        return new, gone
    patches = known.objects.patches([*new, *gone])
    ours = {patches[one] for one in new if one in patches}
    theirs = {patches[one] for one in gone if one in patches}
    return (
        [one for one in new if patches.get(one, "") not in theirs],
        [one for one in gone if patches.get(one, "") not in ours],
    )


def _change(row: ServiceDeployment, known: Repository, sha: str, again: bool) -> DeployedChange:
    commit = known.history.commits[sha]
    request, how = known.requests.of(sha)
    first = commit.authored_at
    if request is not None:
        written = known.requests.first_written(request, known.history, known.objects)
        first = min(first, written or request.created_at)
    return DeployedChange(
        deployment_id=row.deployment_id, repository=row.repository, sha=sha, subject=commit.subject,
        author=commit.author, authored_at=commit.authored_at, committed_at=commit.committed_at, first_at=first,
        merged_at=request.merged_at if request else None, change_id=request.external_id if request else "",
        change_source=request.source if request else "", matched_by=how, is_again=again,
    )  # fmt: skip
