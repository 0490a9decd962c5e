"""One search over what a person may look for: work items, metrics, findings, services, repositories, teams."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from ktlo.metrics.choices import choices
from ktlo.metrics.finding_rows import called
from ktlo.metrics.items import find_items, titled_items
from ktlo.metrics.question import Dimension
from ktlo.metrics.registry import definitions
from ktlo.server.api.metrics import Running
from ktlo.server.web.item import item_href
from ktlo.server.web.rendering import carried, render, with_query

router = APIRouter()

MOST = 20
Asked = Annotated[str, Query(max_length=500)]


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found.

    Attributes:
        kind: what it is.
        name: as people know it.
        detail: one line more.
        href: its page.
    """

    kind: str
    name: str
    detail: str
    href: str


def _found(request: Request, running: Running, text: str) -> list[Hit]:
    text = text.strip()
    if not text:
        return []
    hits = [
        Hit("metric", each.title, each.definition, f"/definitions/{each.name}")
        for each in definitions().values()
        if text.lower() in f"{each.name} {each.title}".lower()
    ]
    kept = carried(request)
    for dimension in (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM):
        hits += [
            Hit(dimension.value, name, "", with_query("/", {**kept, dimension.value: name}))
            for name in choices(running.store, dimension, text, MOST)
        ]
    hits += [
        Hit(
            "finding",
            f"{row['rule']} in {row['package'] or row['path']} {row['version']}".strip(),
            f"{row['level']} · {row['repository']} · {row['path']} · "
            + ("fixed" if row["resolved_at"] else "tolerated" if row["tolerated"] else "open"),
            with_query("/finding", {"repository": row["repository"], "fingerprint": row["fingerprint"]}),
        )
        for row in called(running.store, text, MOST).to_pylist()
    ]
    seen = set()
    named = find_items(running.store, text, MOST).to_pylist()
    for row in named + (titled_items(running.store, text, MOST).to_pylist() if len(text) > 2 else []):
        href = item_href(row["item_kind"], row["source"], row["item_id"])
        if href not in seen:
            place = row["repository"] or row["source"]
            detail = f"{row['category'].replace('_', ' ')} · {place} · {row['item_id'][:12]}"
            hits.append(Hit(row["item_kind"], row["title"] or row["item_id"], detail, href))
            seen.add(href)
    return hits


@router.get("/search")
def search_page(request: Request, running: Running, q: Asked = "") -> Response:
    """What is called so."""
    return render(
        request, "search.html", "", q=q, hits=_found(request, running, q), kept=carried(request), most=MOST
    )


@router.get("/search.json")
def search_json(request: Request, running: Running, q: Asked = "") -> Response:
    """The same as JSON."""
    return JSONResponse([asdict(hit) for hit in _found(request, running, q)])
