"""One work item: its category, why, whose days it took; a form to correct it; and the list of the doubtful ones."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from ktlo.effort.corrections import correct_category, withdraw_category
from ktlo.effort.explain import Share, explain
from ktlo.effort.items import ItemKey
from ktlo.effort.phases import read_phases
from ktlo.metrics.items import address, find_items, unsure_items
from ktlo.metrics.service_levels import read_service_levels
from ktlo.records.effort import Category, ItemKind
from ktlo.report.charts import category as swatch_of
from ktlo.report.charts.svg import safe_href
from ktlo.report.phases import phases_table
from ktlo.report.pieces import Nothing
from ktlo.report.service_levels import cycles_table
from ktlo.server.api.effort import AUTHOR, ExplanationOut, explain_item
from ktlo.server.api.metrics import Running
from ktlo.server.tables import json_rows
from ktlo.server.web.emptiness import nothing_yet
from ktlo.server.web.rendering import environment, render, with_message, with_query

router = APIRouter()

Text = Annotated[str, Query(max_length=500)]
FormText = Annotated[str, Form(max_length=500)]

LAYERS = {
    "correction": "a person corrected it",
    "team_rule": "a rule of ktlo.yaml",
    "built_in_rule": "a built-in rule",
    "linked": "what it is linked to",
    "model": "the trained model",
    "none": "nothing: no rule and no confident verdict of the model",
}
"""Who decided, in words."""


def item_href(item_kind: str, source: str, item_id: str) -> str:
    """URL of an item's page."""
    return with_query("/item", {"item_kind": item_kind, "source": source, "item_id": item_id})


def _href_of(share: Share) -> str:
    return item_href(share.key.item_kind.value, share.key.source, share.key.item_id)


environment.globals["item_href"] = item_href
environment.globals["incident_href"] = lambda source, item_id: with_query(
    "/incident", {"source": source, "id": item_id}
)
environment.globals["share_href"] = _href_of


@router.get("/item")
def item_page(
    request: Request, running: Running, item_kind: ItemKind, source: Text, item_id: Text
) -> Response:
    """Why an item has its category and what it took."""
    key = ItemKey(item_kind, source, item_id)
    told = explain(running.store, running.settings.effort, key)
    levels = read_service_levels(running.store, source, item_id, dt.datetime.now(dt.UTC))
    episodes = read_phases(running.store, key)
    is_corrected = any(one.key == str(key) for one in running.state.corrections("category"))
    return render(
        request,
        "item.html",
        "effort",
        told=told,
        verdict=told.verdict,
        decided_by=LAYERS.get(str(told.verdict.layer), str(told.verdict.layer)),
        label=swatch_of(str(told.verdict.category)).label,
        url=safe_href(address(running.store, item_kind, source, item_id)),
        choices=[(each.value, swatch_of(each.value).label) for each in Category],
        is_corrected=is_corrected,
        request_type=levels.request_type,
        cycles=cycles_table(levels.cycles),
        episodes=episodes,
        phases=phases_table(episodes),
    )


@router.get("/item.json")
def item_json(running: Running, item_kind: ItemKind, source: Text, item_id: Text) -> ExplanationOut:
    """The same as JSON."""
    return explain_item(running, item_kind, source, item_id)


@router.post("/item")
def correct(
    running: Running,
    item_kind: Annotated[ItemKind, Form()],
    source: FormText,
    item_id: FormText,
    category: FormText = "",
) -> Response:
    """Correct an item's category, or take a correction back; then show the item again."""
    if category:
        correct_category(
            running.store, running.state, item_kind.value, source, item_id, category, author=AUTHOR
        )
    else:
        withdraw_category(running.state, item_kind.value, source, item_id, author=AUTHOR)
    back = item_href(item_kind.value, source, item_id)
    return RedirectResponse(with_message(back, "corrected" if category else "withdrawn"), 303)


_NO_ITEMS = Nothing(
    "No item has a category yet",
    "Items are commits, changes, issues and incidents; their categories are worked out after each collection.",
    command="ktlo sources add git PATH",
)


def _listed(running: Running, item: str, limit: int) -> list[dict[str, Any]]:
    if item:
        return json_rows(find_items(running.store, item, limit))
    return json_rows(unsure_items(running.store, limit))


@router.get("/items")
def items_page(
    request: Request, running: Running, item: Text = "", limit: Annotated[int, Query(ge=1, le=1000)] = 50
) -> Response:
    """Items by identifier, or those with much effort and little confidence."""
    items = _listed(running, item, limit)
    nothing = None if items or item else nothing_yet(running.store, _NO_ITEMS)
    return render(request, "items.html", "effort", items=items, item=item, limit=limit, nothing=nothing)


@router.get("/items.json")
def items_json(
    running: Running, item: Text = "", limit: Annotated[int, Query(ge=1, le=1000)] = 50
) -> Response:
    """The same as JSON."""
    return JSONResponse(_listed(running, item, limit))
