"""Phases of incidents and bugs, worked out from their steps: nothing is read from a source again.

Pure in :func:`episodes_of`; :func:`derive_phases` reads the store in parts of bounded size and replaces ``phases`` as a
whole, after each collection and as soon as somebody says what a status means.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import pyarrow as pa

from ktlo.effort.statuses import ENDED, STEPS, Meaning, Read, Rule, StatusReader
from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.effort import ItemKind
from ktlo.records.phases import Episode
from ktlo.settings import Settings
from ktlo.store import Store
from ktlo.store.state import State

PART = 50_000
"""Items whose steps are held in memory at once."""

OWN_FIELD = "the source's own field"
OPEN_THERE = "the source says that it is open"


@dataclass(frozen=True, slots=True)
class Item:
    """An incident or bug as its source has it now.

    Attributes:
        kind: incident or issue.
        source: identifier of the source.
        item_id: external_id.
        is_open: the source says that it is open.
        is_cancelled: the source says that it was none.
        detected_at: when it was detected or opened.
        acknowledged_at: the source's own field.
        mitigated_at: the source's own field.
        resolved_at: the source's own field.
        basis: all of this as text, by which the metrics know whether phases are of this state.
    """

    kind: ItemKind
    source: str
    item_id: str
    is_open: bool
    is_cancelled: bool
    detected_at: dt.datetime
    acknowledged_at: dt.datetime | None
    mitigated_at: dt.datetime | None
    resolved_at: dt.datetime | None
    basis: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step in an item's history that may change a phase."""

    at: dt.datetime
    kind: str
    status: str


@dataclass(slots=True)
class _Life:
    detected_at: dt.datetime
    detected_by: str
    acknowledged: tuple[dt.datetime | None, str] = (None, "")
    mitigated: tuple[dt.datetime | None, str] = (None, "")
    resolved: tuple[dt.datetime | None, str] = (None, "")
    is_cancelled: bool = False
    is_undone: bool = field(default=False)


def _why(step: Step, read: Read) -> str:
    said = f"“{step.status}”" if step.status else step.kind
    return f"{said}, {read.rule}"


def episodes_of(item: Item, steps: Sequence[Step], reader: StatusReader) -> list[Episode]:
    """The episodes of one item, the first from its detection.

    A step from an ended status (resolved, closed, cancelled) to one that is not begins the next episode. Acknowledged
    is the first step into active, waiting or mitigated; mitigated is undone by a step back; resolved is the step into
    an ended status. Where no step tells an instant, the source's own field does. Where the source says that the item is
    open and its steps say it ended, it is open: a step is missing. What the team says about a status goes before what
    the source says about the item.

    Args:
        item: as the source has it now.
        steps: in the order they happened.
        reader: meaning of statuses.
    """
    lives = [_Life(item.detected_at, OWN_FIELD)]
    before = Meaning.NEW
    adjusted = False
    for step in steps:
        read = reader.read(item.source, step.kind, step.status)
        by_team = read.rule in (Rule.PERSON, Rule.SETTINGS)
        adjusted = adjusted or by_team
        meaning = read.meaning
        if meaning is None or meaning is Meaning.IGNORED:
            continue
        if step.kind in ("detected", "opened") and not by_team:
            lives[0].detected_by = _why(step, read) if len(lives) == 1 else lives[0].detected_by
            continue
        at = max(step.at, item.detected_at)
        if before in ENDED and meaning not in ENDED:
            lives.append(_Life(at, _why(step, read)))
            if meaning is Meaning.MITIGATED:
                lives[-1].mitigated = (at, _why(step, read))
        else:
            _continue(lives[-1], before, meaning, at, _why(step, read))
        before = meaning
    _reconcile(item, steps, lives, adjusted)
    last = len(lives)
    return [
        Episode(
            item_kind=item.kind,
            source=item.source,
            item_id=item.item_id,
            episode=number,
            is_last=number == last,
            state="open" if life.resolved[0] is None else "cancelled" if life.is_cancelled else "resolved",
            detected_at=life.detected_at,
            detected_by=life.detected_by,
            acknowledged_at=life.acknowledged[0],
            acknowledged_by=life.acknowledged[1],
            mitigated_at=life.mitigated[0],
            mitigated_by=life.mitigated[1],
            resolved_at=life.resolved[0],
            resolved_by=life.resolved[1],
            is_adjusted=adjusted,
            basis=item.basis,
        )
        for number, life in enumerate(lives, start=1)
    ]


def _continue(life: _Life, before: Meaning, meaning: Meaning, at: dt.datetime, why: str) -> None:
    """Take one step within an episode."""
    if meaning in ENDED:
        if before not in ENDED:
            life.resolved = (at, why)
        life.is_cancelled = meaning is Meaning.CANCELLED
        return
    if meaning is not Meaning.NEW and life.acknowledged[0] is None:
        life.acknowledged = (at, why)
    if meaning is Meaning.MITIGATED:
        if before is not Meaning.MITIGATED:
            life.mitigated, life.is_undone = (at, why), False
    elif life.mitigated[0] is not None:
        # Back from monitoring to work: the harm had not ended after all.
        life.mitigated, life.is_undone = (None, ""), True


