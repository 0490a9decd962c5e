"""Pages of dashboards: the list, one with its numbers, its form, and the import of Grafana's."""

from __future__ import annotations

import itertools
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from ktlo.errors import UserError
from ktlo.report.charts import picture
from ktlo.report.dashboards import Drawing, PanelView, choices, drawn
from ktlo.report.pieces import Answer
from ktlo.report.services import stretch_text
from ktlo.server.api.metrics import Running, runtime_of
from ktlo.server.api.promql import STEPS_OF_A_PANEL, step_of
from ktlo.server.api.telemetry import asked_interval
from ktlo.server.dashboards import folder_of, metric_card
from ktlo.server.web.dashboard_form import MOST_FIELDS, changed, from_fields
from ktlo.server.web.rendering import parameters, render, with_query
from ktlo.server.web.telemetry import Text, bar_of, hrefs
from ktlo.telemetry.dashboards.files import DashboardChangedError, Stored, checked, written
from ktlo.telemetry.dashboards.grafana import imported
from ktlo.telemetry.dashboards.model import ALL, Dashboard, PanelKind
from ktlo.telemetry.interval import Interval
from ktlo.wording import counted

router = APIRouter()

Posted = Annotated[str, Form(max_length=5_000_000)]
_EMPTY: dict[str, Any] = {"title": "", "rows": [{"panels": [{"kind": "promql"}]}]}


@router.get("/dashboards")
def dashboards_page(request: Request, running: Running) -> Response:
    """Every dashboard."""
    found = folder_of(running).all()
    own = sum(not each.is_shipped for each in found)
    wrong = sum(each.dashboard is None for each in found)
    said = (
        f"{counted(len(found), 'dashboards')}, {own} of them your own"
        if own
        else f"{counted(len(found), 'dashboards')} of ktlo's own"
    )
    change = f"{wrong} cannot be shown: see below" if wrong else f"files in {folder_of(running).path}"
    return render(
        request, "dashboards.html", "dashboards", boards=found,
        answer=Answer("Which dashboards are there?", said, change=change),
    )  # fmt: skip


@router.get("/dashboards.json")
def dashboards_json(running: Running) -> Response:
    """The same as JSON."""
    from ktlo.server.api.dashboards import list_dashboards

    return JSONResponse([each.model_dump(mode="json") for each in list_dashboards(running)])


@router.get("/dashboards/new")
def new_page(request: Request) -> Response:
    """A new dashboard."""
    return _form(request, "", _EMPTY, "", "", status=200)


@router.get("/dashboards/import")
def import_page(request: Request) -> Response:
    """Where Grafana's JSON is put in."""
    return render(
        request, "dashboard_import.html", "dashboards", has_twin=False, text="", name="", error="", found=None,
        answer=Answer("What of a Grafana dashboard can be taken?", "Paste its JSON; nothing is written yet"),
    )  # fmt: skip


@router.post("/dashboards/import")
async def import_posted(request: Request, text: Posted = "") -> Response:
    """What came of it, as a form that can still be changed."""
    try:
        found = imported(text)
    except UserError as error:
        return render(
            request, "dashboard_import.html", "dashboards", has_twin=False, status=400, text=text[:1_000_000],
            error=str(error), answer=Answer("What of a Grafana dashboard can be taken?", "Nothing of this"),
        )  # fmt: skip
    said = found.dashboard.model_dump(mode="json", exclude_defaults=True)
    return _form(request, "", said, "", "", status=200, left_out=found.left_out)


@router.get("/dashboards/{name}.json")
def dashboard_json(
    request: Request, running: Running, name: str, since: Text = "", until: Text = ""
) -> Response:
    """A dashboard and the rows of its panels as JSON."""
    stored, of, views, chosen = _answered(request, running, name, since, until)
    assert stored.dashboard is not None  # noqa: S101 - _answered raises
    return JSONResponse(
        {
            "name": stored.name, "dashboard": stored.dashboard.model_dump(mode="json", exclude_defaults=True),
            "start": of.start.isoformat(), "end": of.end.isoformat(),
            "variables": {each.variable.name: each.value for each in chosen},
            "panels": [_panel_json(view) for band in views for view in band],
        }
    )  # fmt: skip


