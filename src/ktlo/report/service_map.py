"""The map of services as something to read: a sentence, the drawing, every edge in a table, and what changed.

Large maps stay readable: what nothing tells apart (same kind, same callers, same callees) is drawn as one, and beyond
the most asked places the rest is found by search or around one service. The table always has everything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ktlo.report.charts import COUNT, SECONDS, SHARE, Head, Heading, Row, Table, written
from ktlo.report.charts.graph import Dot, Graph, Link, Shape
from ktlo.report.pieces import Answer, Known
from ktlo.report.services import PER_MINUTE, Href, rate_words, stretch_text
from ktlo.telemetry.changes import Bounded, Change, Measure
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.service_map import MOST_EDGES, Edge, Node, Place, ServiceMap, Way
from ktlo.telemetry.services import Red
from ktlo.wording import counted

MOST_DRAWN = 220
_TOGETHER_FROM = 40
"""Places from which on those that nothing tells apart are drawn as one."""
_ALIKE = 3


@dataclass(frozen=True, slots=True)
class MapView:
    """The page.

    Attributes:
        answer: first line.
        graph: the drawing.
        edges: every edge.
        changed: what is different from the stretch compared with; ``None`` when none was asked for.
        known: what it rests on.
        is_empty: nothing was reported.
    """

    answer: Answer
    graph: Graph
    edges: Table
    changed: Table | None
    known: Known
    is_empty: bool


def map_view(
    whole: ServiceMap,
    shown: ServiceMap,
    of: Interval,
    href: Href,
    *,
    focus: Place | None = None,
    changed: Sequence[Change[Way]] | None = None,
    before: Interval | None = None,
    is_too_early: bool = False,
) -> MapView:
    """Make the page.

    Args:
        whole: everything in the stretch.
        shown: the part that was asked for.
        of: the stretch.
        href: makes links.
        focus: the place it is about.
        changed: differences to ``before``; ``None`` when there are none to tell.
        before: the stretch compared with; ``None`` when none was asked for, or there was no telemetry yet.
        is_too_early: a stretch was asked for of which there is no telemetry.
    """
    calls = sum(edge.red.calls for edge in shown.edges)
    return MapView(
        Answer(
            f"What does {focus} call, and what calls it?" if focus else "Who calls whom?",
            _said(whole, shown, focus, calls),
            change=stretch_text(of)
            + (f" · {_changed_said(changed)}" if changed is not None else "")
            + (f" · {TOO_EARLY}" if is_too_early else ""),
        ),
        graph(shown, href, focus),
        edge_table(shown.edges, href),
        changes_table(changed, href) if changed is not None else None,
        Known(
            "A call is one client or producer span, with the service whose span it is the parent of; what does not"
            " report itself is known by what its callers name. Durations are the caller's. Where no client span is"
            " there, a call is counted by its answer. Calls a minute are over the time in which both ends"
            " can have reported. Dashed: only the host's name says which service was meant.",
            sample=f"{counted(calls, 'calls')}, {stretch_text(of)}"
            + (f"; compared with {stretch_text(before)}" if before else ""),
            freshness="edges follow the spans within about ten seconds, later under load; late spans correct them",
            missing=(
                "What the services sampled away before they reported it.",
                "Late spans of minutes that are older than the days spans are kept (telemetry.keep_days).",
                *(
                    (f"Edges beyond the {MOST_EDGES:,} with most calls; search, or look around one place.",)
                    if whole.is_cut
                    else ()
                ),
            ),
            source="OpenTelemetry semantic conventions; changes are named when 99% intervals do not touch",
        ),
        not whole.nodes,
    )


TOO_EARLY = "nothing to compare with: there was no telemetry yet"


def graph(shown: ServiceMap, href: Href, focus: Place | None) -> Graph:
    """The drawing of a map."""
    nodes = sorted(shown.nodes, key=lambda one: (one.place != focus, -one.red.calls, one.place))
    left_out = max(len(nodes) - MOST_DRAWN, 0)
    drawn = shown.only(one.place for one in nodes[:MOST_DRAWN])
    groups = _alike(drawn) if len(drawn.nodes) > _TOGETHER_FROM else {}
    key = {one.place: groups.get(one.place, f"{one.place.kind}:{one.place.name}") for one in drawn.nodes}
    members: dict[str, list[Node]] = defaultdict(list)
    for one in nodes[:MOST_DRAWN]:
        members[key[one.place]].append(one)
    together: dict[tuple[str, str], list[Edge]] = defaultdict(list)
    for edge in drawn.edges:
        together[key[edge.way.client], key[edge.way.server]].append(edge)
    notes = []
    if left_out:
        notes.append(
            f"The {MOST_DRAWN} places with most calls; {left_out} more are in the table, by search and around a"
            " service."
        )
    if groups:
        notes.append("What has the same callers and calls the same is drawn as one.")
    return Graph(
        Head("map", "Service map", "Calls run from left to right, and around where they go back."),
        tuple(_dot(name, each, href, focus) for name, each in members.items()),
        tuple(
            _link(start, end, edges, href, _label(members[start]), _label(members[end]))
            for (start, end), edges in together.items()
        ),
        PER_MINUTE,
        " ".join(notes),
    )


def edge_table(edges: Sequence[Edge], href: Href) -> Table:
    """Every edge, most calls first: its ends lead to their pages, how one calls the other to the edge's."""
    return Table(
        (
            Heading("From"), Heading("To"), Heading("How"), Heading("Calls a minute", PER_MINUTE),
            Heading("Errors", SHARE), Heading("Median", SECONDS), Heading("p95", SECONDS), Heading("Calls", COUNT),
            Heading("Known by name only", COUNT),
        ),
        tuple(
            Row(
                (
                    str(e.way.client), _with_kind(e.way.server), e.way.kind, e.red.per_minute,
                    e.red.error_share, _seconds(e.red.p50_ns), _seconds(e.red.p95_ns), e.red.calls, e.by_name,
                ),
                place_href(e.way.client, href),
                _ends(e.way, href),
            )
            for e in edges
        ),
    )  # fmt: skip


