"""Entries for to-dos that their authors admitted, one a folder: TODO, FIXME, HACK and XXX in the current tree.

Takes ``markers`` (with blame) and small repairs of the past. Interest is bug fixing beyond comparable code in the files
that hold the to-dos, without those that are hotspots of their own: nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from ktlo.metrics.estimate import LEVEL
from ktlo.planning.debt.entry import (
    SURE,
    Amount,
    Entry,
    Fact,
    Kind,
    amount,
    judge,
    key_of,
    nothing_shown,
    stream,
)
from ktlo.planning.debt.excess import Codes
from ktlo.planning.debt.history import History
from ktlo.planning.debt.hotspots import Bugs
from ktlo.planning.debt.names import Place
from ktlo.planning.debt.period import Period
from ktlo.planning.debt.persistence import Persistence
from ktlo.planning.demand import Floats
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

LEAST_MARKERS = 3
"""To-dos of a folder below which it is no entry."""
MOST_AREAS = 12
"""Folders of a repository that become entries, those with the most to-dos first."""
_MOST_FILES = 300
_ONE_BY_ONE = 60

_AREAS = """
WITH
  members AS (
    SELECT member, any(service) AS service, any(team) AS team FROM ktlo.service_members
    WHERE kind = 'repository' GROUP BY member
  ),
  marked AS (
    SELECT repository, path, line, any(word) AS word, any(introduced_at) AS at FROM ktlo.markers
    WHERE introduced_at IS NULL OR introduced_at < {end:DateTime64(6, 'UTC')}
    GROUP BY repository, path, line
  )
SELECT
  k.repository AS repository, any(m.service) AS service, any(m.team) AS team,
  arrayStringConcat(arraySlice(splitByChar('/', k.path), 1, toInt64(least(2, length(splitByChar('/', k.path)) - 1))),
    '/') AS area,
  count() AS markers, countIf(k.word IN ('FIXME', 'XXX')) AS urgent, min(k.at) AS oldest,
  quantileExactIf(0.5)(k.at, k.at IS NOT NULL) AS middle,
  arraySlice(arraySort(groupUniqArray(k.path)), 1, {files:UInt32}) AS paths
FROM marked AS k LEFT JOIN members AS m ON m.member = k.repository
GROUP BY repository, area HAVING markers >= {least:UInt32}
ORDER BY repository, markers DESC, area LIMIT {areas:UInt32} BY repository"""


def markers(
    store: Queryable,
    period: Period,
    bugs: Bugs,
    lasting: Persistence,
    history: History,
    taken: Collection[Place],
    relief: Floats,
) -> list[Entry]:
    """Make the entries.

    Args:
        store: asked for to-dos by folder.
        period: over which interest is measured.
        bugs: what bug fixing costs.
        lasting: the part of it that goes on.
        history: past small repairs.
        taken: files that are hotspots of their own.
        relief: (draws,) share of the extra cost that a repayment removes.
    """
    rows = store.query(
        _AREAS, period.bound(areas=MOST_AREAS, files=_MOST_FILES, least=LEAST_MARKERS)
    ).to_pylist()
    work = bugs.work
    places = {Place(work.name(i), str(work.paths[i])): i for i in range(len(work))} if rows else {}
    return [_entry(row, period, bugs, lasting, history, taken, places, relief) for row in rows]


def _entry(
    row: dict[str, Any],
    period: Period,
    bugs: Bugs,
    lasting: Persistence,
    history: History,
    taken: Collection[Place],
    places: Mapping[Place, int],
    relief: Floats,
) -> Entry:
    repository, area, n = row["repository"], row["area"], int(row["markers"])
    key = key_of(Kind.MARKER, repository, area)
    rng = stream(period.seed, key)
    # One by one up to a number; beyond it the spread of a sum no longer matters, only its mean does.
    some = min(n, _ONE_BY_ONE)
    each = np.sum([history.small_repair.draw(1.0, period.draws, rng) for _ in range(some)], axis=0)
    files = [Place(repository, path) for path in row["paths"]]
    own = np.array(
        [places[place] for place in files if place in places and place not in taken], dtype=np.int64
    )
    shown_in = area or "the top folder"
    return Entry(
        key=key,
        kind=Kind.MARKER,
        title=f"{counted(n, 'to-dos')} in {shown_in}",
        repository=repository,
        path=area,
        service=row["service"] or "",
        team=row["team"] or "",
        principal=amount(
            each * (n / some),
            history.small_repair.n,
            f"{history.small_repair.basis}, one for each of {counted(n, 'to-dos')}",
        ),
        interest=_interest(key, own, period, bugs, lasting, rng),
        relief=relief,
        evidence=(
            Fact("To-dos", float(n)),
            Fact("Of them FIXME or XXX", float(row["urgent"])),
            Fact("Files", float(len(files))),
            Fact("Half of them older than", _age(row["middle"], period), "s"),
            Fact("Bug fixes in these files, hotspots left out", float(bugs.work.fixes[own].sum())),
        ),
        since=row["oldest"],
        paths=tuple(place.path for place in files),
    )


def _age(middle: Any, period: Period) -> float | None:
    return None if middle is None else (period.end - middle).total_seconds()


def _interest(
    key: str, own: Codes, period: Period, bugs: Bugs, lasting: Persistence, rng: np.random.Generator
) -> Amount:
    n = int(bugs.work.fixes[own].sum())
    if not own.size:
        return nothing_shown(
            0.0, n, "All of these files are entries of their own, or none is source code", period.draws
        )
    hours = bugs.excess_hours(own, period, period.draws, rng)
    weighed = bugs.excess_hours(own, period, *judge(key))
    if hours is None or weighed is None:
        return nothing_shown(0.0, n, "Too few bug fixes in the period to compare", period.draws)
    total = hours.sum(axis=1)
    if np.mean(weighed.sum(axis=1) > 0) >= SURE:
        basis = "Bug fixing beyond comparable code in the files with to-dos, as far as it goes on"
        return amount(np.maximum(total, 0) * lasting.draws, n, basis)
    high = float(np.quantile(total, (1 + LEVEL) / 2))
    basis = "No more bug fixing shown in the files with to-dos than in comparable code"
    return nothing_shown(high, n, basis, period.draws)
