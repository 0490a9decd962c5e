"""What being on call asked of people afterwards: pages, at night and outside working hours, hours interrupted.

Incidents from the store joined with who was on duty. It is about a fair load, not about how well anybody works:
who was woken more owes less next time. A page is an incident; it is counted for whoever acknowledged it, if that
is a member, else for who had the first role at that moment.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ktlo.metrics import members
from ktlo.metrics.estimate import Estimate
from ktlo.metrics.intervals import rate, union
from ktlo.planning.rota.duties import Absence, Duty
from ktlo.planning.rota.fairness import served_by
from ktlo.planning.rota.rules import SHADOW, Person, Rota, find_person
from ktlo.planning.rota.shifts import Burden, Span, night_hours
from ktlo.store.protocol import Queryable

LONGEST = dt.timedelta(hours=6)
"""Most hours that one incident counts as an interruption: what SRE reckons for one with its follow-up."""
_WEEK = 7 * 86400.0
_INSTANT = dt.timedelta(seconds=1)

_PAGES = f"""
WITH {members.MEMBERS}
SELECT
  i.source AS source, i.external_id AS external_id, i.title AS title, i.url AS url,
  toString(i.service) AS named, {members.service("i")} AS service,
  i.detected_at AS at,
  coalesce(least(i.mitigated_at, i.resolved_at), i.mitigated_at, i.resolved_at,
    least(coalesce(i.observed_until, {{now:DateTime64(6, 'UTC')}}), {{now:DateTime64(6, 'UTC')}})) AS over_at,
  i.responders AS responders, acts.takers AS takers, acts.workers AS workers
FROM ktlo.incidents AS i
{members.joins("i")}
LEFT JOIN (
  SELECT source, incident_id,
    groupUniqArrayIf(actor, kind = 'acknowledged' AND actor != '') AS takers,
    groupUniqArrayIf(actor, kind IN ('acknowledged', 'mitigated', 'resolved') AND actor != '') AS workers
  FROM ktlo.incident_events GROUP BY source, incident_id
) AS acts ON acts.source = i.source AND acts.incident_id = i.external_id
WHERE i.state != 'cancelled'
  AND i.detected_at >= {{start:DateTime64(6, 'UTC')}} AND i.detected_at < {{end:DateTime64(6, 'UTC')}}