def changes_table(changed: Sequence[Change[Way]], href: Href) -> Table:
    """What is different, what got worse first."""
    return Table(
        (
            Heading("From"), Heading("To"), Heading("What"), Heading("Before"), Heading("Now"),
            Heading("Calls before", COUNT), Heading("Calls now", COUNT),
        ),
        tuple(
            Row((
                str(one.of.client), _with_kind(one.of.server), change_words(one),
                bounded_words(one.before, one.measure), bounded_words(one.after, one.measure), one.calls_before,
                one.calls_after,
            ), place_href(one.of.client, href), _ends(one.of, href))
            for one in changed
        ),
    )  # fmt: skip


def change_words(one: Change[Any]) -> str:
    """A change in a word or two: ``new``, ``slower (p95)``."""
    if one.measure is Measure.APPEARED:
        return "new"
    if one.measure is Measure.GONE:
        return "gone"
    rose = bool(one.before and one.after and one.after.value > one.before.value)
    return {
        Measure.ERRORS: ("more errors", "fewer errors"),
        Measure.P95: ("slower (p95)", "faster (p95)"),
        Measure.RATE: ("more calls", "fewer calls"),
    }[one.measure][not rose]


def bounded_words(value: Bounded | None, measure: Measure) -> str:
    """A value with its interval, in the measure's unit."""
    if value is None:
        return ""
    unit = {Measure.ERRORS: SHARE, Measure.P95: SECONDS}.get(measure, PER_MINUTE)
    scale = 1e9 if measure is Measure.P95 else 1
    return (
        f"{written(value.value / scale, unit)}"
        f" ({written(value.low / scale, unit)} to {written(value.high / scale, unit)})"
    )


def place_href(place: Place, href: Href) -> str:
    """A service has its page; anything else has the map around it."""
    if place.kind == "service":
        return href("/services/service", {"name": place.name})
    return href("/services/map", {"focus": place.name, "kind": place.kind})


def _ends(way: Way, href: Href) -> dict[int, str]:
    return {1: place_href(way.server, href), 2: edge_href(way, href)}


def edge_href(way: Way, href: Href) -> str:
    """The page of an edge."""
    return href(
        "/services/edge",
        {
            "client": way.client.name, "client_kind": way.client.kind, "server": way.server.name,
            "server_kind": way.server.kind, "how": way.kind,
        },
    )  # fmt: skip


def red_words(red: Red) -> str:
    """``12 per min, 3.1% failed, p95 120 ms``."""
    failed = f", {written(red.error_share, SHARE)} failed" if red.errors else ""
    slow = f", p95 {written(red.p95_ns / 1e9, SECONDS)}" if red.p95_ns is not None else ""
    return f"{rate_words(red)}{failed}{slow}"


