"""The Definitions page: every number and every record, in words, generated from the registry and the records."""

from __future__ import annotations

from itertools import groupby

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from ktlo.errors import NotFoundError
from ktlo.metrics.registry import definition, definitions
from ktlo.records import TABLES, Table
from ktlo.records.schema import Life
from ktlo.report.words import STATISTICS
from ktlo.server.api.metrics import MetricDefinition
from ktlo.server.web.links import SiteLinks
from ktlo.server.web.rendering import carried, render

router = APIRouter()


@router.get("/definitions")
def definitions_page(request: Request) -> Response:
    """All metrics by family, and all records."""
    families = groupby(definitions().values(), key=lambda each: each.family)
    tables = sorted(TABLES.values(), key=lambda table: (table.life is Life.DERIVED, table.name))
    return render(
        request,
        "definitions.html",
        "definitions",
        families=[(family.value, list(members)) for family, members in families],
        count=len(definitions()),
        tables=tables,
    )


@router.get("/definitions.json")
def definitions_json() -> list[MetricDefinition]:
    """All metrics as JSON."""
    return [MetricDefinition.of(each) for each in definitions().values()]


@router.get("/definitions/{metric}.json")
def definition_json(metric: str) -> MetricDefinition:
    """One metric as JSON."""
    return MetricDefinition.of(definition(metric))


@router.get("/definitions/{metric}")
def definition_page(request: Request, metric: str) -> Response:
    """One metric: what it is, how to read it, its SQL, and where to try it."""
    defined = definition(metric)
    links = SiteLinks(carried(request))
    return render(
        request,
        "definition.html",
        "definitions",
        defined=defined,
        headline=STATISTICS.get(defined.headline, defined.headline),
        rows_href=links.rows(metric, {}),
        json_href_api=links.data(metric, {}, "json"),
        csv_href=links.data(metric, {}, "csv"),
        tables=[TABLES[name] for name in defined.tables if name in TABLES],
    )


def _table(name: str) -> Table:
    if name not in TABLES:
        raise NotFoundError(f"there is no record called {name!r}", fix="/definitions lists them")
    return TABLES[name]


@router.get("/records/{name}.json")
def record_json(name: str) -> Response:
    """A record's columns as JSON."""
    table = _table(name)
    columns = [
        {"name": c.name, "kind": c.kind.value, "optional": c.optional, "doc": c.doc, "unit": c.unit}
        for c in table.columns
    ]
    about = {"name": table.name, "doc": table.doc, "life": table.life.value, "key": list(table.key)}
    return JSONResponse({**about, "columns": columns})


@router.get("/records/{name}")
def record_page(request: Request, name: str) -> Response:
    """One record: its columns, key and life."""
    return render(request, "record.html", "definitions", table=_table(name))
