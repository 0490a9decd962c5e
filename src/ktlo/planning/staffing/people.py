"""Reads the people, what they know, when they work and when work arrives, from the store.

Effort tells who works regularly and where reactive work arises; file changes tell who knows which code (degree of
authorship, see ``metrics/knowledge``); commits tell at which hours people work; incidents and issues when work
comes. Goes into a ``Crew``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import numpy as np

from ktlo.metrics.knowledge import knowledge
from ktlo.metrics.question import Dimension, Question
from ktlo.planning.demand import Floats
from ktlo.planning.staffing.crew import Crew
from ktlo.planning.staffing.week import WorkingWeek
from ktlo.records.effort import Category
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

RECENT_WEEKS = 26
"""Weeks that say who works regularly and how much."""
_KNOWN_WEEKS = 104
"""Weeks of changes that say who knows the code."""
_HANDLED_WEEKS = 52
"""Weeks of reactive work that say who has met what."""
_REGULAR = 0.25
"""Who worked in at least this part of the recent weeks could be on duty."""
_MOST_PEOPLE, _MOST_PLACES = 40, 12
_ENOUGH_COMMITS = 20
_PRIOR_ITEMS = 10.0
_REACTIVE = (Category.INCIDENT, Category.BUG_FIX, Category.SECURITY, Category.DEPENDENCY, Category.SUPPORT)
ELSEWHERE = "everything else"

_WHERE = " AND has({{{name}:Array(String)}}, toString({name}))"

_PLACE = "if(service != '', toString(service), toString(repository))"

_WORK = f"""
SELECT person, {_PLACE} AS place, sum(person_days) AS days,
  uniqExactIf((source, item_id), has({{reactive:Array(String)}}, toString(category))) AS items
FROM ktlo.effort
WHERE day >= {{since:Date32}} AND day < {{until:Date32}}FILTER
GROUP BY person, place"""  # noqa: S608 - no value enters the text

_WEEKS = """
SELECT e.person AS person, any(p.name) AS name, uniqExact(toMonday(e.day)) AS weeks, sum(e.person_days) AS days
FROM (SELECT person, day, person_days FROM ktlo.effort
      WHERE day >= {since:Date32} AND day < {until:Date32}FILTER) AS e
LEFT JOIN ktlo.persons AS p ON p.person = e.person
GROUP BY person ORDER BY days DESC, person"""

_CHANGES = """
WITH
  held AS (SELECT member, any(service) AS service FROM ktlo.service_members
           WHERE kind = 'repository' GROUP BY member),
  mails AS (SELECT alias, any(person) AS person FROM ktlo.aliases WHERE kind = 'mail' GROUP BY alias)
SELECT if(h.service != '', h.service, toString(f.repository)) AS place,
  cityHash64(f.repository, f.path) AS file, m.person AS person, toUnixTimestamp64Micro(f.authored_at) AS at
FROM ktlo.file_changes AS f
INNER JOIN mails AS m ON m.alias = lowerUTF8(f.author_email)
LEFT JOIN held AS h ON h.member = f.repository
WHERE f.authored_at >= {since:DateTime64(6, 'UTC')} AND f.authored_at < {until:DateTime64(6, 'UTC')}
  AND (f.repository, f.path) IN (SELECT repository, path FROM ktlo.files WHERE role = 'source')"""

_HOURS = """
SELECT m.person AS person, toDayOfWeek(c.authored_at) AS day, toHour(c.authored_at) AS hour, count() AS n,
  anyHeavy(c.authored_offset) AS offset
FROM ktlo.commits AS c
INNER JOIN (SELECT alias, any(person) AS person FROM ktlo.aliases WHERE kind = 'mail' GROUP BY alias) AS m
  ON m.alias = lowerUTF8(c.author_email)
WHERE c.dated_by = 'author' AND c.authored_at >= {since:DateTime64(6, 'UTC')}
  AND c.authored_at < {until:DateTime64(6, 'UTC')} AND has({people:Array(String)}, m.person)