def _said(whole: ServiceMap, shown: ServiceMap, focus: Place | None, calls: int) -> str:
    if not whole.nodes:
        return "Nothing reported a call"
    if focus:
        up = len({e.way.client for e in shown.edges if e.way.server == focus} - {focus})
        down = len({e.way.server for e in shown.edges if e.way.client == focus} - {focus})
        return f"{up} call{'s' if up == 1 else ''} it directly; it calls {down}"
    services = sum(one.place.kind == "service" for one in shown.nodes)
    others = len(shown.nodes) - services
    failed = sum(e.red.errors for e in shown.edges)
    said = f"{counted(services, 'services')} and {counted(others, 'other places')}"
    if not shown.edges:
        return f"{said}; no call of one by another was reported"
    said += f" in {counted(len(shown.edges), 'edges')}"
    return (
        f"{said}; {written(failed / calls, SHARE) if failed else 'none'} of {counted(calls, 'calls')} failed"
    )


def _changed_said(changed: Sequence[Change[Way]]) -> str:
    if not changed:
        return "no difference that is more than chance"
    worse = sum(one.is_worse for one in changed)
    return f"{counted(len(changed), 'differences')}, {worse} for the worse"


def _alike(shown: ServiceMap) -> dict[Place, str]:
    """Groups of places with the same callers and callees: by place the group's key."""
    callers: dict[Place, set[Place]] = defaultdict(set)
    callees: dict[Place, set[Place]] = defaultdict(set)
    for edge in shown.edges:
        callers[edge.way.server].add(edge.way.client)
        callees[edge.way.client].add(edge.way.server)
    sets: dict[tuple[str, frozenset[Place], frozenset[Place]], list[Place]] = defaultdict(list)
    for node in shown.nodes:
        near = (node.place.kind, frozenset(callers[node.place]), frozenset(callees[node.place]))
        sets[near].append(node.place)
    return {
        place: f"group:{number}"
        for number, ((_, up, down), places) in enumerate(sets.items())
        if len(places) >= _ALIKE and (up or down)
        for place in places
    }


def _dot(key: str, members: list[Node], href: Href, focus: Place | None) -> Dot:
    first = members[0].place
    calls = sum(one.red.calls for one in members)
    errors = sum(one.red.errors for one in members)
    if len(members) == 1:
        tip = f"{first} ({first.kind}): {red_words(members[0].red)}"
        link = place_href(first, href)
    else:
        tip = f"{len(members)} of kind {first.kind}: {', '.join(str(one.place) for one in members[:12])}"
        link = "#edges"
    return Dot(
        key, _label(members), Shape(first.kind), _rate(one.red for one in members), errors / calls if calls else None,
        tip, link,
        first == focus and len(members) == 1,
    )  # fmt: skip


def _label(members: list[Node]) -> str:
    first = members[0].place
    if len(members) == 1:
        return str(first)
    return f"{len(members)} {first.kind}s" if first.kind != "cache" else counted(len(members), "caches")


def _link(start: str, end: str, edges: list[Edge], href: Href, client: str, server: str) -> Link:
    calls = sum(e.red.calls for e in edges)
    errors = sum(e.red.errors for e in edges)
    by_name = sum(e.by_name for e in edges)
    slow = edges[0].red.p95_ns if len(edges) == 1 else None
    how = ", ".join(sorted({e.way.kind for e in edges}))
    words = (
        red_words(edges[0].red)
        if len(edges) == 1
        else f"{counted(calls, 'calls')} in {counted(len(edges), 'edges')}"
    )
    named = "" if not by_name else f"; {by_name:,} of {counted(calls, 'calls')} known by the host's name only"
    return Link(
        start, end, how, _rate(e.red for e in edges), errors / calls if calls else None, _seconds(slow),
        f"{client} to {server} ({how}): {words}{named}",
        edge_href(edges[0].way, href) if len(edges) == 1 else "#edges", by_name == calls,
    )  # fmt: skip


def _rate(given: Iterable[Red]) -> float:
    return sum(one.per_minute or 0.0 for one in given)


def _with_kind(place: Place) -> str:
    return str(place) if place.kind == "service" else f"{place} ({place.kind})"


def _seconds(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9
