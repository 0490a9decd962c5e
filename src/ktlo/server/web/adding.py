"""Add a source from the page: choose a kind, fill the form made from its options, confirm.

A ``csv`` source is looked at first, and its mapping of columns is proposed and confirmed. A source is checked
before it is added; an unreachable one is added too, and read when it is back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from ktlo.errors import UserError
from ktlo.server.checks import Checks
from ktlo.server.collecting import Collecting
from ktlo.server.runtime import Runtime
from ktlo.server.web.mapping_form import mapped_fields, mapping_from, open_questions, removed_fields, said_by
from ktlo.server.web.option_fields import option_fields, options_from, with_problem
from ktlo.server.web.rendering import render, with_message, with_query
from ktlo.sources.hooked import only_listens
from ktlo.sources.options import OptionError, asked_first
from ktlo.sources.registry import kind_of, kinds, make_source

router = APIRouter()

Given = Mapping[str, Sequence[str]]


async def _form(request: Request) -> dict[str, list[str]]:
    """What was sent, each name with all its values; files are refused."""
    sent = await request.form(max_files=0, max_fields=500)
    given: dict[str, list[str]] = {}
    for name, value in sent.multi_items():
        if isinstance(value, UploadFile):
            raise UserError("files are not taken here", fix="Give the path of a file on ktlo's machine")
        given.setdefault(name, []).append(value)
    return given


@router.get("/sources/add")
def choose(request: Request, kind: str = "") -> Response:
    """The kinds of source, or the form of one."""
    if not kind:
        return render(request, "add.html", "sources", has_twin=False, kinds=kinds())
    if kind == "webhook":
        return RedirectResponse("/sources/webhook", 303)
    return _show_form(request, kind)


def _show_form(
    request: Request, kind: str, given: Given | None = None, error: UserError | None = None
) -> Response:
    cls = kind_of(kind)
    fields = option_fields(cls.config, given)
    problem = str(error) if error else ""
    if isinstance(error, OptionError):
        fields = with_problem(fields, error)
        at_fault = next((field for field in fields if field.problem), None)
        problem = f"{at_fault.label}: {at_fault.problem}" if at_fault else str(UserError(error.said))
    first = asked_first(kind, cls.config)
    if getattr(cls, "only_listens", False) is True:
        first = [*first, "webhook_secret"]  # without it only this machine may send
    if kind == "csv":
        # The rest is proposed after a look at the file.
        fields = [field for field in fields if field.name == "file"]
    return render(
        request,
        "add_form.html",
        "sources",
        status=400 if problem else 200,
        has_twin=False,
        kind=kind,
        summary=cls.summary,
        needed=[field for field in fields if field.name in first],
        optional=[field for field in fields if field.name not in first],
        problem=problem,
    )


@router.post("/sources/add")
async def add(request: Request) -> Response:
    """Check and add a source, or show what is wrong with the form."""
    given = await _form(request)
    kind = (given.get("kind") or [""])[-1]
    cls = kind_of(kind)
    try:
        if kind == "csv":
            return await _propose(request, given)
        options = options_from(cls.config, given)
        return await _add(request, kind, options)
    except UserError as error:
        return await run_in_threadpool(_show_form, request, kind, given, error)


async def _add(request: Request, kind: str, options: Mapping[str, Any]) -> Response:
    runtime: Runtime = request.app.state.runtime
    checks: Checks = request.app.state.checks
    collecting: Collecting = request.app.state.collecting
    made = make_source(kind, options)
    await checks.check(made)
    entry = await run_in_threadpool(runtime.add_source, kind, options)
    await run_in_threadpool(collecting.start, (entry.source_id,))
    page = with_query("/sources/source", {"source": entry.source_id})
    return RedirectResponse(with_message(page, "listening" if only_listens(made) else "added"), 303)


async def _propose(request: Request, given: Given) -> Response:
    """Show how the file would be read; add it when that was confirmed."""
    from ktlo.sources.csv.propose import propose

    file = (given.get("file") or [""])[-1].strip()
    if not file:
        raise UserError("say which file", fix="Give its path on ktlo's machine")
    path = Path(file).expanduser().absolute()
    said = said_by(given)
    problem = ""
    proposal = await run_in_threadpool(propose, path, said)
    is_made_for_it = (given.get("made_for") or [""])[-1] == proposal.options["noun"]
    if "confirm" in given and is_made_for_it:
        options = {**proposal.options, "mapping": mapping_from(given)}
        if not proposal.is_ready:
            problem = "Answer the questions marked as needed first."
        else:
            try:
                return await _add(request, "csv", options)
            except UserError as error:
                problem = str(error)
    removed = removed_fields(given) if is_made_for_it else []
    page: Response = await run_in_threadpool(
        render,
        request,
        "add_mapping.html",
        "sources",
        status=400 if problem else 200,
        has_twin=False,
        proposal=proposal,
        fields=mapped_fields(proposal, removed),
        questions=open_questions(proposal),
        answers={name: values[-1] for name, values in given.items() if values},
        problem=problem,
    )
    return page