GROUP BY person, day, hour"""

_ARRIVALS = """
SELECT kind, (toDayOfWeek(at) - 1) * 24 + toHour(at) AS hour, count() AS n FROM (
  SELECT 'incident' AS kind, detected_at AS at FROM ktlo.incidents WHERE state != 'cancelled'
  UNION ALL SELECT 'issue', created_at FROM ktlo.issues
) WHERE at >= {since:DateTime64(6, 'UTC')} AND at < {until:DateTime64(6, 'UTC')}
GROUP BY kind, hour"""


def read_crew(store: Queryable, question: Question, settings: Settings) -> Crew:
    """Read the crew as it is at the end of the question's period; its start does not matter.

    Args:
        store: where the records are.
        question: its end, and its filters by service, repository and team, are used.
        settings: hours of a person-day.
    """
    until = min(question.end, question.now)
    filters = [
        name.value
        for name in (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM)
        if question.only.get(name)
    ]
    where = "".join(_WHERE.format(name=name) for name in filters)
    bound: dict[str, Any] = {name: list(question.only[Dimension(name)]) for name in filters}
    bound |= {"until": until.date(), "reactive": [category.value for category in _REACTIVE]}

    def ask(sql: str, weeks: int) -> list[dict[str, Any]]:
        since = until.date() - dt.timedelta(weeks=weeks)
        rows: list[dict[str, Any]] = store.query(
            sql.replace("FILTER", where), {**bound, "since": since}
        ).to_pylist()
        return rows

    def moments(weeks: int) -> dict[str, Any]:
        return {"since": until - dt.timedelta(weeks=weeks), "until": until}

    recent = ask(_WEEKS, RECENT_WEEKS)
    weeks = _seen_weeks(recent)
    regulars = [row for row in recent if row["weeks"] >= max(2, _REGULAR * weeks)]
    notes = []
    if len(regulars) > _MOST_PEOPLE:
        notes.append(
            f"Of {counted(len(regulars), 'engineers')}, the {_MOST_PEOPLE} who worked most are looked at."
        )
        regulars = regulars[:_MOST_PEOPLE]
    people = [str(row["person"]) for row in regulars]
    at = {person: i for i, person in enumerate(people)}
    worked = ask(_WORK, _HANDLED_WEEKS)
    places, place_at = _places(worked)
    items = np.zeros((len(places), len(people)))
    arrived = np.zeros(len(places))
    for row in worked:
        spot = place_at[row["place"]]
        arrived[spot] += row["items"]
        if row["person"] in at:
            items[spot, at[row["person"]]] += row["items"]
    share = arrived / arrived.sum() if arrived.sum() else np.full(len(places), 1 / len(places))
    known = _authorship(store.query(_CHANGES, moments(_KNOWN_WEEKS)).to_pydict(), place_at, at, len(places))
    familiar = 1 - (1 - known) * np.exp(-items / 10.0)
    if not known.any() and people:
        notes.append(
            "No changes of source files are recorded, so who knows what follows from the items handled."
        )
    handled = np.divide(
        (items * familiar).sum(axis=1),
        items.sum(axis=1),
        out=familiar.mean(axis=1) if people else np.zeros(len(places)),
        where=items.sum(axis=1) > 0,
    )
    hours = _hours(store.query(_HOURS, {**moments(_KNOWN_WEEKS), "people": people}).to_pylist())
    starts, guessed = _starts(people, hours)
    if guessed:
        notes.append(
            f"The working hours of {guessed} of {len(people)} are not told by their commits; those of the others"
            " (or 9:00 UTC) stand in."
        )
    arrivals = store.query(_ARRIVALS, moments(_KNOWN_WEEKS)).to_pylist()
    of_kind = {
        kind: _profile([row for row in arrivals if row["kind"] == kind]) for kind in ("incident", "issue")
    }
    days = sum(row["days"] for row in regulars)
    return Crew(
        names=tuple(str(row["name"] or row["person"]) for row in regulars),
        places=places,
        share=share,
        knowledge=familiar,
        handled_by=handled,
        week=WorkingWeek(starts, hours=8.0),
        hours_per_week=days * settings.effort.hours_per_day / max(weeks, 1) / len(people) if people else 0.0,
        incident_hours=of_kind["incident"],
        other_hours=of_kind["issue"],
        notes=tuple(notes),
    )


def _seen_weeks(recent: list[dict[str, Any]]) -> int:
    """Weeks in which anybody was seen, at most those looked at: a short history is not a lazy one."""
    return max((int(row["weeks"]) for row in recent), default=0)


def _places(worked: Iterable[dict[str, Any]]) -> tuple[tuple[str, ...], dict[str, int]]:
    """Places by reactive items, the largest first, the small ones together."""
    total: dict[str, float] = {}
    for row in worked:
        total[row["place"]] = total.get(row["place"], 0.0) + row["items"]
    ordered = sorted(total, key=lambda place: (-total[place], place))
    kept = ordered[:_MOST_PLACES]
    names = [place or "no service" for place in kept]
    if len(ordered) > _MOST_PLACES:
        names.append(ELSEWHERE)
    index = {place: min(i, len(names) - 1) for i, place in enumerate(ordered)}
    return (tuple(names), index) if names else ((ELSEWHERE,), {})


def _authorship(
    changes: dict[str, list[Any]], place_at: dict[str, int], at: dict[str, int], places: int
) -> Floats:
    """Part of the code of each place, weighted by its changes, that each person is an author of."""
    share = np.zeros((places, len(at)))
    if not changes["file"] or not at:
        return share
    _, files = np.unique(np.array(changes["file"], dtype=np.uint64), return_inverse=True)
    whose, authors = np.unique(np.array(changes["person"]), return_inverse=True)
    _, order = np.unique(np.array(changes["at"]), return_inverse=True)
    of_file = np.full(int(files.max()) + 1, -1)
    of_file[files] = [place_at.get(place, -1) for place in changes["place"]]
    found = knowledge(order, files, authors)
    place = of_file[found.files]
    known = place >= 0
    total = np.bincount(place[known], found.revisions[known], minlength=places)
    row, who = found.file_row[found.is_author], found.author[found.is_author]
    person = np.array([at.get(str(name), -1) for name in whose])[who]
    kept = (person >= 0) & (place[row] >= 0)
    np.add.at(share, (place[row][kept], person[kept]), found.revisions[row][kept])
    return np.divide(share, total[:, None], out=share, where=total[:, None] > 0)


def _hours(rows: Iterable[dict[str, Any]]) -> dict[str, tuple[Floats, int]]:
    """Commits by hour of the day (UTC) and the usual offset, by person; weekends are left out."""
    found: dict[str, tuple[Floats, int]] = {}
    for row in rows:
        if row["day"] > 5:
            continue
        counts, offset = found.get(row["person"], (np.zeros(24), int(row["offset"])))
        counts[row["hour"]] += row["n"]
        found[row["person"]] = counts, offset
    return found


def _starts(people: list[str], hours: dict[str, tuple[Floats, int]]) -> tuple[Floats, int]:
    """When each day of eight hours begins, UTC, and for how many that is a guess.

    The middle of the day is the circular mean of the hours of somebody's commits; with few commits, the day
    begins at 9:00 of their time zone.
    """
    angle = (np.arange(24) + 0.5) / 24 * 2 * np.pi
    starts = np.full(len(people), np.nan)
    for i, person in enumerate(people):
        if person not in hours:
            continue
        counts, offset = hours[person]
        if counts.sum() >= _ENOUGH_COMMITS:
            mean = np.angle((counts * np.exp(1j * angle)).sum())
            starts[i] = mean / (2 * np.pi) * 24 - 4
        else:
            starts[i] = 9 - offset / 60
    unknown = np.isnan(starts)
    starts[unknown] = 9.0 if unknown.all() else np.median(starts[~unknown])
    return (starts + 12) % 24 - 12, int(unknown.sum())


def _profile(rows: Iterable[dict[str, Any]]) -> Floats:
    """How arrivals spread over the week, drawn a little towards evenly where there are few."""
    counts = np.full(168, _PRIOR_ITEMS / 168)
    for row in rows:
        counts[int(row["hour"]) % 168] += row["n"]
    spread: Floats = counts / counts.sum()
    return spread
