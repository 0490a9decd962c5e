"""Sources over HTTP: what is connected, how it is doing, add and remove; and collections."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pyarrow as pa
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from ktlo.errors import UserError
from ktlo.server.api.metrics import Running
from ktlo.server.collecting import Collecting, Run
from ktlo.server.deliveries import hook_of, newest, reached_by
from ktlo.server.freshness import SourceState, rejections_of, removed_states, source_states
from ktlo.server.runtime import Records, Runtime
from ktlo.server.tables import json_rows
from ktlo.server.twice import find_twice, with_twice
from ktlo.sources.checking import health_of
from ktlo.sources.delivering import replay
from ktlo.sources.protocol import Health, Missing, Status
from ktlo.sources.registry import kinds, make_source

router = APIRouter(tags=["sources"])


class KindOut(BaseModel):
    """A kind of source that can be added."""

    kind: str
    summary: str
    options: dict[str, Any] = Field(description="JSON Schema of its options.")


class NewSource(BaseModel):
    """A source to add."""

    kind: str = Field(description="git, github, csv, or an installed one.")
    options: dict[str, Any] = Field(description="See GET /source-kinds.")
    unreachable: Literal["refuse", "add"] = Field(
        "refuse", description="What to do with a source that cannot be reached now."
    )


class MissingOut(BaseModel):
    """Something a source cannot deliver."""

    what: str
    cost: str
    fix: str

    @classmethod
    def of(cls, missing: Missing) -> MissingOut:
        """As JSON has it."""
        return cls(what=missing.what, cost=missing.cost, fix=missing.fix)


class HealthOut(BaseModel):
    """Answer of a source's check."""

    status: str
    summary: str
    missing: list[MissingOut]

    @classmethod
    def of(cls, health: Health) -> HealthOut:
        """A check's answer as JSON has it."""
        return cls(
            status=health.status,
            summary=health.summary,
            missing=[MissingOut.of(one) for one in health.missing],
        )


class AddedOut(HealthOut):
    """Answer to a source that was added: its check, and whether it is read at once."""

    source_id: str = Field(description="Identifier of the source.")
    is_being_read: bool = Field(description="A collection of it began; false where nothing runs by itself.")
    was_there: bool = Field(description="It was read before.")
    changed: list[str] = Field(description="Options that are others than before, of one that was there.")


class StepOut(BaseModel):
    """How far one part of a collection is."""

    name: str
    status: str
    done: int
    total: int | None
    unit: str
    message: str


class RunOut(BaseModel):
    """One run over the sources."""

    number: int
    started_at: dt.datetime
    finished_at: dt.datetime | None
    is_running: bool
    steps: list[StepOut]

    @classmethod
    def of(cls, run: Run) -> RunOut:
        """A run as JSON has it."""
        return cls(
            number=run.number,
            started_at=run.started_at,
            finished_at=run.finished_at,
            is_running=run.is_running,
            steps=[
                StepOut(
                    name=step.name,
                    status=step.status,
                    done=step.done,
                    total=step.total,
                    unit=step.unit,
                    message=step.message,
                )
                for step in run.steps
            ],
        )


def _collecting(request: Request) -> Collecting:
    collecting: Collecting = request.app.state.collecting
    return collecting


@router.get("/source-kinds")
def list_kinds() -> list[KindOut]:
    """Every kind of source that can be added, with its options."""
    return [
        KindOut(kind=name, summary=cls.summary, options=cls.config.model_json_schema())
        for name, cls in kinds().items()
    ]


@router.get("/sources")
def list_sources(running: Running) -> list[SourceState]:
    """What is connected, how fresh it is, what was turned away; last what removed sources left (status removed)."""
    return [*source_states(running), *removed_states(running)]


@router.post("/sources", status_code=201)
async def add_source(request: Request, running: Running, new: NewSource) -> AddedOut:
    """Add a source after checking it; a server reads it at once.

    One that cannot be reached is refused, unless asked for anyway.
    """
    health = await health_of(make_source(new.kind, new.options))
    if health.status is Status.UNREACHABLE and new.unreachable == "refuse":
        raise UserError(
            health.summary, fix="Mend it, or add it all the same (--anyway): it is then read when it is there"
        )
    known = {entry.source_id: entry.options for entry in await asyncio.to_thread(running.sources)}
    entry = await asyncio.to_thread(running.add_source, new.kind, new.options)
    await asyncio.to_thread(request.app.state.checks.keep, entry.source_id, health)
    before = known.get(entry.source_id)
    collecting = _collecting(request)
    if collecting.is_scheduled:
        await asyncio.to_thread(collecting.start, (entry.source_id,))
    return AddedOut(
        **HealthOut.of(health).model_dump(),
        source_id=entry.source_id,
        is_being_read=collecting.is_scheduled,
        was_there=before is not None,
        changed=[] if before is None else _differing(before, entry.options),
    )


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


