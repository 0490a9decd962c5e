"""The rows behind a number: exactly those it was computed from, with a link to each item and its own page outside."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import pyarrow as pa
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from ktlo.metrics.ask import rows_behind, statistics
from ktlo.metrics.question import Dimension, Question
from ktlo.metrics.registry import Definition, definition
from ktlo.records.effort import ItemKind
from ktlo.report.charts.calendar_ticks import day_label, minute_label
from ktlo.report.charts.svg import safe_href
from ktlo.report.pieces import Nothing
from ktlo.report.words import estimate_text
from ktlo.server import asking
from ktlo.server.api.metrics import Running
from ktlo.server.tables import json_rows, plain
from ktlo.server.web.emptiness import why_nothing
from ktlo.server.web.filter_bar import filter_bar
from ktlo.server.web.item import item_href
from ktlo.server.web.links import SiteLinks
from ktlo.server.web.rendering import parameters, render, short_of, with_query

router = APIRouter()

Limit = Annotated[int, Query(ge=1, le=10_000)]
SHOWN = 200
LONG = 36
"""Characters beyond which a cell wraps."""

_NUMERIC = (pa.types.is_integer, pa.types.is_floating)
_MERGED = ("url", "item_kind", "item_id", "external_id", "deployment_id")
"""Columns that the first column's link stands for."""
_KIND_OF_TABLE = {"incidents": ItemKind.INCIDENT, "issues": ItemKind.ISSUE, "changes": ItemKind.CHANGE}
_FIRST = ("title", "path", "name", "text")
_WORDS = {"at": "when"}


@dataclass(frozen=True, slots=True)
class ShownColumn:
    """A column as the page shows it."""

    title: str
    is_numeric: bool
    is_long: bool
    """Has cells that should wrap."""


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row as the page shows it: its name, where it leads here and outside, its cells."""

    name: str
    href: str
    url: str
    cells: tuple[str, ...]


def _values(rows: list[dict[str, Any]], name: str) -> list[Any]:
    """A column's values as what they mean: midnights alone are days (effort is counted by days); flags are truths."""
    values = [row[name] for row in rows]
    if name.startswith("is_"):
        return [bool(value) if value in (0, 1) else value for value in values]
    moments = [value for value in values if isinstance(value, dt.datetime)]
    if any(value.time() != dt.time() for value in moments):
        return values
    return [value.date() if isinstance(value, dt.datetime) else value for value in values]


def cell_words(value: Any) -> str:
    """One value as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return minute_label(value)
    if isinstance(value, dt.date):
        return day_label(value)
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return str(plain(value))


def _kind(row: Mapping[str, Any], defined: Definition) -> str:
    said = row.get("item_kind")
    if said:
        return str(said)
    kinds = [_KIND_OF_TABLE[name] for name in defined.tables if name in _KIND_OF_TABLE]
    return kinds[0].value if len(kinds) == 1 and defined.tables[0] in _KIND_OF_TABLE else ""


def shown_rows(table: pa.Table, defined: Definition) -> tuple[list[ShownColumn], list[ShownRow]]:
    """Columns and rows as the page shows them; the first column names the row and links it."""
    names = table.column_names
    first = next((name for name in _FIRST if name in names), None)
    plain_rows = table.to_pylist()
    # Columns in which no row says anything are left out.
    cells = [
        name
        for name in names
        if name not in _MERGED
        and name != first
        and any(row[name] not in (None, "", []) for row in plain_rows)
    ]
    # When it happened comes first, where it was read from last.
    cells.sort(key=lambda name: (name != "at", name == "source"))
    words = {name: [cell_words(value) for value in _values(plain_rows, name)] for name in cells}
    columns = [
        ShownColumn(
            _WORDS.get(name, name.removeprefix("is_").replace("_", " ")),
            not name.startswith("is_") and any(test(table.schema.field(name).type) for test in _NUMERIC),
            any(len(word) > LONG for word in words[name]),
        )
        for name in cells
    ]
    rows = []
    for number, row in enumerate(plain_rows):
        identifier = str(row.get("item_id") or row.get("external_id") or "")
        kind = _kind(row, defined)
        href = item_href(kind, str(row.get("source", "")), identifier) if kind and identifier else ""
        if row.get("deployment_id"):
            href = with_query("/deployments/deployment", {"id": str(row["deployment_id"])})
        named = str(row.get(first) or "") if first else ""
        rows.append(
            ShownRow(
                name=named or short_of(identifier) or str(row.get("repository", "")) or "row",
                href=href,
                url=safe_href(str(row.get("url") or "")) or "",
                cells=tuple(words[name][number] for name in cells),
            )
        )
    return columns, rows


def _asked(request: Request, running: Running, defined: Definition) -> Question:
    """The question, without filters that the metric does not have (a link may carry some along)."""
    question = asking.question(parameters(request), running.store, running.settings)
    only = {name: values for name, values in question.only.items() if name in defined.dimensions}
    return replace(question, only=only, by=None, grain=None)


@router.get("/rows/{metric}.json")
def rows_json(request: Request, running: Running, metric: str, limit: Limit = SHOWN) -> Response:
    """The rows as JSON."""
    defined = definition(metric)
    return JSONResponse(
        json_rows(rows_behind(running.store, defined, _asked(request, running, defined), limit))
    )


@router.get("/rows/{metric}")
def rows_page(request: Request, running: Running, metric: str, limit: Limit = SHOWN) -> Response:
    """The rows of a metric in a period, with the number they make."""
    defined = definition(metric)
    question = _asked(request, running, defined)
    table = rows_behind(running.store, defined, question, limit + 1)
    columns, rows = shown_rows(table.slice(0, limit), defined)
    given = parameters(request)
    links = SiteLinks(given)
    dimensions = [d for d in defined.dimensions if d in _BAR]
    kept = [name for name in given if name == "category" and Dimension.CATEGORY in defined.dimensions]
    bar = filter_bar(running.store, f"/rows/{metric}", given, question, dimensions)
    found = statistics(running.store, defined, question)[defined.headline]
    return render(
        request,
        "rows.html",
        defined.family.value if defined.family.value != "debt" else "hotspots",
        defined=defined,
        columns=columns,
        rows=rows,
        bar=replace(bar, carry=(*bar.carry, *((name, value) for name in kept for value in given[name]))),
        nothing=None
        if rows
        else why_nothing(
            running.store,
            question,
            Nothing("No rows in this period", f"{defined.title} rests on {_tables(defined)}."),
            f"/rows/{metric}",
            (defined.family,),
        ),
        said=estimate_text(found, defined.unit, defined.headline),
        narrowed={str(name): values for name, values in question.only.items()},
        more_href=with_query(f"/rows/{metric}", {**given, "limit": str(min(limit * 5, 10_000))})
        if table.num_rows > limit and limit < 10_000
        else "",
        is_cut=table.num_rows > limit,
        csv_href=links.data(metric, {}, "csv"),
        parquet_href=links.data(metric, {}, "parquet"),
        api_href=links.data(metric, {}, "json"),
        definition_href=links.definition(metric),
    )


def _tables(defined: Definition) -> str:
    nouns = [name.replace("_", " ") for name in defined.tables]
    return nouns[0] if len(nouns) == 1 else f"{', '.join(nouns[:-1])} and {nouns[-1]}"


_BAR = (
    Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM, Dimension.SEVERITY, Dimension.LEVEL, Dimension.CHECK,
    Dimension.SLA,
)  # fmt: skip