def _panel_json(view: PanelView) -> dict[str, Any]:
    tables = [chart.table() for chart in view.charts] + ([view.table] if view.table else [])
    return {
        "title": view.panel.title, "kind": view.panel.kind.value, "problem": view.problem,
        "value": view.card.value if view.card else "",
        "tables": [
            {
                "columns": [heading.title for heading in table.headings],
                "rows": [[_plain(cell) for cell in row.cells] for row in table.rows],
            }
            for table in tables
        ],
    }  # fmt: skip


def _plain(cell: Any) -> Any:
    return cell.isoformat() if hasattr(cell, "isoformat") else cell


@router.get("/dashboards/{name}")
def dashboard_page(
    request: Request, running: Running, name: str, since: Text = "", until: Text = ""
) -> Response:
    """One dashboard with its numbers."""
    stored, of, views, chosen = _answered(request, running, name, since, until)
    board = stored.dashboard
    assert board is not None  # noqa: S101 - _answered raises
    given = {key: values[-1] for key, values in parameters(request).items() if key != "done"}
    given["since"] = since or board.since
    wrong = sum(bool(view.problem) for band in views for view in band)
    values = [each.value for each in chosen if each.value and each.value != ALL]
    said = f"{board.title}: {', '.join(values)}" if values else board.title
    unanswered = f"; {counted(wrong, 'panels')} cannot be answered" if wrong else ""
    change = f"{stretch_text(of)}{unanswered}"
    return render(
        request,
        "dashboard.html",
        "dashboards",
        stored=stored,
        board=board,
        bands=[
            (row, [(view, [picture(chart) for chart in view.charts]) for view in band])
            for row, band in zip(board.rows, views, strict=True)
        ],
        chosen=chosen,
        bar=bar_of(f"/dashboards/{name}", given, of),
        answer=Answer(board.description or "What does it show?", said, change=change),
    )


def _answered(
    request: Request, running: Any, name: str, since: str, until: str
) -> tuple[Stored, Interval, list[list[PanelView]], list[Any]]:
    stored = folder_of(running).one(name)
    if stored.dashboard is None:
        first = stored.remarks[0]
        raise UserError(
            first.what, where=f"{name}.yaml, line {first.line}", fix="Mend the file, or edit it here"
        )
    board = stored.dashboard
    of = asked_interval(since or board.since, until)
    given = {
        key.removeprefix("var-"): value
        for key, value in request.query_params.items()
        if key.startswith("var-")
    }
    chosen = choices(running.store, board, of, given)
    on = Drawing(
        running.store,
        of,
        step_of("", Interval(of.start, of.end), STEPS_OF_A_PANEL),
        {each.variable.name: each.value for each in chosen},
        hrefs(since or board.since, until),
        lambda panel: metric_card(running, panel),
    )
    views = [
        [drawn(panel, f"panel-{row}-{place}", on) for place, panel in enumerate(band.panels)]
        for row, band in enumerate(board.rows)
    ]
    return stored, of, views, chosen


@router.get("/dashboards/{name}/edit")
def edit_page(request: Request, running: Running, name: str, form: Text = "") -> Response:
    """The form of a dashboard; ``form=yaml`` for its text."""
    folder = folder_of(running)
    stored = folder.one(name)
    text = folder.text(name)
    if form == "yaml" or stored.dashboard is None:
        return _yaml(request, name, text, stored.digest, tuple(stored.remarks), status=200)
    said = stored.dashboard.model_dump(mode="json", exclude_defaults=True)
    return _form(request, name, said, stored.digest, "", status=200)