@router.get("/sources/check")
async def check_source(
    request: Request, running: Running, source: Annotated[str, Query(description="Identifier of the source.")]
) -> HealthOut:
    """Can the source be reached, what is missing, and what does another source hold, too?"""
    made = running.source(source)
    health = await health_of(made)
    await asyncio.to_thread(request.app.state.checks.keep, made.source_id, health)
    twice = await asyncio.to_thread(find_twice, running.store)
    return HealthOut.of(with_twice(source, health, twice))


@router.delete("/sources", status_code=204)
def remove_source(
    running: Running,
    source: Annotated[str, Query(description="Identifier of the source.")],
    records: Annotated[Records, Query(description="Keep what it delivered, or forget it.")] = Records.KEEP,
) -> None:
    """Stop reading a source, and forget its records if asked to; derived numbers follow at the next collection.

    Records of a source that was removed before can still be forgotten.
    """
    running.remove_source(source, records)


@router.get("/sources/rejections", response_model=list[dict[str, Any]])
def list_rejections(
    running: Running,
    source: Annotated[str, Query(description="Identifier of the source.")],
    limit: Annotated[int, Query(ge=1, le=10_000)] = 200,
) -> Any:
    """Input that was turned away or came in incomplete, with reasons."""
    return json_rows(_known(running, source, rejections_of(running.store, source, limit)))


def _known(running: Runtime, source: str, rows: pa.Table) -> pa.Table:
    """The rows; none are no answer for a source that there is not."""
    if not rows.num_rows:
        running.demand_known(source)
    return rows


class HookOut(BaseModel):
    """How a sender of webhooks is connected, and how it goes."""

    url: str = Field(
        description="Where the sender shall send: under server.public_url, else the host this was asked by."
    )
    only_here: str = Field(
        description="What to do where that is an address of this machine only; else empty."
    )
    where: str
    events: list[str]
    proof: str
    has_secret: bool
    taken: int
    ignored: int
    refused: int
    last_at: dt.datetime | None
    paste: str = Field(description="What to paste into the sender, with the address; empty where nothing is.")


class ReplayOut(BaseModel):
    """What reading kept webhooks again brought."""

    deliveries: int
    rows: int


@router.get("/sources/hook")
def show_hook(
    request: Request,
    running: Running,
    source: Annotated[str, Query(description="Identifier of the source.")],
) -> HookOut:
    """How to connect the sender of a source's webhooks, and how many came."""
    found = hook_of(running.source(source), running.store)
    if found is None:
        raise UserError(f"{source} takes no webhooks", fix="It is read every few minutes as it is")
    base_url = (running.settings.server.public_url or str(request.base_url)).rstrip("/")
    return HookOut(
        url=f"{base_url}{found.path}",
        only_here=reached_by(base_url),
        where=found.where,
        events=list(found.events),
        proof=found.proof,
        has_secret=found.has_secret,
        taken=found.taken,
        ignored=found.ignored,
        refused=found.refused,
        last_at=found.last_at,
        paste=found.pasted(base_url),
    )


@router.get("/sources/deliveries", response_model=list[dict[str, Any]])
def list_deliveries(
    running: Running,
    source: Annotated[str, Query(description="Identifier of the source.")],
    limit: Annotated[int, Query(ge=1, le=10_000)] = 200,
) -> Any:
    """Webhooks that came, newest first: taken, ignored or refused, and why."""
    return json_rows(_known(running, source, newest(running.store, source, limit)))


@router.post("/sources/replay")
def replay_deliveries(
    running: Running, source: Annotated[str, Query(description="Identifier of the source.")]
) -> ReplayOut:
    """Read every kept webhook of a source again, by its options as they are now."""
    read, written = replay(running.source(source), running.store)
    return ReplayOut(deliveries=read, rows=written)


@router.post("/collections", status_code=202)
def begin_collection(
    request: Request,
    source: Annotated[list[str], Query(description="Only these; all when none is given.")] = [],  # noqa: B006
) -> RunOut:
    """Read the sources now, in the background."""
    return RunOut.of(_collecting(request).start(tuple(source)))


@router.get("/collections/latest")
def latest_collection(
    request: Request,
    wait: Annotated[float, Query(ge=0, le=30, description="Seconds to wait for its end.")] = 0,
) -> RunOut | None:
    """The collection that goes on, or the last one; null before the first."""
    collecting = _collecting(request)
    run = collecting.wait(wait) if wait else collecting.run
    return RunOut.of(run) if run else None