def _reconcile(item: Item, steps: Sequence[Step], lives: list[_Life], adjusted: bool) -> None:
    """Fill from the source's own fields what no step tells, and let the source say whether it is open."""
    # A field that stands at a step was read from that step by the source's own mapping; the team's goes before it.
    told = {step.at for step in steps} if adjusted else set()
    first, last = lives[0], lives[-1]

    def usable(moment: dt.datetime | None, since: dt.datetime) -> bool:
        return moment is not None and moment >= since and moment not in told

    end, taken = first.resolved[0], item.acknowledged_at
    in_time = end is None or taken is None or taken <= end
    if first.acknowledged[0] is None and in_time and usable(taken, first.detected_at):
        first.acknowledged = (taken, OWN_FIELD)
    if last.mitigated[0] is None and not last.is_undone and usable(item.mitigated_at, last.detected_at):
        last.mitigated = (item.mitigated_at, OWN_FIELD)
    if item.is_open:
        if last.resolved[0] is not None and not adjusted:
            last.resolved, last.is_cancelled = (None, OPEN_THERE), False
    elif last.resolved[0] is None and usable(item.resolved_at, last.detected_at):
        last.resolved, last.is_cancelled = (item.resolved_at, OWN_FIELD), item.is_cancelled
    elif item.is_cancelled and not adjusted:
        # Its steps say only that it ended; the source says that it was none.
        last.is_cancelled = True


INCIDENT_BASIS = (
    "toString((toString(i.state), i.detected_at, i.acknowledged_at, i.mitigated_at, i.resolved_at))"
)
ISSUE_BASIS = "toString((toString(i.state), i.created_at, i.closed_at))"
"""What the source says of an item, as text: the same expression in the derivation and in the metrics."""

_INCIDENTS = f"""
SELECT toString(i.source) AS source, i.external_id AS item_id, i.state = 'open' AS is_open,
  i.state = 'cancelled' AS is_cancelled, i.detected_at AS detected_at, i.acknowledged_at AS acknowledged_at,
  i.mitigated_at AS mitigated_at, i.resolved_at AS resolved_at, {INCIDENT_BASIS} AS basis
FROM ktlo.incidents AS i
WHERE cityHash64(i.source, i.external_id) % {{parts:UInt32}} = {{part:UInt32}}"""  # noqa: S608 - ktlo's own text
_BUGS = f"""
SELECT toString(i.source) AS source, i.external_id AS item_id, i.state != 'closed' AS is_open,
  false AS is_cancelled, i.created_at AS detected_at, CAST(NULL AS Nullable(DateTime64(6, 'UTC'))) AS acknowledged_at,
  CAST(NULL AS Nullable(DateTime64(6, 'UTC'))) AS mitigated_at, i.closed_at AS resolved_at, {ISSUE_BASIS} AS basis
FROM ktlo.issues AS i
INNER JOIN ktlo.verdicts AS v
  ON v.item_kind = 'issue' AND v.source = i.source AND v.item_id = i.external_id AND v.category = 'bug_fix'
WHERE cityHash64(i.source, i.external_id) % {{parts:UInt32}} = {{part:UInt32}}"""  # noqa: S608 - ktlo's own text


def _steps_sql(table: str, key: str) -> str:
    return f"""
SELECT toString(source) AS source, {key} AS item_id, occurred_at, toString(kind) AS kind, after
FROM ktlo.{table}
WHERE has({{kinds:Array(String)}}, toString(kind)) AND cityHash64(source, {key}) % {{parts:UInt32}} = {{part:UInt32}}
ORDER BY source, item_id, occurred_at, kind NOT IN ('detected', 'opened'), length(event_id), event_id"""  # noqa: S608 - ktlo's own names


_READ = {
    ItemKind.INCIDENT: (
        _INCIDENTS,
        _steps_sql("incident_events", "incident_id"),
        "SELECT count() AS n FROM ktlo.incidents",
    ),
    ItemKind.ISSUE: (_BUGS, _steps_sql("issue_events", "issue_id"), "SELECT count() AS n FROM ktlo.issues"),
}


def derive_phases(store: Store, state: State, settings: Settings) -> int:
    """Replace ``phases``; how many episodes there are.

    Raises:
        StoreError: the engine refused or failed; the old phases stay.
    """
    reader = StatusReader.of(settings, state)
    seen = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal seen
        for kind in _READ:
            for rows in _parts(store, kind, reader):
                seen += len(rows)
                yield to_arrow(rows, Episode)

    store.replace(TABLES["phases"], batches())
    return seen


def _parts(store: Store, kind: ItemKind, reader: StatusReader) -> Iterator[list[Episode]]:
    items_sql, steps_sql, count_sql = _READ[kind]
    parts = 1 + store.query(count_sql)["n"][0].as_py() // PART
    for part in range(parts):
        values = {"parts": parts, "part": part}
        items = {
            (row["source"], row["item_id"]): Item(
                kind,
                row["source"],
                row["item_id"],
                bool(row["is_open"]),
                bool(row["is_cancelled"]),
                row["detected_at"],
                row["acknowledged_at"],
                row["mitigated_at"],
                row["resolved_at"],
                row["basis"],
            )
            for row in store.query(items_sql, values).to_pylist()
        }
        table = store.query(steps_sql, {**values, "kinds": list(STEPS)})
        columns = [table[name].to_pylist() for name in ("source", "item_id", "occurred_at", "kind", "after")]
        rows: list[Episode] = []
        for key, told in groupby(zip(*columns, strict=True), key=lambda row: (row[0], row[1])):
            item = items.pop(key, None)
            if item is not None:
                rows += episodes_of(item, [Step(at, kind, after) for _, _, at, kind, after in told], reader)
        for item in items.values():
            rows += episodes_of(item, (), reader)
        yield rows
