"""Findings over HTTP: lists, one with its story, scans that are reported, and the rolling plan of updates."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from ktlo.metrics.finding_rows import State, listed, newest_scans, tell
from ktlo.planning.updates import Past, Stride, plan_updates
from ktlo.records.findings import Scan
from ktlo.server.api.metrics import Asked, Running
from ktlo.server.scans import NewScan, keep
from ktlo.server.tables import CSV_TOO, json_rows, plain

router = APIRouter(tags=["findings"])

Limit = Annotated[int, Query(ge=1, le=100_000, description="Most findings to give.")]


class KeptScan(BaseModel):
    """What a reported scan changed."""

    scan_id: str = Field(description="Identifier; reporting the same run again changes nothing.")
    opened: int = Field(description="Findings that are new, or back.")
    resolved: int = Field(description="Findings that are gone.")
    counts: bool = Field(
        description="False for a branch, or a run older than one that is known: kept, not counted."
    )


class UpdateOut(BaseModel):
    """One step of the rolling plan."""

    week: int
    repository: str
    service: str
    team: str
    path: str
    ecosystem: str
    package: str
    version: str
    target: str
    stride: Stride
    relation: str
    scope: str
    ends: list[str]
    level: str
    libyears: float | None
    past: Past
    why: str


class StuckOut(BaseModel):
    """A package with an open finding that no update ends."""

    repository: str
    path: str
    package: str
    version: str
    rules: list[str]
    reason: str


class RollingOut(BaseModel):
    """The rolling plan."""

    updates: list[UpdateOut]
    stuck: list[StuckOut]
    per_week: int
    locked: int = Field(description="Locked versions that were looked at.")
    undated: int = Field(description="Of them, those whose releases are unknown.")


@router.get("/findings", response_model=list[dict[str, Any]])
def list_findings(running: Running, question: Asked, state: State = State.OPEN, limit: Limit = 500) -> Any:
    """Findings of one state, open and worst first; filters by service, repository, team, level and check apply."""
    return json_rows(listed(running.store, question, state, limit))


@router.get("/findings/one", response_model=dict[str, Any])
def one_finding(
    running: Running,
    repository: Annotated[str, Query(description="owner/name.")],
    fingerprint: Annotated[str, Query(description="As lists give it.")],
) -> Any:
    """One finding: its episodes, the commits that brought and ended it, versions, and where else it is open."""
    return _plain(dataclasses.asdict(tell(running.store, repository, fingerprint)))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return plain(value)


@router.get("/scans")
def list_scans(running: Running) -> list[Scan]:
    """The newest scan of each repository and set of checks."""
    return newest_scans(running.store)


@router.post("/scans", status_code=201)
def keep_scan(running: Running, scan: NewScan) -> KeptScan:
    """Keep a run of `ktlo check` (its JSON report) and settle the repository's findings.

    Only runs on the default branch open and resolve findings, and only a check that could check everything resolves.
    """
    kept, opened, resolved = keep(running.store, scan, dt.datetime.now(dt.UTC))
    return KeptScan(scan_id=kept.scan_id, opened=opened, resolved=resolved, counts=bool(kept.is_default))


@router.get("/updates", response_model=RollingOut, responses=CSV_TOO)
def rolling_plan(
    running: Running,
    question: Asked,
    per_week: Annotated[
        int, Query(ge=0, le=100, description="Updates a week and repository; 0: the setting.")
    ] = 0,
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> Any:
    """The next small updates in order of risk and gain, some each week for each repository."""
    plan = plan_updates(running.store, question, per_week or running.settings.guard.updates_per_week)
    if form == "csv":
        return PlainTextResponse(
            _csv([dataclasses.asdict(one) for one in plan.updates]),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": 'attachment; filename="updates.csv"'},
        )
    return plan


def _csv(rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    if rows:
        names = [name for name in rows[0] if name != "past"]
        writer = csv.writer(out)
        writer.writerow(names)
        for row in rows:
            writer.writerow([_safe(row[name]) for name in names])
    return out.getvalue()


def _safe(value: Any) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    text = " ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
