"""Which items two sources hold, so that every number counts them twice: one tracker imported twice, two exports of it.

Read from the store; shown on the Sources page, in a source's check, by the API, the CLI and ``ktlo doctor``. Sources
that are no longer read are looked at, too: their records still count. What was found is kept until a collection or a
webhook brought rows, or rows were forgotten: over two large trackers it takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from ktlo.server.freshness import rows_by_source
from ktlo.sources.protocol import Health, Missing, Status
from ktlo.store.protocol import Store
from ktlo.wording import counted

_NOUNS = {
    "incidents": ("detected_at", "repository"),
    "issues": ("created_at", "repository"),
    "outages": ("started_at", "service"),
}
"""Nouns that are counted by item: the instant by which one is dated, and the place to which it belongs."""

_BOTH = """
SELECT a.source AS one, b.source AS other, count() AS items, min(a.external_id) AS example
FROM {side} AS a INNER JOIN {side} AS b ON a.external_id = b.external_id
WHERE a.source < b.source AND abs(dateDiff('second', a.at, b.at)) <= 86400
  AND (a.title = '' OR b.title = '' OR a.title = b.title)
  AND (a.place = '' OR b.place = '' OR a.place = b.place)
GROUP BY one, other"""
_SIDE = """(
  SELECT toString(source) AS source, external_id, {at} AS at, title, {place} AS place FROM ktlo.{noun}
  WHERE cityHash64(external_id) IN (
    SELECT cityHash64(external_id) AS id FROM ktlo.{noun} GROUP BY id HAVING min(source) != max(source)))"""
"""Items whose identifier is in more than one source; by its hash, so that a large tracker needs little memory."""


_BROUGHT = """
SELECT
  (SELECT (countIf(c.rows > 0), maxIf(c.finished_at, c.rows > 0)) FROM ktlo.collections AS c) AS collected,
  (SELECT (sum(d.rows), sum(d.reading), maxIf(d.received_at, d.rows > 0)) FROM ktlo.deliveries AS d) AS told"""
"""When rows came last; a title that changed shows in no count of rows."""


@dataclass(frozen=True, slots=True)
class Twice:
    """Items that two sources hold.

    Attributes:
        noun: the table.
        one: identifier of the source with fewer of them in all.
        other: of the other.
        items: how many are in both.
        of_one: how many the first holds in all.
        of_other: how many the other holds in all.
        example: external identifier of one of them.
    """

    noun: str
    one: str
    other: str
    items: int
    of_one: int
    of_other: int
    example: str

    @property
    def words(self) -> str:
        """What is wrong, as a sentence."""
        are = "is" if self.items == 1 else "are"
        return (
            f"{counted(self.items, self.noun)} of {self.one} {are} also in {self.other} ({self.example}"
            f"{'' if self.items == 1 else ' for example'}): counted twice."
        )

    @property
    def fix(self) -> str:
        """What a person can do."""
        return (
            f"Keep one: `ktlo sources remove {self.one} --forget` takes out"
            f" {counted(self.of_one, self.noun)}, `ktlo sources remove {self.other} --forget`"
            f" {counted(self.of_other, self.noun)}"
        )


_found: WeakKeyDictionary[Store, tuple[str, list[Twice]]] = WeakKeyDictionary()
"""What was found in a store, and what it held then."""


def find_twice(store: Store) -> list[Twice]:
    """Items of the same identifier in two sources, dated within a day of each other.

    Numbers such as ``1`` are identifiers in many places: items whose titles differ, or whose repositories (of outages:
    services) do, are not the same. The day allows for exports that were read in different time zones.
    """
    rows = rows_by_source(store)
    held = {name: {noun: tables.get(noun, 0) for noun in _NOUNS} for name, tables in rows.items()}
    state = repr((sorted(held.items()), store.query(_BROUGHT).to_pylist()))
    before, kept = _found.get(store, ("", []))
    if before != state:
        kept = _find(store, rows)
        _found[store] = (state, kept)
    return list(kept)


def _find(store: Store, rows: Mapping[str, Mapping[str, int]]) -> list[Twice]:
    found: list[Twice] = []
    for noun in _NOUNS:
        if sum(noun in tables for tables in rows.values()) > 1:
            found += _of_noun(store, noun, {name: tables.get(noun, 0) for name, tables in rows.items()})
    return sorted(found, key=lambda one: -one.items)


def _of_noun(store: Store, noun: str, rows: Mapping[str, int]) -> list[Twice]:
    at, place = _NOUNS[noun]
    answer = store.query(_BOTH.format(side=_SIDE.format(noun=noun, at=at, place=place)))
    twice = []
    for row in answer.to_pylist():
        one, other = sorted((row["one"], row["other"]), key=lambda name: (rows[name], name))
        twice.append(Twice(noun, one, other, row["items"], rows[one], rows[other], row["example"]))
    return twice


def with_twice(source_id: str, health: Health, twice: Sequence[Twice]) -> Health:
    """A source's check with what another source holds, too."""
    missing = tuple(
        Missing(
            f"a single copy of {counted(each.items, each.noun)}",
            f"also in {each.other if each.one == source_id else each.one}, so counted twice",
            each.fix,
        )
        for each in twice
        if source_id in (each.one, each.other)
    )
    if not missing:
        return health
    status = Status.LIMITED if health.status is Status.READY else health.status
    return replace(health, status=status, missing=(*health.missing, *missing))
