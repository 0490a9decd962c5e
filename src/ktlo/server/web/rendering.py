"""Templates, and what every page carries: navigation with its filters, messages, progress, the JSON twin.

Views hand their values to :func:`render`. Time range and filters live in the URL and travel along the
navigation; nothing is kept in a session.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, JSONResponse

from ktlo import __version__
from ktlo.report.charts.calendar_ticks import day_label, minute_label
from ktlo.report.words import ago
from ktlo.server.parameters import CARRIED, STRETCH
from ktlo.server.web.assets import digest
from ktlo.server.web.progress import shown_progress
from ktlo.telemetry.colours import without_colours
from ktlo.wording import counted

MESSAGES = {
    "corrected": "Noted. It is in the numbers after the next collection, and learned from.",
    "withdrawn": "The correction is taken back. Rules and model decide again at the next collection.",
    "added": "Added. Its records are being read now.",
    "listening": "Added. What is sent to it is taken from now on.",
    "replayed": "Every kept webhook was read again by the options as they are now.",
    "removed": "It is no longer read. What it delivered stays in all figures until it is forgotten.",
    "forgotten": "It is no longer read, and its records are gone. Numbers follow at the next collection.",
    "deleted": "Noted: they are out of every figure. One that is read again is back. Numbers follow at the next"
    " collection.",
    "collecting": "Reading the sources.",
    "scenario_saved": "Saved. Its name is its link, and it is planned anew whenever it is looked at.",
    "scenario_deleted": "Deleted.",
    "budget_recorded": "Recorded. Quarters are held against it from that day on.",
    "budget_withdrawn": "Taken back. What was in force before it counts again.",
    "error-said": "Noted, with your name.",
    "dashboard_saved": "Saved. The file is written.",
    "debt-added": "Written down. It is in the register now, with your name.",
    "debt-changed": "Changed. What was said before stays in the journal.",
    "debt-decided": "Noted, with your name.",
    "debt-withdrawn": "Taken back. What was said stays in the journal.",
    "status_said": "Noted. Phases and durations of the past follow it from now on.",
    "status_taken_back": "Taken back. The rules decide again, for the past too.",
    "link_said": "Noted, with your name. It is in the numbers now.",
    "link_taken_back": "Taken back. The estimate decides again.",
    "name_said": "Noted. Incidents and pages of that service show its telemetry from now on.",
    "name_taken_back": "Taken back. The name is listed below again.",
    "rota_published": "In force from now on.",
    "rota_dropped": "The draft is thrown away.",
    "rota_off": "Entered. Shifts that fall into it are listed below, to be swapped or planned again.",
    "rota_wish": "Entered. The next plan follows it where nobody else pays for it.",
    "rota_taken_back": "Taken back.",
    "rota_asked": "Asked. It is in force once it is accepted and approved.",
    "rota_accepted": "Accepted. Somebody who is not part of it approves it.",
    "rota_approved": "Approved, and in force.",
    "rota_refused": "Refused. Nothing changed.",
    "rota_withdrawn": "Withdrawn. Nothing changed.",
    "rota_overtaken": "Approved too late: the shift went to somebody else meanwhile. Nothing changed.",
}
"""What a page says after something was done, by the value of the parameter ``done``."""

SHORT_SHA = 12
"""Digits of a commit on a page; the whole one is its title."""
_SHA = re.compile(r"\b([0-9a-f]{40}(?:[0-9a-f]{24})?)\b")
LONG = 25
"""Letters without a space after which a name may break."""
_LONG = re.compile(rf"(\S{{{LONG},}})")
_BEFORE_DOT = re.compile(r"(?<=[A-Za-z_>])(?=\.[A-Za-z_<])")
_BEFORE_UNDERSCORE = re.compile(r"(?<=[A-Za-z0-9])(?=_[A-Za-z0-9])")
_AFTER_SLASH = re.compile(r"(?<=[^/\s]/)(?=[^/])")


def _shown(value: Any) -> Any:
    """What a template writes: texts of services without a terminal's colours."""
    if isinstance(value, Markup):
        return Markup(without_colours(value))  # noqa: S704 - it was markup before, and only lost something
    return without_colours(value) if isinstance(value, str) else value


environment = Environment(
    loader=PackageLoader("ktlo.server.web"),
    finalize=_shown,
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _ticked(text: str) -> Markup:
    """A text in which `code` is marked by backticks, escaped."""
    parts = text.split("`")
    return Markup().join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )


def _missing(text: str) -> Markup:
    """A sentence on what is missing, as `_ticked`; where it sends the reader to Sources, it leads there."""
    return Markup('see <a href="/sources">Sources</a>').join(
        _ticked(part) for part in text.split("see Sources")
    )


