"""Errors over HTTP: groups of a stretch of time, one group with its reports, and what people say of it."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ktlo.errors import UsageError
from ktlo.server.api.effort import AUTHOR
from ktlo.server.api.metrics import Running
from ktlo.server.api.telemetry import Since, Until, asked_interval
from ktlo.server.parameters import AskedRoute
from ktlo.server.runtime import Runtime
from ktlo.telemetry import error_verdicts as verdicts
from ktlo.telemetry.error_verdicts import ORDER, Judged, Said, Standing
from ktlo.telemetry.errors import (
    MOST,
    Asked,
    Listed,
    Sample,
    Spread,
    by_version,
    group,
    groups,
    one_listed,
    samples,
    spread,
    stacktrace,
)
from ktlo.telemetry.interval import Interval

router = APIRouter(prefix="/errors", tags=["errors"], route_class=AskedRoute)

Text = Annotated[str, Query(max_length=2_000)]


class ErrorSort(enum.StrEnum):
    """Orders of the list."""

    STANDING = "standing"
    COUNT = "count"
    LAST = "last"
    FIRST = "first"


class VerdictOut(BaseModel):
    """What was said of an error."""

    said: Said
    version: str = Field(description="Version that it is resolved in; empty for as of then.")
    reason: str
    until: dt.date | None = Field(description="Last day on which it is ignored.")
    older: list[str] = Field(description="Versions before it: their reports are no regression.")
    author: str
    said_at: dt.datetime


class ErrorOut(BaseModel):
    """One error in a stretch of time."""

    fingerprint: str = Field(description="Version of the rules of grouping, and 64 bits.")
    title: str
    type: str
    message: str = Field(description="Of the newest report.")
    culprit: str = Field(description="Frame in which it was raised; empty when unknown.")
    frames: list[str] = Field(description="Normalised frames, innermost first.")
    basis: str = Field(description="What the group rests on: own frames, frames, message or operation.")
    operation: str
    standing: Standing
    verdict: VerdictOut | None
    returned_at: dt.datetime | None = Field(description="When it came back after it was resolved.")
    issue: str = Field(description="Address of the issue that was made of it.")
    occurrences: int = Field(
        description="Reports in the stretch; what is told twice of one occurrence counts once."
    )
    traces: int = Field(description="Traces that they were in; never more than reports; estimated above 100.")
    services: list[str] = Field(description="At most 20 of them.")
    services_reporting: int = Field(description="How many reported it in the stretch.")
    versions: list[str]
    operations: int
    first_seen: dt.datetime
    first_version: str
    last_seen: dt.datetime
    last_version: str
    total: int = Field(description="Reports of all that is kept.")
    counts: list[int] = Field(description="Reports by bucket of the stretch.")

    @classmethod
    def of(cls, listed: Listed, judged: Judged) -> ErrorOut:
        """As JSON has it."""
        it, said = listed.group, judged.verdict
        return cls(
            fingerprint=it.fingerprint, title=it.title, type=it.type, message=it.message, culprit=it.culprit,
            frames=list(it.frames), basis=it.basis, operation=it.operation, standing=judged.standing,
            verdict=VerdictOut(
                said=said.said, version=said.version, reason=said.reason, until=said.until, older=list(said.older),
                author=said.author, said_at=said.said_at,
            ) if said else None,
            returned_at=judged.back.at if judged.back else None, issue=judged.issue,
            occurrences=listed.occurrences, traces=listed.traces, services=list(listed.services or it.services),
            services_reporting=listed.reporting,
            versions=list(listed.versions), operations=listed.operations, first_seen=it.first_seen,
            first_version=it.first_version, last_seen=it.last_seen, last_version=it.last_version, total=it.total,
            counts=list(listed.counts),
        )  # fmt: skip


class ErrorSpreadOut(BaseModel):
    """Where an error occurs."""

    service: str
    environment: str
    version: str
    operation: str
    occurrences: int
    traces: int
    first_seen: dt.datetime
    last_seen: dt.datetime


class SampleOut(BaseModel):
    """One report."""

    occurred_at: dt.datetime
    service: str
    version: str
    instance: str
    operation: str
    message: str
    reported_as: str = Field(description="span event, span or log.")
    trace_id: str
    span_id: str


class ErrorInFull(BaseModel):
    """One error with everything that is known."""

    error: ErrorOut
    stacktrace: str = Field(description="Of the newest report.")
    buckets: list[dt.datetime]
    by_version: dict[str, list[int]] = Field(description="Reports by bucket.")
    spread: list[ErrorSpreadOut]
    samples: list[SampleOut] = Field(
        description="Newest reports, one a span and way of reporting; those not counted, too."
    )


class ErrorVerdictIn(BaseModel):
    """What you say of an error."""

    said: Said
    version: str = Field("", max_length=500, description="Resolved in this version; empty for as of now.")
    reason: str = Field("", max_length=500, description="Needed to ignore it.")
    until: dt.date | None = Field(None, description="Last day on which it is ignored; for ever when empty.")
    author: str = Field(AUTHOR, min_length=1, max_length=500)


class IssueIn(BaseModel):
    """The issue that was made of an error."""

    url: str = Field(max_length=500, description="Its address; empty takes it back.")
    author: str = Field(AUTHOR, min_length=1, max_length=500)


def judged_groups(running: Runtime, of: Interval, asked: Asked) -> list[tuple[Listed, Judged]]:
    """Groups of a stretch, each with where it stands."""
    said, made = verdicts.verdicts(running.state), verdicts.issues(running.state)
    return [
        (
            one,
            verdicts.judge(
                running.store,
                one.group,
                of,
                said.get(one.group.fingerprint),
                made.get(one.group.fingerprint, ""),
            ),
        )
        for one in groups(running.store, of, asked)
    ]


def ordered(lines: list[tuple[Listed, Judged]], sort: ErrorSort) -> list[tuple[Listed, Judged]]:
    """Lines in the order that was asked for."""
    keys = {
        ErrorSort.STANDING: lambda line: (ORDER[line[1].standing], -line[0].occurrences),
        ErrorSort.COUNT: lambda line: -line[0].occurrences,
        ErrorSort.LAST: lambda line: -line[0].group.last_seen.timestamp(),
        ErrorSort.FIRST: lambda line: -line[0].group.first_seen.timestamp(),
    }
    return sorted(lines, key=keys[sort])


def judged_group(running: Runtime, of: Interval, fingerprint: str) -> tuple[Listed, Judged]:
    """One group in a stretch, with where it stands; its figures are zero when it did not occur.

    Raises:
        NotFoundError: there is none.
    """
    listed = one_listed(running.store, of, fingerprint)
    said = verdicts.verdicts(running.state).get(fingerprint)
    issue = verdicts.issues(running.state).get(fingerprint, "")
    return listed, verdicts.judge(running.store, listed.group, of, said, issue)


def say(running: Runtime, fingerprint: str, wanted: ErrorVerdictIn) -> None:
    """Note what a person says of an error.

    Raises:
        NotFoundError: there is none.
        UsageError: a reason is missing.
    """
    it = group(running.store, fingerprint)
    if not wanted.author.strip():
        raise UsageError("who says it?", where="author", fix="Give your name")
    author = wanted.author.strip()
    if wanted.said is Said.RESOLVED:
        verdicts.resolve(running.state, running.store, it, wanted.version.strip(), author)
    elif wanted.said is Said.IGNORED:
        verdicts.ignore(running.state, it, wanted.reason, wanted.until, author)
    else:
        verdicts.reopen(running.state, it, author)


@router.get("")
def list_errors(
    running: Running,
    since: Since = "",
    until: Until = "",
    service: Text = "",
    version: Text = "",
    environment: Text = "",
    text: Annotated[
        str, Query(alias="q", max_length=500, description="Part of type, message or frames.")
    ] = "",
    standing: Annotated[list[Standing], Query(description="Keep only these; repeat for several.")] = [],  # noqa: B006
    sort: ErrorSort = ErrorSort.STANDING,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Most errors to give.")] = 100,
) -> list[ErrorOut]:
    """Errors of a stretch of time: what came back and what is new first."""
    of = asked_interval(since, until)
    lines = ordered(judged_groups(running, of, Asked(service, version, environment, text)), sort)
    kept = [line for line in lines if not standing or line[1].standing in standing]
    return [ErrorOut.of(*line) for line in kept[:limit]]


@router.get("/{fingerprint}")
def one_error(running: Running, fingerprint: str, since: Since = "7d", until: Until = "") -> ErrorInFull:
    """One error with its stack, where it occurs, over time, and its newest reports."""
    of = asked_interval(since, until)
    listed, judged = judged_group(running, of, fingerprint)
    return ErrorInFull(
        error=ErrorOut.of(listed, judged),
        stacktrace=stacktrace(running.store, fingerprint),
        buckets=list(of.buckets),
        by_version={name: list(n) for name, n in by_version(running.store, of, fingerprint).items()},
        spread=[_spread(one) for one in spread(running.store, of, fingerprint)],
        samples=[_sample(one) for one in samples(running.store, of, fingerprint)],
    )


@router.post("/{fingerprint}/verdict", status_code=204)
def say_of_error(running: Running, fingerprint: str, wanted: ErrorVerdictIn) -> None:
    """Say that an error is resolved (in a version), ignored (with a reason), or open again."""
    say(running, fingerprint, wanted)


@router.post("/{fingerprint}/issue", status_code=204)
def link_issue(running: Running, fingerprint: str, wanted: IssueIn) -> None:
    """Say which issue was made of an error."""
    verdicts.link_issue(running.state, group(running.store, fingerprint), wanted.url, wanted.author)


def _spread(one: Spread) -> ErrorSpreadOut:
    return ErrorSpreadOut(**{name: getattr(one, name) for name in ErrorSpreadOut.model_fields})


def _sample(one: Sample) -> SampleOut:
    return SampleOut(**{name: getattr(one, name) for name in SampleOut.model_fields})
