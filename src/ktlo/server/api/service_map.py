"""The map of services over HTTP: places, edges, one service's part, and two stretches compared."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ktlo.errors import UsageError
from ktlo.report.service_map import TOO_EARLY
from ktlo.server.api.metrics import Running
from ktlo.server.api.telemetry import RedOut, Since, Until, asked_interval
from ktlo.server.parameters import AskedRoute
from ktlo.server.runtime import Runtime
from ktlo.telemetry.changes import Bounded, Change
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.service_map import Edge, Place, ServiceMap, Way, compared_as_far_as_known, service_map

PartOfName = Annotated[str, Query(alias="q", max_length=500, description="Part of the name, in either case.")]

router = APIRouter(tags=["telemetry"], route_class=AskedRoute)

Environment = Annotated[
    str, Query(max_length=2_000, description="Environment of who reported; empty for all.")
]
Focus = Annotated[str, Query(max_length=2_000, description="Only what is around this place.")]
PlaceKind = Annotated[
    str, Query(max_length=20, description="Kind of the place: service, database, cache, queue, host.")
]
Depth = Annotated[int, Query(ge=1, le=10, description="Steps around the place.")]
Against = Annotated[
    str, Query(max_length=40, description="Compare with: before (the stretch just before), 1d or 7d earlier.")
]
_EARLIER = {"1d": 86_400, "7d": 7 * 86_400}


class MapPlaceOut(BaseModel):
    """Something on the map."""

    kind: str = Field(description="service, database, cache, queue or host")
    name: str

    @classmethod
    def of(cls, given: Place) -> MapPlaceOut:
        """As JSON has it."""
        return cls(kind=given.kind, name=given.name)


class MapNodeOut(MapPlaceOut):
    """A place with what it was asked."""

    red: RedOut


class MapEdgeOut(BaseModel):
    """Calls from one place to another."""

    client: MapPlaceOut
    server: MapPlaceOut
    kind: str = Field(description="rpc, database, cache or messaging")
    red: RedOut
    by_name: int = Field(description="Calls of which only the host's name says that this service was meant.")

    @classmethod
    def of(cls, given: Edge) -> MapEdgeOut:
        """As JSON has it."""
        return cls(
            client=MapPlaceOut.of(given.way.client),
            server=MapPlaceOut.of(given.way.server),
            kind=given.way.kind,
            red=RedOut.of(given.red),
            by_name=given.by_name,
        )


class BoundedOut(BaseModel):
    """A value with its 99% interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, given: Bounded | None) -> BoundedOut | None:
        """As JSON has it."""
        return None if given is None else cls(value=given.value, low=given.low, high=given.high)


class EdgeChangeOut(BaseModel):
    """A difference between two stretches that is more than chance."""

    client: MapPlaceOut
    server: MapPlaceOut
    kind: str
    measure: str = Field(
        description="appeared, gone, rate (calls a minute), errors (share) or p95 (nanoseconds)"
    )
    before: BoundedOut | None
    after: BoundedOut | None
    calls_before: int
    calls_after: int
    is_worse: bool

    @classmethod
    def of(cls, given: Change[Way]) -> EdgeChangeOut:
        """As JSON has it."""
        return cls(
            client=MapPlaceOut.of(given.of.client),
            server=MapPlaceOut.of(given.of.server),
            kind=given.of.kind,
            measure=given.measure,
            before=BoundedOut.of(given.before),
            after=BoundedOut.of(given.after),
            calls_before=given.calls_before,
            calls_after=given.calls_after,
            is_worse=given.is_worse,
        )


class MapOut(BaseModel):
    """The map."""

    nodes: list[MapNodeOut]
    edges: list[MapEdgeOut]
    is_cut: bool = Field(description="There are more edges than are given.")
    changes: list[EdgeChangeOut] | None = Field(
        description="Against another stretch; null when none was asked for, or there was no telemetry then."
    )
    not_compared: str = Field("", description="Why there is nothing to compare with, if it was asked for.")

    @classmethod
    def of(cls, given: ServiceMap, changed: list[Change[Way]] | None, not_compared: str = "") -> MapOut:
        """As JSON has it."""
        return cls(
            nodes=[
                MapNodeOut(kind=one.place.kind, name=one.place.name, red=RedOut.of(one.red))
                for one in given.nodes
            ],
            edges=[MapEdgeOut.of(one) for one in given.edges],
            is_cut=given.is_cut,
            changes=None if changed is None else [EdgeChangeOut.of(one) for one in changed],
            not_compared=not_compared,
        )


def compared_with(of: Interval, against: str) -> Interval | None:
    """The stretch to compare with; ``None`` when none is named.

    Raises:
        UsageError: it is none of those that can be named.
    """
    import datetime as dt

    if not against:
        return None
    if against == "before":
        return of.before()
    if against not in _EARLIER:
        raise UsageError(f"{against[:40]!r} is nothing to compare with", fix="Say before, 1d or 7d")
    earlier = dt.timedelta(seconds=_EARLIER[against])
    return Interval(of.start - earlier, of.end - earlier)


def whole_map(running: Runtime, of: Interval, environment: str, focus: str, search: str) -> ServiceMap:
    """The map that a part is taken of; where it is cut, what has a word in its name is looked for in the store."""
    whole = service_map(running.store, of, environment, near=focus)
    return service_map(running.store, of, environment, text=search) if search and whole.is_cut else whole


def part_of(whole: ServiceMap, focus: str, kind: str, depth: int, search: str = "") -> ServiceMap:
    """The part of a map that is asked for: around a place, or what has a word in its name with its neighbours.

    Raises:
        UsageError: the place is not on the map.
    """
    if focus:
        place = Place(kind or "service", focus)
        if place not in {node.place for node in whole.nodes}:
            raise UsageError(
                f"{focus[:80]!r} ({place.kind}) is not on the map in this stretch",
                fix="Choose a longer stretch, another environment, or a name that the map has",
            )
        return whole.around(place, depth)
    if search:
        found = {node.place for node in whole.nodes if search.casefold() in node.place.name.casefold()}
        near = {
            place
            for edge in whole.edges
            if edge.way.client in found or edge.way.server in found
            for place in (edge.way.client, edge.way.server)
        }
        return whole.only(found | near)
    return whole


@router.get("/map")
def get_map(
    running: Running,
    since: Since = "",
    until: Until = "",
    environment: Environment = "",
    focus: Focus = "",
    kind: PlaceKind = "service",
    depth: Depth = 1,
    against: Against = "",
    text: PartOfName = "",
) -> MapOut:
    """Who calls whom: services, databases, caches, queues and hosts, with rate, errors and duration."""
    of = asked_interval(since, until)
    whole = whole_map(running, of, environment, focus, text.strip())
    shown = part_of(whole, focus, kind, depth, text.strip())
    asked = compared_with(of, against)
    if asked is None:
        return MapOut.of(shown, None)
    known, changed = compared_as_far_as_known(running.store, asked, of, environment)
    return MapOut.of(shown, changed, "" if known else TOO_EARLY)