def short_of(identifier: str) -> str:
    """A commit's first digits; any other identifier as it is, up to 80 characters."""
    return identifier[:SHORT_SHA] if _SHA.fullmatch(identifier) else identifier[:80]


def _fitted(text: str) -> Markup:
    """A text that fits into a column, escaped: a commit's first digits with all of it as title; long names break."""
    return Markup().join(
        Markup('<span title="{}">{}</span>').format(part, part[:SHORT_SHA])
        if place % 2
        else Markup().join(
            _breaking(piece) if at % 2 else escape(piece) for at, piece in enumerate(_LONG.split(part))
        )
        for place, part in enumerate(_SHA.split(text))
    )


def _breaking(text: str) -> Markup:
    """A dotted name that may break before its dots, a path after its slashes, what is left long before underscores."""
    places = _AFTER_SLASH if "/" in text else _BEFORE_DOT
    pieces = [
        piece
        for part in places.split(text)
        for piece in (_BEFORE_UNDERSCORE.split(part) if len(part) >= LONG else (part,))
    ]
    return Markup("<wbr>").join(escape(piece) for piece in pieces)


environment.filters["breaking"] = _breaking
environment.filters["fitted"] = _fitted
environment.filters["ticked"] = _ticked
environment.filters["missing"] = _missing
environment.filters["ago"] = ago
environment.filters["counted"] = counted
environment.filters["minute"] = minute_label
environment.filters["day"] = day_label


def parameters(request: Request) -> dict[str, list[str]]:
    """All query parameters of a request, each with all its values that are not empty."""
    given = {name: request.query_params.getlist(name) for name in request.query_params}
    return {name: [value for value in values if value] for name, values in given.items() if any(values)}


def with_query(path: str, given: Mapping[str, str | Sequence[str] | None]) -> str:
    """A URL of this site; empty values are left out, sequences repeat."""
    pairs = [
        (name, value)
        for name, values in given.items()
        for value in ([values] if isinstance(values, str) else values or ())
        if value
    ]
    return f"{path}?{urlencode(pairs)}" if pairs else path


def carried(request: Request, names: Sequence[str] = CARRIED) -> dict[str, list[str]]:
    """The parameters that navigation keeps."""
    given = parameters(request)
    return {name: given[name] for name in names if name in given}


def _message(request: Request) -> str:
    """What was done, said once: not that something goes on when it no longer does."""
    done = request.query_params.get("done", "")
    run = request.app.state.collecting.run
    if done == "collecting" and run is not None and not run.is_running:
        return "The sources were read."
    return MESSAGES.get(done, "")


def twin(request: Request) -> str:
    """URL of the present page's JSON twin."""
    path = request.url.path.rstrip("/") or "/overview"
    return with_query(f"{path}.json", {name: v for name, v in parameters(request).items() if name != "done"})


def render(
    request: Request, template: str, page: str, *, status: int = 200, has_twin: bool = True, **values: Any
) -> HTMLResponse:
    """Render one page.

    Args:
        request: for what the page carries on.
        template: file in ``templates/``.
        page: key of the page in the navigation; empty for none.
        status: HTTP status.
        has_twin: the page is there as JSON, too.
        values: what the template takes.
    """
    shared = {
        "version": __version__,
        "assets": digest(),
        "page": page,
        "carry": with_query("", carried(request)),
        "carry_stretch": with_query("", carried(request, CARRIED + STRETCH)),
        "json_href": twin(request) if has_twin else "",
        "now": dt.datetime.now(dt.UTC),
        "message": _message(request),
        "under_way": shown_progress(request, page),
    }
    text = environment.get_template(template).render({**shared, **values})
    return HTMLResponse(text, status_code=status, headers={"cache-control": "private, no-store"})


def render_twin(told: Any) -> JSONResponse:
    """The twin of a page, as JSON: of one person, and never kept by what is in between."""
    return JSONResponse(told, headers={"cache-control": "private, no-store"})


def render_fragment(template: str, **values: Any) -> HTMLResponse:
    """Render a part of a page that refreshes itself."""
    return HTMLResponse(
        environment.get_template(template).render(values), headers={"cache-control": "private, no-store"}
    )


def local_path(text: str, otherwise: str) -> str:
    """A path of this site to go back to; anything that could lead elsewhere becomes ``otherwise``."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_local else otherwise


def with_message(path: str, message: str) -> str:
    """The path with the message that the page then shows."""
    bare, _, query = path.partition("?")
    pairs = [pair for pair in query.split("&") if pair and not pair.startswith("done=")]
    return f"{bare}?{'&'.join([*pairs, f'done={message}'])}"