ORDER BY at, source, external_id"""  # noqa: S608 - no value enters the text

_ALIASES = "SELECT person, groupUniqArray(alias) AS names FROM ktlo.aliases GROUP BY person ORDER BY person"


@dataclass(frozen=True, slots=True)
class Page:
    """One incident that called somebody."""

    source: str
    external_id: str
    title: str
    url: str
    service: str
    at: dt.datetime
    until: dt.datetime
    person: str
    """Key of whoever was called; empty when nobody was on duty and no member took it."""
    workers: tuple[str, ...]
    """Keys of the members who worked on it."""
    is_night: bool = False
    is_off_hours: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """What one person bore within a window.

    Attributes:
        person: who.
        duty: hours on call.
        shifts: duties behind them.
        pages: incidents that called them.
        at_night: of them, at night where they live.
        off_hours: of them, outside their working hours, weekends and holidays included; nights too.
        interrupted: hours in which an incident had them, overlaps counted once, at most 6 for one incident.
        per_week: pages a week on call, with its interval.
        counted: hours of duty that the pages count for, by kind.
    """

    person: Person
    duty: float
    shifts: int
    pages: int
    at_night: int
    off_hours: int
    interrupted: float
    per_week: Estimate
    counted: Burden


class Names:
    """Finds the member behind what a pager calls people: own aliases first, then those that ktlo merged."""

    def __init__(self, store: Queryable, people: Sequence[Person]) -> None:
        self._people = people
        self._merged: dict[str, str] = {}
        for row in store.query(_ALIASES).to_pylist():
            bare = {str(name).rpartition("/")[2].casefold() for name in row["names"]}
            names = {str(name).casefold() for name in row["names"]} | bare | {row["person"].casefold()}
            found = {person.key for name in names if (person := find_person(people, name))}
            if len(found) == 1:
                self._merged |= dict.fromkeys(names, next(iter(found)))

    def key(self, said: str) -> str:
        """Key of the member; empty for anybody else."""
        person = find_person(self._people, said)
        return person.key if person else self._merged.get(said.casefold(), "")


def pages_of(
    store: Queryable, rota: Rota, duties: Sequence[Duty], window: Span, now: dt.datetime
) -> tuple[Page, ...]:
    """Incidents of a rota's services within a window, and whom each called.

    Args:
        store: where the incidents are.
        rota: the rota; its ``services`` say which incidents are its own.
        duties: who was on duty.
        window: from, until.
        now: the moment of asking: an open incident lasts until now.
    """
    names = Names(store, rota.members)
    people = {person.key: person for person in rota.members}
    rows = store.query(_PAGES, {"start": window[0], "end": window[1], "now": now}).to_pylist()
    found = []
    for row in rows:
        if rota.services and not rota.services & {row["named"], row["service"]}:
            continue
        at = row["at"]
        takers = [key for name in row["takers"] or () if (key := names.key(name))]
        workers = [key for name in (*row["responders"], *(row["workers"] or ())) if (key := names.key(name))]
        on_duty = _on_duty(rota, duties, at)
        person = takers[0] if takers else (on_duty or (workers[0] if workers else ""))
        known = people.get(person)
        found.append(
            Page(
                source=row["source"],
                external_id=row["external_id"],
                title=row["title"],
                url=row["url"],
                service=row["service"],
                at=at,
                until=min(max(row["over_at"], at), at + LONGEST),
                person=person,
                workers=tuple(dict.fromkeys((*workers, *((person,) if person else ())))),
                is_night=known is not None and _is_night(known, rota, at),
                is_off_hours=known is not None and _is_off_hours(known, rota, at),
            )
        )
    return tuple(found)


def _on_duty(rota: Rota, duties: Sequence[Duty], at: dt.datetime) -> str:
    for role in rota.roles:
        for duty in duties:
            if duty.role == role.name and duty.start <= at < duty.end:
                return duty.person
    return ""


def _is_night(person: Person, rota: Rota, at: dt.datetime) -> bool:
    return night_hours((at, at + _INSTANT), rota.night, person.zone) > 0


def _is_off_hours(person: Person, rota: Rota, at: dt.datetime) -> bool:
    local = at.astimezone(person.zone)
    if local.weekday() >= 5 or person.is_holiday(local.date()) or _is_night(person, rota, at):
        return True
    return night_hours((at, at + _INSTANT), person.hours, person.zone) == 0


def counted_pages(rota: Rota, pages: Sequence[Page]) -> Mapping[str, Burden]:
    """Hours of duty that pages count for, by person and kind of time."""
    people = {person.key: person for person in rota.members}
    total: dict[str, Burden] = defaultdict(Burden)
    for page in pages:
        person = people.get(page.person)
        if person is None:
            continue
        local = page.at.astimezone(person.zone)
        hours = rota.page_hours
        total[page.person] += Burden(
            hours,
            hours if page.is_night else 0.0,
            hours if local.weekday() >= 5 else 0.0,
            hours if person.is_holiday(local.date()) else 0.0,
        )
    return dict(total)


def loads(
    rota: Rota, duties: Sequence[Duty], pages: Sequence[Page], window: Span, absences: Sequence[Absence] = ()
) -> tuple[Load, ...]:
    """What each member bore within a window, in the order of the rota."""
    counted = counted_pages(rota, pages)
    served = served_by(rota, [d for d in duties if d.role != SHADOW], window, absences)
    found = []
    for one in served:
        key = one.person.key
        own = [page for page in pages if page.person == key]
        worked = [page for page in pages if key in page.workers and page.until > page.at]
        end = max((page.until.timestamp() for page in worked), default=window[1].timestamp())
        spans = union(
            [page.at.timestamp() for page in worked],
            [page.until.timestamp() for page in worked],
            window[0].timestamp(),
            max(end, window[1].timestamp()),
            max(end, window[1].timestamp()),
        )
        interrupted = float((spans.ends - spans.starts).sum()) / 3600
        found.append(
            Load(
                person=one.person,
                duty=one.served.hours,
                shifts=one.shifts,
                pages=len(own),
                at_night=sum(page.is_night for page in own),
                off_hours=sum(page.is_off_hours for page in own),
                interrupted=interrupted,
                per_week=_rate(len(own), one.served.hours),
                counted=counted.get(key, Burden()),
            )
        )
    return tuple(found)


def _rate(pages: int, hours: float) -> Estimate:
    if hours <= 0:
        return Estimate(None, None, None, pages, reason="was not on call in this time")
    return rate(pages, hours * 3600, _WEEK)
