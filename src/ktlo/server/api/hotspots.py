"""Hotspots over HTTP: files by commits and complexity, and what production says of them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from ktlo.metrics.question import Question
from ktlo.planning.hot_files import DEFINITION, HotFile, HotFiles, hot_files
from ktlo.server import asking
from ktlo.server.api.metrics import Running, Values
from ktlo.telemetry.production import Ran

router = APIRouter(tags=["metrics"])

MOST = 500
_NAMES = ("from", "to", "service", "repository", "team")


def asked(
    request: Request,
    running: Running,
    from_: Annotated[str, Query(alias="from", description="Start: 2026-05-01, an age (90d), or all.")] = "",
    to: Annotated[str, Query(description="End, a bare date included; now when empty.")] = "",
    service: Values = [],  # noqa: B006 - FastAPI copies it
    repository: Values = [],  # noqa: B006
    team: Values = [],  # noqa: B006
) -> Question:
    """Read the question from the query string; the parameters are declared for OpenAPI."""
    del from_, to, service, repository, team
    given = {name: request.query_params.getlist(name) for name in _NAMES if name in request.query_params}
    return asking.question(given, running.store, running.settings)


class HotFunctionOut(BaseModel):
    """A function of a file, in the stretch."""

    service: str
    name: str
    calls: int
    errors: int
    seconds: float
    is_measured: bool = Field(description="False for sampled spans: seconds are their length.")

    @classmethod
    def of(cls, one: Ran) -> HotFunctionOut:
        """As JSON has it."""
        return cls(
            service=one.service, name=one.name, calls=one.calls, errors=one.errors, seconds=one.time_ns / 1e9,
            is_measured=one.is_measured,
        )  # fmt: skip


class ObservedOut(BaseModel):
    """What production says of a file."""

    calls: int
    errors: int
    seconds: float = Field(description="Self time; of functions that only spans tell of, the spans' length.")
    is_measured: bool = Field(description="True when all of it is self time of every call.")
    product: float = Field(description="Commits times complexity times seconds times (errors + 0.5).")
    share: float | None = Field(description="Part of the products of all observed files.")
    functions: list[HotFunctionOut] = Field(description="Most time first, at most 20.")


class HotFileOut(BaseModel):
    """A source file that people changed."""

    repository: str
    path: str
    service: str
    team: str
    commits: int
    bug_fixes: int
    complexity: float
    lines: int
    score: float = Field(description="Commits times complexity.")
    production: ObservedOut | None = Field(description="Null: not observed, which is not zero.")
    reason: str = Field(description="Why it was not observed; empty when it was.")

    @classmethod
    def of(cls, one: HotFile) -> HotFileOut:
        """As JSON has it."""
        seen = one.ran and ObservedOut(
            calls=one.ran.calls, errors=one.ran.errors, seconds=one.ran.seconds,
            is_measured=one.ran.is_measured, product=one.product or 0.0, share=one.share,
            functions=[HotFunctionOut.of(each) for each in one.ran.functions[:20]],
        )  # fmt: skip
        return cls(
            repository=one.repository, path=one.path, service=one.service, team=one.team, commits=one.commits,
            bug_fixes=one.bug_fixes, complexity=one.complexity, lines=one.lines, score=one.score,
            production=seen, reason=one.reason,
        )  # fmt: skip


class UnmatchedOut(BaseModel):
    """Functions of a service that belong to no known file."""

    service: str
    reason: str
    functions: int
    calls: int
    seconds: float
    examples: list[str]


class InferredOut(BaseModel):
    """A service whose repository the catalogue does not name, and the one that alone has the commits which ran."""

    service: str
    repository: str


class HotFilesOut(BaseModel):
    """Hotspots with production: observed files by product, then the others by score."""

    definition: str
    start: dt.datetime = Field(description="Commits are counted from here.")
    end: dt.datetime
    production_start: dt.datetime = Field(description="Production is looked at from here until now.")
    first: dt.datetime | None = Field(description="First minute that a function was told of.")
    last: dt.datetime | None
    is_cut: bool = Field(description="True when more functions ran than are looked at.")
    found: int = Field(description="Files in all; some are beyond the limit.")
    observed: int = Field(description="Of them, observed in production.")
    files: list[HotFileOut]
    not_matched: list[UnmatchedOut]
    inferred: list[InferredOut]

    @classmethod
    def of(cls, told: HotFiles, question: Question, limit: int) -> HotFilesOut:
        """As JSON has it."""
        ran = told.production
        return cls(
            definition=DEFINITION, start=question.start, end=question.end, production_start=ran.of.start,
            first=ran.first, last=ran.last, is_cut=ran.is_cut, found=len(told.files),
            observed=len(told.observed), files=[HotFileOut.of(one) for one in told.files[:limit]],
            not_matched=[
                UnmatchedOut(
                    service=one.service, reason=one.reason, functions=one.functions, calls=one.calls,
                    seconds=one.seconds, examples=list(one.examples),
                )
                for one in ran.not_matched
            ],
            inferred=[
                InferredOut(service=service, repository=repository) for service, repository in ran.inferred
            ],
        )  # fmt: skip


@router.get("/hotspots")
def list_hotspots(
    running: Running,
    question: Annotated[Question, Depends(asked)],
    limit: Annotated[int, Query(ge=1, le=5000, description="Most files to give.")] = MOST,
) -> HotFilesOut:
    """Files that change often and are complicated, with calls, errors and time of their functions in production."""
    return HotFilesOut.of(hot_files(running.store, question), question, limit)
