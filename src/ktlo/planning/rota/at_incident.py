"""Who was on call when an incident was detected, beside who was paged for it.

Shifts are those of the pagers' schedules (``on_call_shifts``) and the duties of the rotas whose service it is; who was
paged is told by the pager's log (``incident_events``). A large account has many schedules: those count whose people
were paged or whose team the incident has, else those of the incident's own source.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ktlo.errors import NotFoundError
from ktlo.planning.rota.desk import Desk
from ktlo.planning.rota.duties import Because
from ktlo.planning.rota.rules import SHADOW
from ktlo.store.protocol import Queryable

MOST = 20
"""People on call that are told at most."""

_INCIDENT = """
SELECT i.detected_at AS detected_at, toString(i.team) AS team, toString(i.service) AS named,
  (SELECT toString(any(service)) FROM ktlo.service_members
   WHERE kind = 'service' AND member IN (SELECT toString(service) FROM ktlo.incidents
     WHERE source = {source:String} AND external_id = {id:String})) AS service
FROM ktlo.incidents AS i WHERE i.source = {source:String} AND i.external_id = {id:String} LIMIT 1"""

_SHIFTS = """
SELECT toString(source) AS source, toString(schedule) AS schedule, toString(layer) AS layer, toString(team) AS team,
  person, is_override, started_at, ended_at
FROM ktlo.on_call_shifts
WHERE started_at <= {at:DateTime64(6, 'UTC')} AND (ended_at IS NULL OR ended_at > {at:DateTime64(6, 'UTC')})
ORDER BY schedule, layer, source, person"""

_PAGED = """
SELECT after AS who, min(occurred_at) AS at FROM ktlo.incident_events
WHERE source = {source:String} AND incident_id = {id:String} AND kind = 'paged' AND after != ''
GROUP BY who ORDER BY at, who"""

_NAMES = """
SELECT a.alias AS alias, any(p.name) AS name FROM ktlo.aliases AS a
INNER JOIN ktlo.persons AS p ON p.person = a.person
WHERE a.alias IN {names:Array(String)} GROUP BY alias"""


@dataclass(frozen=True, slots=True)
class OnCall:
    """Somebody who was on call, or was paged, or both.

    Attributes:
        person: name, else as the pager has it.
        schedule: of a pager, or the rota and role; empty for who was paged without being on call.
        layer: layer or rotation; empty where not told.
        is_override: stood in.
        start, end: of the shift; no end where it has none, neither for who was not on call.
        paged_at: when first paged for the incident; ``None`` when not.
        source: where it is told; empty for a rota of ktlo.
    """

    person: str
    schedule: str
    layer: str
    is_override: bool
    start: dt.datetime | None
    end: dt.datetime | None
    paged_at: dt.datetime | None
    source: str = ""


@dataclass(frozen=True, slots=True)
class AtIncident:
    """Who was on call at an incident.

    Attributes:
        detected_at: the moment.
        people: on call or paged.
        others: how many more shifts ran then.
        is_known: whether any schedule or rota is known for that moment.
    """

    detected_at: dt.datetime
    people: tuple[OnCall, ...]
    others: int
    is_known: bool


def on_call_at(store: Queryable, desk: Desk, source: str, identifier: str) -> AtIncident:
    """Who was on call when an incident was detected, and who was paged.

    Args:
        store: the records.
        desk: the rotas.
        source: of the incident.
        identifier: of the incident in its source.

    Raises:
        NotFoundError: there is no such incident.
    """
    key = {"source": source, "id": identifier}
    found = store.query(_INCIDENT, key).to_pylist()
    if not found:
        raise NotFoundError(f"there is no incident {identifier[:80]!r} in {source[:80]!r}")
    incident = found[0]
    at: dt.datetime = incident["detected_at"]
    shifts = store.query(_SHIFTS, {"at": at}).to_pylist()
    paged = {str(row["who"]): row["at"] for row in store.query(_PAGED, key).to_pylist()}
    names = _names(store, {*paged, *(row["person"] for row in shifts)})
    chosen = _chosen(shifts, paged, source, incident["team"])
    people = [
        OnCall(
            names.get(row["person"].casefold(), row["person"]),
            row["schedule"],
            row["layer"],
            row["is_override"],
            row["started_at"],
            row["ended_at"],
            paged.get(row["person"]),
            row["source"],
        )
        for row in chosen
    ]
    duties = _duties(desk, {incident["named"], incident["service"] or ""} - {""}, at)
    here = {row["person"] for row in chosen}
    away = [
        OnCall(names.get(who.casefold(), who), "", "", False, None, None, moment, source)
        for who, moment in paged.items()
        if who not in here
    ]
    return AtIncident(at, (*people, *duties, *away), len(shifts) - len(chosen), bool(shifts or duties))


def _chosen(
    shifts: Sequence[Mapping[str, Any]], paged: Mapping[str, dt.datetime], source: str, team: str
) -> list[Mapping[str, Any]]:
    """Shifts that have to do with an incident, those who were paged first."""
    near = [row for row in shifts if row["person"] in paged or (team and row["team"] == team)]
    found = near or [row for row in shifts if row["source"] == source] or list(shifts)
    return sorted(found, key=lambda row: row["person"] not in paged)[:MOST]


def _duties(desk: Desk, services: set[str], at: dt.datetime) -> list[OnCall]:
    """Who had a role of the rotas whose service it is, where that rests on the rota alone."""
    names = {person.key: person.name for person in desk.people}
    return [
        OnCall(
            names.get(duty.person, duty.person),
            f"rota {rota.name}, {duty.role}",
            "",
            duty.because is Because.OVERRIDE,
            duty.start,
            duty.end,
            None,
        )
        for rota in desk.rotas.values()
        if services & rota.services
        for duty in desk.served(rota).at(at)
        if duty.role != SHADOW and duty.because is not Because.SCHEDULE
    ]


def _names(store: Queryable, said: set[str]) -> dict[str, str]:
    """Names of people by what pagers call them, lower case."""
    rows = store.query(_NAMES, {"names": sorted(one.casefold() for one in said)}).to_pylist()
    return {row["alias"]: row["name"] for row in rows}