@router.post("/dashboards/edit")
async def edit_posted(request: Request) -> Response:
    """Change the form, or save what it says."""
    fields = await request.form(max_fields=MOST_FIELDS)
    pairs = [(key, value) for key, value in fields.multi_items() if isinstance(value, str)]
    plain = dict(pairs)
    running = runtime_of(request)
    name, before, digest = plain.get("name", "").strip(), plain.get("before", ""), plain.get("digest", "")
    act = plain.get("act", "save")
    if "yaml" in plain:
        return await _saved_yaml(request, running, name, plain["yaml"].replace("\r\n", "\n"), digest)
    said = changed(from_fields(pairs), act)
    if act != "save":
        return _form(request, before, said, digest, name, status=200)
    try:
        board = Dashboard.model_validate(said)
    except ValidationError as error:
        told = tuple(
            f"{_place(each['loc'])}: {str(each['msg']).removeprefix('Value error, ')}"
            for each in error.errors()
        )
        return _form(request, before, said, digest, name, status=400, errors=told)
    text = written(board)
    remarks = checked(text)[1]
    if remarks and not plain.get("anyway"):
        return _form(
            request, before, said, digest, name, status=400, errors=tuple(each.what for each in remarks)
        )
    try:
        await run_in_threadpool(folder_of(running).save, name, text, digest if name == before else "")
    except DashboardChangedError as error:
        return _form(request, before, said, digest, name, status=409, errors=(str(error),))
    except UserError as error:
        return _form(request, before, said, digest, name, status=400, errors=(str(error),))
    return RedirectResponse(with_query(f"/dashboards/{name}", {"done": "dashboard_saved"}), 303)


async def _saved_yaml(request: Request, running: Any, name: str, text: str, digest: str) -> Response:
    board, remarks = checked(text)
    if board is None:
        return _yaml(request, name, text, digest, remarks, status=400)
    try:
        await run_in_threadpool(folder_of(running).save, name, text, digest)
    except UserError as error:
        status = 409 if isinstance(error, DashboardChangedError) else 400
        return _yaml(request, name, text, digest, (), status=status, error=str(error))
    return RedirectResponse(with_query(f"/dashboards/{name}", {"done": "dashboard_saved"}), 303)


def _place(path: tuple[int | str, ...]) -> str:
    """``row 1, panel 2, title`` of a path into the model."""
    words = {"rows": "row", "panels": "panel", "queries": "expression", "variables": "variable"}
    said = [f"{words.get(str(a), a)} {b + 1}" for a, b in itertools.pairwise(path) if isinstance(b, int)]
    return (
        ", ".join([*said, *(str(path[-1]) for _ in [0] if path and isinstance(path[-1], str))])
        or "the dashboard"
    )


def _form(
    request: Request,
    before: str,
    said: dict[str, Any],
    digest: str,
    name: str,
    *,
    status: int,
    errors: tuple[str, ...] = (),
    left_out: tuple[str, ...] = (),
) -> Response:
    from ktlo.metrics.registry import definitions

    return render(
        request,
        "dashboard_edit.html",
        "dashboards",
        status=status,
        has_twin=False,
        before=before,
        name=name or before,
        said=said,
        digest=digest,
        errors=errors,
        left_out=left_out,
        kinds=[each.value for each in PanelKind],
        metrics=[(each.name, each.title) for each in definitions().values()],
        answer=Answer(
            "What should it show?", f"Changing {before}" if before else "A new dashboard",
            change="nothing is written before you save",
        ),
    )  # fmt: skip


def _yaml(
    request: Request,
    name: str,
    text: str,
    digest: str,
    remarks: tuple[Any, ...],
    *,
    status: int,
    error: str = "",
) -> Response:
    return render(
        request, "dashboard_yaml.html", "dashboards", status=status, has_twin=False, name=name, text=text,
        digest=digest, remarks=remarks, error=error,
        answer=Answer("What should it show?", f"The file {name}.yaml", change="nothing is written before you save"),
    )  # fmt: skip
