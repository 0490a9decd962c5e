"""The Errors page, one error in full, and its forms: resolved, ignored, open again, the issue that was made of it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from ktlo.errors import UsageError
from ktlo.report import errors as words
from ktlo.report.charts import picture
from ktlo.server.api.errors import (
    ErrorInFull,
    ErrorSort,
    ErrorVerdictIn,
    judged_group,
    judged_groups,
    list_errors,
    one_error,
    ordered,
    say,
)
from ktlo.server.api.metrics import Running
from ktlo.server.api.telemetry import asked_interval
from ktlo.server.parameters import AskedRoute, Sought
from ktlo.server.web.rendering import render, with_message, with_query
from ktlo.server.web.telemetry import Text, bar_of, doors_of, hrefs, names_suggested
from ktlo.telemetry import deployments, error_verdicts
from ktlo.telemetry.error_verdicts import Said, Standing
from ktlo.telemetry.errors import Asked, by_version, group, samples, spread, stacktrace
from ktlo.telemetry.interval import DEFAULT
from ktlo.telemetry.observed import watch
from ktlo.telemetry.trackers import trackers

router = APIRouter(route_class=AskedRoute)

FormText = Annotated[str, Form(max_length=500)]
MOST = 200
WANTED = (Standing.REGRESSED, Standing.NEW, Standing.OPEN)
"""What the list shows when nothing else is asked: what is neither resolved nor ignored."""
TABS: tuple[tuple[str, str, tuple[Standing, ...]], ...] = (
    ("", "unsettled", WANTED),
    ("regressed", "came back", (Standing.REGRESSED,)),
    ("new", "new", (Standing.NEW,)),
    ("open", "known", (Standing.OPEN,)),
    ("resolved", "resolved", (Standing.RESOLVED,)),
    ("ignored", "ignored", (Standing.IGNORED,)),
    ("all", "all", tuple(Standing)),
)
SORTS = ((ErrorSort.STANDING, "what came back and is new"), (ErrorSort.COUNT, "reports"), (ErrorSort.LAST, "last seen"),
         (ErrorSort.FIRST, "first seen"))  # fmt: skip


@router.get("/errors")
def errors_page(
    request: Request,
    running: Running,
    since: Text = "",
    until: Text = "",
    service: Text = "",
    version: Text = "",
    text: Sought = "",
    standing: Text = "",
    sort: ErrorSort = ErrorSort.STANDING,
) -> Response:
    """Errors of a stretch, what came back and what is new first."""
    of = asked_interval(since, until)
    everything = ordered(judged_groups(running, of, Asked(service, version, "", text)), sort)
    shown = next((kept for key, _, kept in TABS if key == standing), WANTED)
    lines = [line for line in everything if line[1].standing in shown]
    reporting = {name for listed, _ in lines[:MOST] for name in listed.services}
    given = {
        "service": service, "version": version, "q": text, "standing": standing, "sort": str(sort),
        "since": since, "until": until,
    }  # fmt: skip
    return render(
        request,
        "errors.html",
        "errors",
        answer=words.answer_of(lines if standing else everything, of),
        lines=words.lines_of(lines[:MOST], of, watch(running.store, of, reporting)),
        cut=len(lines) - MOST,
        everything=len(everything),
        tabs=[
            (name, sum(1 for line in everything if line[1].standing in kept), key == standing,
             with_query("/errors", {**given, "standing": key}))
            for key, name, kept in TABS
        ],
        sorts=SORTS,
        given=given,
        names=names_suggested(running.store, of),
        bar=bar_of("/errors", given, of),
        href=hrefs(since or ("" if until else DEFAULT), until),
        known=words.known_of(of, sum(one.occurrences for one, _ in everything)),
        doors=doors_of(request),
    )  # fmt: skip


@router.get("/errors.json")
def errors_json(
    running: Running,
    since: Text = "",
    until: Text = "",
    service: Text = "",
    version: Text = "",
    text: Sought = "",
    standing: Text = "",
    sort: ErrorSort = ErrorSort.STANDING,
) -> Response:
    """The same as JSON."""
    shown = next((kept for key, _, kept in TABS if key == standing), WANTED)
    found = list_errors(running, since, until, service, version, "", text, list(shown), sort, MOST)
    return JSONResponse([one.model_dump(mode="json") for one in found])


@router.get("/errors/error")
def error_page(
    request: Request, running: Running, fingerprint: Text = "", since: Text = "7d", until: Text = ""
) -> Response:
    """One error in full."""
    of = asked_interval(since, until)
    listed, judged = judged_group(running, of, fingerprint)
    it = listed.group
    stack = stacktrace(running.store, fingerprint)
    newest = samples(running.store, of, fingerprint)
    href = hrefs(since, until)
    given = {"fingerprint": fingerprint, "since": since, "until": until}
    chart = words.chart_of(of, by_version(running.store, of, fingerprint), hrefs("", ""), fingerprint)
    own = str(request.url.replace(query=""))
    text = words.issue_text(it, listed, stack, newest, of, with_query(own, {"fingerprint": fingerprint}))
    last = newest[0] if newest else None
    around = ""
    if last is not None:
        minute = dt.timedelta(minutes=1)
        around = with_query(
            "/logs",
            {"q": f"trace:{last.trace_id}" if last.trace_id else f'service:"{last.service}"',
             "since": (last.occurred_at - minute).isoformat(), "until": (last.occurred_at + minute).isoformat()},
        )  # fmt: skip
    return render(
        request,
        "error_group.html",
        "errors",
        answer=words.group_answer(it, listed, of),
        it=it,
        listed=listed,
        judged=judged,
        standing=words.standing_words(it, judged),
        standings=[(Said.RESOLVED, "resolved"), (Said.IGNORED, "ignored"), (Said.OPEN, "open again")],
        basis=words.basis_words(it),
        picture=picture(chart) if listed.occurrences else None,
        chart=chart,
        marks=[
            mark
            for name in it.services
            for mark in deployments.marks(running.store, of, name)
            if mark.outcome != "failure"
        ][:50],
        stack=stack,
        places=words.spread_table(it, spread(running.store, of, fingerprint), href),
        newest=words.samples_table(newest, href),
        around=around,
        trackers=[
            (one.repository, one.prefilled(words.issue_title(it), text) if one.form else "")
            for one in trackers(running.store, it.services)
        ],
        issue_text=text,
        history=error_verdicts.history(running.state, fingerprint),
        bar=bar_of("/errors/error", given, of),
        known=words.known_of(of, listed.occurrences),
        today=dt.datetime.now(dt.UTC).date(),
        given=given,
    )


@router.get("/errors/error.json")
def error_json(running: Running, fingerprint: Text = "", since: Text = "7d", until: Text = "") -> ErrorInFull:
    """The same as JSON."""
    return one_error(running, fingerprint, since, until)


@router.post("/errors/verdict")
def say_verdict(
    running: Running,
    fingerprint: FormText,
    said: Annotated[Said, Form()],
    version: FormText = "",
    reason: FormText = "",
    until: FormText = "",
    author: FormText = "",
) -> Response:
    """Note what a person says of an error; then show it."""
    try:
        day = dt.date.fromisoformat(until) if until and said is Said.IGNORED else None
    except ValueError as error:
        raise UsageError(f"{until!r} is no day", where="until", fix="Write 2026-12-31") from error
    wanted = ErrorVerdictIn.model_construct(
        said=said, version=version, reason=reason, until=day, author=author
    )
    say(running, fingerprint, wanted)
    return RedirectResponse(with_message(_page(fingerprint), "error-said"), 303)


@router.post("/errors/issue")
def say_issue(running: Running, fingerprint: FormText, url: FormText = "", author: FormText = "") -> Response:
    """Note which issue was made of an error; then show it."""
    if not author.strip():
        raise UsageError("who says it?", where="author", fix="Give your name")
    error_verdicts.link_issue(running.state, group(running.store, fingerprint), url, author.strip())
    return RedirectResponse(with_message(_page(fingerprint), "error-said"), 303)


def _page(fingerprint: str) -> str:
    return with_query("/errors/error", {"fingerprint": fingerprint})
