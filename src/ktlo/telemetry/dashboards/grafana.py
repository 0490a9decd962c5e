"""Grafana's dashboard JSON turned into a dashboard of ours, with a sentence on everything that does not map.

Format: Grafana, "JSON model" (schemaVersion 16 and later; both the classic export and the API's envelope).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ktlo.errors import UserError
from ktlo.telemetry.dashboards.model import (
    MOST_PANELS,
    NAME,
    Band,
    Dashboard,
    Panel,
    PanelKind,
    Query,
    Variable,
)

_SHOWN = {
    "timeseries": "lines", "graph": "lines", "barchart": "lines", "heatmap": "lines",
    "stat": "number", "gauge": "number", "singlestat": "number", "bargauge": "number", "table": "table",
}  # fmt: skip
_UNITS = {
    "s": "s", "ms": "ms", "bytes": "B", "decbytes": "B", "percentunit": "share", "percent": "%", "Bps": "B per s",
    "binBps": "B per s", "reqps": "per s", "ops": "per s", "short": "", "none": "", "hertz": "Hz", "celsius": "°C",
}  # fmt: skip
_LABEL_VALUES = re.compile(r"^\s*label_values\(\s*(?:(.+?)\s*,)?\s*([A-Za-z_][\w.]*)\s*\)\s*$", re.DOTALL)
_TAG = re.compile(r"<[^>]{1,200}>")


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import.

    Attributes:
        dashboard: ours.
        left_out: what does not map, a sentence each.
    """

    dashboard: Dashboard
    left_out: tuple[str, ...]


