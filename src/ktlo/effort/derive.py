"""Everything that effort derives, recomputed after a collection: persons, services, verdicts, days.

Reads the store and people's corrections, writes ``persons``, ``aliases``, ``service_members``, ``verdicts``,
``phases`` and ``effort`` with :meth:`Store.replace`. Doing it twice changes nothing; memory is bounded by batches of
commits and by periods of whole years.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ktlo.effort.activity import activities, periods
from ktlo.effort.attribution import attribute
from ktlo.effort.catalogue import derive_members
from ktlo.effort.classify import (
    Classifier,
    Layers,
    corrected_categories,
    evidence_of,
    shipped_classifier,
)
from ktlo.effort.coding import SEPARATOR, joined
from ktlo.effort.ended import read_ended
from ktlo.effort.episodes import derive_phases
from ktlo.effort.identities import Lookalike
from ktlo.effort.items import ItemKey, WorkItem
from ktlo.effort.links import LinkTargets
from ktlo.effort.model import Correction as Lesson
from ktlo.effort.people import People, read_people, read_time_off
from ktlo.effort.reading import ItemReader
from ktlo.effort.team_rules import TeamRules
from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.effort import ItemKind, Verdict
from ktlo.records.people import Alias, Person
from ktlo.records.services import ServiceMember
from ktlo.settings import Settings
from ktlo.store import Store
from ktlo.store.state import Correction, State


@dataclass(frozen=True, slots=True)
class Step:
    """How far the derivation is: a step in words, and of how many units how many are done."""

    words: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Derivation:
    """What was derived.

    Attributes:
        persons: number of people, bots included.
        bots: number of bots.
        items: number of work items with a verdict.
        parts: number of rows of ``effort``.
        undated: commits whose dates are impossible; they have a verdict but no day.
        lookalikes: names that may hide one person behind several.
    """

    persons: int
    bots: int
    items: int
    parts: int
    undated: int
    lookalikes: tuple[Lookalike, ...]


def _silent(_: Step) -> None:
    """Report to nobody."""


def derive(
    store: Store,
    state: State,
    settings: Settings,
    classifier: Callable[[Sequence[Lesson]], Classifier] = shipped_classifier,
    report: Callable[[Step], None] = _silent,
) -> Derivation:
    """Recompute everything that effort derives.

    Args:
        store: records; the derived tables are replaced one by one.
        state: corrections.
        settings: ``people``, ``teams``, ``services``, ``rules`` and ``effort``.
        classifier: given what people corrected, the classifier to ask where no rule speaks.
        report: called as the work proceeds.

    Raises:
        UserError: ``people``, ``services`` or ``rules`` of ktlo.yaml contradict themselves; nothing is
            replaced then.
    """
    rules = TeamRules(settings.rules)
    report(Step("Who is who", 0, 1))
    people, merged = read_people(store, settings, state.corrections("person"))
    members = derive_members(store, state, settings.services)
    store.replace(TABLES["persons"], [to_arrow(merged.persons, Person)])
    store.replace(TABLES["aliases"], [to_arrow(merged.aliases, Alias)])
    corrections = state.corrections("category")
    reader = ItemReader(store, people.hosts, people.is_bot)
    lessons = _lessons(reader, corrections)
    layers = Layers(rules, corrected_categories(corrections), classifier(lessons), read_ended(store))
    counted = _Counter()
    total = _count(store, "SELECT count() AS n FROM ktlo.commits")
    store.replace(TABLES["verdicts"], counted.rows(_verdicts(reader, layers, total, report)))
    report(Step("Phases of incidents and bugs", 0, 1))
    derive_phases(store, state, settings)
    parts = _Counter()
    store.replace(TABLES["effort"], parts.rows(_effort(store, settings, people, members, report)))
    return Derivation(
        persons=len(merged.persons),
        bots=sum(person.is_bot for person in merged.persons),
        items=counted.seen,
        parts=parts.seen,
        undated=_count(store, "SELECT count() AS n FROM ktlo.commits WHERE dated_by = 'none'"),
        lookalikes=merged.lookalikes,
    )


class _Counter:
    """Counts the rows of batches that pass by."""

    def __init__(self) -> None:
        self.seen = 0

    def rows(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self.seen += batch.num_rows
            yield batch


def _count(store: Store, sql: str) -> int:
    number: int = store.query(sql).to_pylist()[0]["n"]
    return number


def _lessons(reader: ItemReader, corrections: Sequence[Correction]) -> list[Lesson]:
    """What the model may learn from: corrected items that still exist, oldest correction first."""
    keys: dict[str, ItemKey] = {}
    for correction in corrections:
        kind, _, rest = correction.key.partition("|")
        source, _, item_id = rest.rpartition("|")
        if kind in list(ItemKind) and item_id:
            keys[correction.key] = ItemKey(ItemKind(kind), source, item_id)
    items = reader.some(keys.values()) if keys else {}
    said = corrected_categories(corrections)
    return [
        Lesson(evidence_of(items[key]), said[text][0])
        for text, key in keys.items()
        if key in items and text in said
    ]


def _verdicts(
    reader: ItemReader, layers: Layers, commits: int, report: Callable[[Step], None]
) -> Iterator[pa.RecordBatch]:
    """Issues first, then the changes that close them, then the commits that those carry."""
    targets, nothing = LinkTargets(), LinkTargets()
    report(Step("What it was for", 0, commits))

    def judged(items: list[WorkItem]) -> list[Verdict]:
        return layers.classify(items, targets)

    yield to_arrow(judged(reader.incidents()), Verdict)
    # Issues belong to nothing, so that their batches do not depend on each other.
    for items in reader.issues():
        verdicts = layers.classify(items, nothing)
        targets.add(items, verdicts)
        yield to_arrow(verdicts, Verdict)
    items = reader.changes()
    verdicts = judged(items)
    targets.add(items, verdicts)
    yield to_arrow(verdicts, Verdict)
    done = 0
    for items in reader.commits():
        yield to_arrow(judged(items), Verdict)
        done += len(items)
        report(Step("What it was for", done, commits))


def _effort(
    store: Store,
    settings: Settings,
    people: People,
    members: Sequence[ServiceMember],
    report: Callable[[Step], None],
) -> Iterator[pa.RecordBatch]:
    away = people.absences(read_time_off(store))
    ranges = list(periods(store))
    for done, days in enumerate(ranges):
        report(Step("Whose days it took", done, len(ranges)))
        work = with_services(people.join(activities(store, days)), members)
        yield attribute(work, settings.effort, away)
    report(Step("Whose days it took", len(ranges), len(ranges)))


def with_services(work: pa.Table, members: Sequence[ServiceMember]) -> pa.Table:
    """Replace the raw ``service`` of activities by the catalogue's: by its name, else by the repository."""
    by_name = {member.member: member.service for member in members if member.kind == "service"}
    by_repository = {member.member: member.service for member in members if member.kind == "repository"}
    said = joined(work, ("service", "repository"))
    names = []
    for text in said.dictionary.to_pylist():
        service, _, repository = text.partition(SEPARATOR)
        names.append(by_name.get(service) or by_repository.get(repository, ""))
    column = pa.DictionaryArray.from_arrays(said.indices, pa.array(names, pa.string()))
    return work.set_column(work.schema.get_field_index("service"), "service", column)
