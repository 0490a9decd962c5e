"""Entries for old dependencies, one a manifest: declarations that nobody has touched for over a year.

Takes ``dependencies`` (blame of the manifest's lines) and past updates. Interest is what the manifest was mended for:
bug-fixing, security and incident commits that had to change it, for the part of its declarations that is old.
A range such as ``>=2`` may stand for years and still be served the newest version; the age is that of the declaration.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from ktlo.effort.paths import NOT_BY_HAND
from ktlo.planning.debt.entry import Entry, Fact, Kind, amount, key_of, nothing_shown, stream
from ktlo.planning.debt.history import History
from ktlo.planning.debt.names import Place, origins
from ktlo.planning.debt.period import Period
from ktlo.store.protocol import Queryable

OLD = dt.timedelta(days=365)
MOST_MANIFESTS = 12
"""Manifests of a repository that become entries, those with the most old declarations first."""
LEAST_REPAIRS = 3
"""Repairs in the period below which no interest is told."""

_MANIFESTS = """
WITH
  members AS (
    SELECT member, any(service) AS service, any(team) AS team FROM ktlo.service_members
    WHERE kind = 'repository' GROUP BY member
  ),
  declared AS (
    SELECT repository, manifest, name, any(ecosystem) AS ecosystem, max(changed_at) AS at
    FROM ktlo.dependencies
    WHERE changed_at IS NOT NULL AND changed_at < {end:DateTime64(6, 'UTC')}
    GROUP BY repository, manifest, name
  )
SELECT
  d.repository AS repository, any(m.service) AS service, any(m.team) AS team, d.manifest AS manifest,
  any(d.ecosystem) AS ecosystem, count() AS declared, countIf(d.at < {old:DateTime64(6, 'UTC')}) AS old,
  min(d.at) AS oldest, quantileExact(0.5)(d.at) AS middle,
  arraySlice(arrayMap(p -> p.2, arraySort(groupArrayIf((d.at, d.name), d.at < {old:DateTime64(6, 'UTC')}))), 1, 8)
    AS names
FROM declared AS d LEFT JOIN members AS m ON m.member = d.repository
GROUP BY repository, manifest HAVING old > 0
ORDER BY repository, old DESC, manifest LIMIT {manifests:UInt32} BY repository"""

_REPAIRS = """
WITH
  days AS (
    SELECT item_id AS sha, sum(person_days) AS person_days FROM ktlo.effort
    WHERE item_kind = 'commit' AND category IN ('bug_fix', 'security', 'incident')
      AND day >= toDate({start:DateTime64(6, 'UTC')}) AND day <= toDate({end:DateTime64(6, 'UTC')})
    GROUP BY sha
  ),
  written AS (
    SELECT repository, sha, path, any(lines_added + lines_deleted) AS lines FROM ktlo.file_changes
    WHERE authored_at >= {start:DateTime64(6, 'UTC')} AND authored_at < {end:DateTime64(6, 'UTC')}
      AND NOT match(path, {not_by_hand:String})
    GROUP BY repository, sha, path
  ),
  sizes AS (SELECT repository, sha, sum(lines + 1) AS weight FROM written GROUP BY repository, sha)
SELECT
  w.repository AS repository, w.path AS manifest, count() AS repairs,
  sum(d.person_days * (w.lines + 1) / s.weight) AS days
FROM written AS w
INNER JOIN days AS d ON d.sha = w.sha
INNER JOIN sizes AS s ON s.repository = w.repository AND s.sha = w.sha
WHERE has({manifests:Array(String)}, w.path)
GROUP BY repository, manifest"""


def dependencies(store: Queryable, period: Period, history: History) -> list[Entry]:
    """Make the entries, in order of repository and old declarations."""
    rows = store.query(_MANIFESTS, period.bound(old=period.end - OLD, manifests=MOST_MANIFESTS)).to_pylist()
    if not rows:
        return []
    places = [Place(row["repository"], row["manifest"]) for row in rows]
    first_names = origins(store, places)
    repairs = {
        Place(row["repository"], row["manifest"]): (row["repairs"], row["days"] * period.hours_per_day)
        for row in store.query(
            _REPAIRS,
            period.bound(not_by_hand=NOT_BY_HAND, manifests=sorted({place.path for place in places})),
        ).to_pylist()
    }
    return [
        _entry(row, place, first_names[place], repairs.get(place, (0, 0.0)), period, history)
        for row, place in zip(rows, places, strict=True)
    ]


def _entry(
    row: dict[str, Any],
    place: Place,
    first_name: str,
    repaired: tuple[int, float],
    period: Period,
    history: History,
) -> Entry:
    key = key_of(Kind.DEPENDENCY, place.repository, first_name)
    rng = stream(period.seed, key)
    old, declared = int(row["old"]), int(row["declared"])
    principal = history.update.draw(float(old), period.draws, rng)
    repairs, hours = repaired
    share = old / declared
    if repairs >= LEAST_REPAIRS:
        each = hours / repairs
        monthly = rng.standard_gamma(repairs + 0.5, period.draws) * each * share / period.months
        interest = amount(
            monthly, repairs, "Repairs that had to change this manifest, for the part of it that is old"
        )
    else:
        high = 3.7 * (hours / repairs if repairs else 1.0) * share / period.months
        basis = "Too few repairs had to change this manifest in the period to show a cost"
        interest = nothing_shown(high, repairs, basis, period.draws)
    noun = "declaration" if declared == 1 else "declarations"
    return Entry(
        key=key,
        kind=Kind.DEPENDENCY,
        title=f"{place.path}: {old:,} of {declared:,} {noun} older than a year",
        repository=place.repository,
        path=place.path,
        service=row["service"] or "",
        team=row["team"] or "",
        principal=amount(principal, history.update.n, f"{history.update.basis}, for {old:,} at once"),
        interest=interest,
        relief=np.ones(period.draws),
        evidence=(
            Fact("Declarations older than a year", float(old)),
            Fact("Declarations in all", float(declared)),
            Fact("Oldest declaration since", row["oldest"]),
            Fact("Half of the declarations older than", (period.end - row["middle"]).total_seconds(), "s"),
            Fact("Oldest", ", ".join(row["names"])),
            Fact("Repairs that changed the manifest", float(repairs)),
            Fact("Hours of these repairs", hours, "h"),
        ),
        since=row["oldest"] + OLD,
        paths=(place.path,),
    )