def imported(text: str) -> Imported:
    """Turn Grafana's JSON into a dashboard.

    Raises:
        UserError: it is no dashboard of Grafana, or nothing of it maps.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"this is not JSON: {error}", fix="Export the dashboard as JSON in Grafana"
        ) from error
    if isinstance(given, dict) and isinstance(given.get("dashboard"), dict):
        given = given["dashboard"]
    if not isinstance(given, dict) or not isinstance(given.get("panels", given.get("rows")), list):
        raise UserError(
            "this is no dashboard of Grafana", fix="Export the dashboard as JSON (its classic model)"
        )
    left: list[str] = []
    variables = list(_variables(given, left))
    rows = _bands(given, left)
    if not any(row.panels for row in rows):
        raise UserError("nothing of this dashboard maps", fix="; ".join(left[:3]) or "It has no panels")
    for name in ("annotations", "links"):
        listed = given.get(name)
        entries = listed.get("list") if isinstance(listed, dict) else listed
        own = [each for each in entries or () if isinstance(each, dict) and not each.get("builtIn")]
        if own:
            left.append(f"{name.capitalize()} are not taken ({len(own)}).")
    since = str((given.get("time") or {}).get("from", "now-1h")).removeprefix("now-")
    since = re.sub(r"^(\d+)m$", r"\1min", since)
    return Imported(
        Dashboard(
            title=str(given.get("title") or "Imported")[:200],
            description=str(given.get("description") or "")[:2000],
            since=since if re.fullmatch(r"\d{1,5}(min|h|d|w)", since) else "1h",
            variables=variables[:20],
            rows=rows,
        ),
        tuple(dict.fromkeys(left)),
    )


def _variables(given: Mapping[str, Any], left: list[str]) -> Iterator[Variable]:
    for each in (given.get("templating") or {}).get("list") or ():
        name, kind = str(each.get("name", "")), str(each.get("type", ""))
        if kind == "datasource":
            continue
        if not re.match(NAME, name):
            left.append(f"The variable {name[:60]!r} has a name that is not taken.")
            continue
        label, offers_all = str(each.get("label") or "")[:100], bool(each.get("includeAll"))
        query = each.get("query")
        text = str(
            query.get("query", "") if isinstance(query, dict) else query or each.get("definition") or ""
        )
        if kind == "query" and (found := _LABEL_VALUES.match(text)):
            yield Variable(name=name, label=label, from_label=found[2], of=found[1] or "", all=offers_all)
        elif kind in ("custom", "interval") and text.strip():
            values = [part.split(" : ")[-1].strip() for part in text.split(",") if part.strip()]
            values = [value for value in values if value != "auto" and not value.startswith("$__auto")]
            yield Variable(name=name, label=label, values=values[:500] or ["5m"], all=offers_all)
        elif kind in ("constant", "textbox"):
            yield Variable(name=name, label=label, default=text[:500] or "", all=not text)
        else:
            left.append(
                f"The variable {name} ({kind}: {text[:80]}) has no choices here; it stands for every value."
            )
            yield Variable(name=name, label=label, all=True)


def _bands(given: Mapping[str, Any], left: list[str]) -> list[Band]:
    panels: list[Any] = list(given.get("panels") or ())
    panels += [
        {"type": "row", "title": row.get("title", ""), "panels": row.get("panels") or []}
        for row in given.get("rows") or ()
    ]
    bands: list[tuple[str, list[Panel]]] = [("", [])]
    total = 0
    for each in panels:
        if not isinstance(each, dict):
            continue
        inside = [each]
        if each.get("type") == "row":
            bands.append((str(each.get("title") or "")[:200], []))
            inside = [one for one in each.get("panels") or () if isinstance(one, dict)]
        for one in inside:
            panel = _panel(one, left)
            if panel is not None and total >= MOST_PANELS:
                left.append(f"Only the first {MOST_PANELS} panels are taken.")
            elif panel is not None:
                bands[-1][1].append(panel)
                total += 1
    return [Band(title=title, panels=listed) for title, listed in bands if listed]


def _panel(given: Mapping[str, Any], left: list[str]) -> Panel | None:
    kind, title = str(given.get("type", "")), str(given.get("title") or "")[:200]
    called = f"The panel {title!r}" if title else f"A panel of type {kind}"
    width = max(2, min(12, round(int((given.get("gridPos") or {}).get("w") or given.get("span", 6) * 2) / 2)))
    if kind == "text":
        content = str((given.get("options") or {}).get("content") or given.get("content") or "")
        text = _TAG.sub("", content).strip()[:20_000]
        if not text:
            left.append(f"{called} has no text; it is left out.")
            return None
        return Panel(title=title, kind=PanelKind.TEXT, width=width, text=text)
    if kind not in _SHOWN:
        left.append(f"{called} is of type {kind or 'unknown'}, which is not shown here.")
        return None
    queries = []
    for target in given.get("targets") or ():
        expression = str(target.get("expr") or "")
        if not expression.strip():
            left.append(f"{called}: a query of another datasource than Prometheus is left out.")
        elif not target.get("hide"):
            legend = str(target.get("legendFormat") or "")
            queries.append(Query(expr=expression[:20_000], legend="" if legend == "__auto" else legend[:300]))
    if len(queries) > 6:
        left.append(f"{called}: only its first 6 queries are taken.")
    if not queries:
        left.append(f"{called} asks nothing that is shown; it is left out.")
        return None
    if kind in ("heatmap", "barchart", "bargauge"):
        left.append(f"{called} is a {kind} there and {'a number' if kind == 'bargauge' else 'lines'} here.")
    if given.get("transformations"):
        left.append(f"{called}: its transformations are not applied.")
    if (given.get("alert")) or given.get("thresholds"):
        left.append(f"{called}: its thresholds and alerts are not taken.")
    unit = str(
        ((given.get("fieldConfig") or {}).get("defaults") or {}).get("unit") or given.get("format") or ""
    )
    return Panel(
        title=title,
        description=str(given.get("description") or "")[:2000],
        width=width,
        show=_SHOWN[kind],
        unit=_UNITS.get(unit, unit[:20]),
        queries=queries[:6],
    )
