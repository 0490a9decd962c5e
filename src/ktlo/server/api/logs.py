"""Logs over HTTP: search by pages, what arrives, what stands around a record, volume and patterns."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ktlo.server.api.metrics import Running
from ktlo.server.api.telemetry import Since, Until, asked_interval
from ktlo.server.parameters import AskedRoute
from ktlo.server.runtime import Runtime
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.log_query import Wanted, read
from ktlo.telemetry.logs import MOST, Cursor, Record, around, arrived, patterns, present, search, volume

router = APIRouter(prefix="/logs", tags=["logs"], route_class=AskedRoute)

Text = Annotated[
    str,
    Query(
        alias="q",
        max_length=2_000,
        description='timeout service:shop severity:warn+ user.id=7 "two words" -not',
    ),
]
Limit = Annotated[int, Query(ge=1, le=MOST, description="Most records to give.")]
LIVE = "now"


class RecordOut(BaseModel):
    """A log record."""

    logged_at: str = Field(description="To the nanosecond, UTC.")
    logged_ns: int
    service: str
    version: str
    environment: str
    instance: str
    severity: str = Field(description="trace, debug, info, warn, error, fatal, or empty.")
    severity_text: str
    body: str = Field(description="What it says, as it came.")
    said: str = Field(description="The same without a terminal's colours.")
    event_name: str
    logger: str
    trace_id: str
    span_id: str
    attributes: dict[str, str]
    resource: dict[str, str]

    @classmethod
    def of(cls, given: Record) -> RecordOut:
        """As JSON has it."""
        return cls(
            logged_at=instant_text(given.logged_ns), logged_ns=given.logged_ns, service=given.service,
            version=given.version, environment=given.environment, instance=given.instance, severity=given.severity,
            severity_text=given.severity_text, body=given.body, said=given.said, event_name=given.event_name,
            logger=given.scope_name, trace_id=given.trace_id, span_id=given.span_id, attributes=dict(given.attributes),
            resource=dict(given.resource),
        )  # fmt: skip


class PageOut(BaseModel):
    """Records, and where the next ones are."""

    records: list[RecordOut]
    next: str = Field(description="Give it as cursor (or after) for what follows; empty at the end.")


class VolumeOut(BaseModel):
    """Records of one severity in one bucket."""

    at: dt.datetime
    severity: str
    records: int


class PatternOut(BaseModel):
    """Records that say the same but for numbers and quoted names."""

    template: str
    records: int
    severity: str = Field(description="The worst of them.")
    services: list[str]
    sample: str
    first_at: dt.datetime
    last_at: dt.datetime


def instant_text(nanoseconds: int) -> str:
    """``2026-11-26T11:00:00.123456789Z``."""
    whole = dt.datetime.fromtimestamp(nanoseconds // 1_000_000_000, dt.UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{nanoseconds % 1_000_000_000:09d}Z"


def stretch_of(running: Runtime, wanted: Wanted, since: str, until: str) -> Interval:
    """The stretch that is asked about; of a trace all that is kept, when nobody says when."""
    if wanted.trace and not since.strip() and not until.strip():
        now = dt.datetime.now(dt.UTC)
        kept = dt.timedelta(days=running.settings.telemetry.keep_logs_days)
        return Interval(now - kept, now + dt.timedelta(hours=1))
    return asked_interval(since, until)


@router.get("")
def find_logs(
    running: Running,
    query: Text = "",
    since: Since = "",
    until: Until = "",
    cursor: Annotated[str, Query(max_length=100, description="next of the page before.")] = "",
    limit: Limit = 100,
) -> PageOut:
    """Records that are like what is asked, newest first. Give the same stretch (as instants) for every page."""
    wanted = read(query)
    of = stretch_of(running, wanted, since, until)
    page = search(running.store, of, wanted, limit, Cursor.read(cursor) if cursor else None)
    return PageOut(records=[RecordOut.of(one) for one in page.records], next=str(page.next or ""))


@router.get("/tail")
def tail_logs(
    running: Running,
    query: Text = "",
    after: Annotated[
        str, Query(max_length=100, description="next of the answer before; now to begin.")
    ] = LIVE,
    limit: Limit = 200,
) -> PageOut:
    """Records that arrived after a place in the order of arrival, oldest first; nothing is lost or told twice."""
    wanted = read(query)
    place = present(running.store) if after == LIVE else Cursor.read(after)
    if after == LIVE:
        return PageOut(records=[], next=str(place))
    page = arrived(running.store, wanted, place, limit)
    return PageOut(records=[RecordOut.of(one) for one in page.records], next=str(page.next))


@router.get("/around")
def logs_around(
    running: Running,
    at: Annotated[int, Query(ge=0, lt=1 << 63, description="logged_ns of a record.")],
    query: Text = "",
    each: Annotated[int, Query(ge=1, le=500, description="Records before, and after.")] = 30,
) -> list[RecordOut]:
    """Records just before and after a moment, newest first; narrow them by service: and instance:."""
    return [RecordOut.of(one) for one in around(running.store, at, read(query), each)]


@router.get("/volume")
def log_volume(running: Running, query: Text = "", since: Since = "", until: Until = "") -> list[VolumeOut]:
    """How many records, by bucket of time and severity."""
    wanted = read(query)
    of = stretch_of(running, wanted, since, until)
    return [
        VolumeOut(at=v.at, severity=v.severity, records=v.records) for v in volume(running.store, of, wanted)
    ]


@router.get("/patterns")
def log_patterns(
    running: Running, query: Text = "", since: Since = "", until: Until = ""
) -> list[PatternOut]:
    """What the records say, most frequent first, without numbers and quoted names."""
    wanted = read(query)
    found = patterns(running.store, stretch_of(running, wanted, since, until), wanted)
    return [PatternOut(**{name: getattr(one, name) for name in PatternOut.model_fields}) for one in found]
