"""An event log becomes incidents or issues with their history: rows of one key, in order, are one life.

Rows are put aside in a temporary file of SQLite (which deletes itself), so that memory stays flat however
long the log is and however its rows are mixed; the disk needs about the size of the mapped columns. The
transitions give the history; a column that repeats a final value on every row (``resolved_at``) is only
used where no transition tells.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field

from ktlo.records.reliability import Incident, IncidentEvent
from ktlo.records.work import Issue, IssueEvent
from ktlo.sources.csv.config import CsvConfig, EventOrder
from ktlo.sources.csv.fields import Noun
from ktlo.sources.csv.history import Change, Life, Step, Transition, life_of
from ktlo.sources.csv.nouns import ItemReader
from ktlo.sources.csv.states import ENDED, StateClass
from ktlo.sources.csv.values import BadCellError, quoted
from ktlo.sources.lengths import BODY, TITLE, first_values
from ktlo.wording import counted

_ORDER = {
    EventOrder.TIME: "key, at, place",
    EventOrder.FILE: "key, place",
    EventOrder.FILE_REVERSED: "key, place DESC",
}
_ISSUE_KINDS = {
    Change.DETECTED: "opened",
    Change.RESOLVED: "closed",
    Change.CLOSED: "closed",
    Change.REOPENED: "reopened",
    Change.REASSIGNED: "assigned",
}

Cells = dict[str, tuple[str, ...]]


@dataclass(slots=True)
class LoggedItem:
    """One item of a log.

    Attributes:
        place: file and row of its last event.
        record: the item.
        events: its history.
        warnings: what is missing or contradictory, one sentence each.
    """

    place: str
    record: Incident | Issue
    events: list[IncidentEvent] | list[IssueEvent]
    warnings: list[str] = field(default_factory=list)

    @staticmethod
    def event_id(number: int) -> str:
        """Identifier of an item's nth event, from 1: stable while the log only grows."""
        return f"{number:04}"


@dataclass(slots=True)
class Refused:
    """An item of which no record can be made."""

    place: str
    reason: str
    excerpt: str


class EventLog:
    """Gathers the rows of a log, then hands out its items.

    Args:
        config: what the person said; its shape is ``events``.
        source_id: identifier for the records.
        now: nothing can have happened after it.
    """

    def __init__(self, config: CsvConfig, source_id: str, now: dt.datetime) -> None:
        self._config = config
        self._source = source_id
        self._reader = ItemReader(config, source_id, now)
        self._columns = sorted(
            {
                column
                for source in config.mapping.values()
                if isinstance(source, str | list)
                for column in ([source] if isinstance(source, str) else source)
            }
        )
        self._begins = "detected_at" if config.noun is Noun.INCIDENTS else "created_at"
        self._checked = (self._begins, "started_at", "resolved_at")
        self.newest: dt.datetime | None = None
        # An empty name is a temporary database that spills to disk and vanishes when closed.
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.execute("CREATE TABLE rows (key TEXT, at INTEGER, place INTEGER, name TEXT, cells TEXT)")
        self._rows.execute("BEGIN")
        self._count = 0

    def add(self, place: str, cells: dict[str, tuple[str, ...]]) -> None:
        """Put one row aside.

        Raises:
            BadCellError: it has no key, no time, or one that is no date; the row is turned away.
        """
        key = self._reader.identifier(cells)
        at = self._reader.past(cells, "event_at")
        if at is None:
            raise BadCellError("event_at is empty: the row does not say when it happened. Fill it in")
        if not self._reader.cells.name(cells, "state"):
            raise BadCellError("state is empty: the row does not say what happened. Fill it in")
        # Read now what the item will need, so that a bad cell costs its row and not the item.
        for name in self._checked:
            self._reader.past(cells, name)
        self._reader.cells.count(cells, "reopen_count")
        self.newest = at if self.newest is None or at > self.newest else self.newest
        self._count += 1
        kept = json.dumps([cells.get(column, ()) for column in self._columns])
        micros = int(at.timestamp() * 1_000_000)
        self._rows.execute("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", (key, micros, self._count, place, kept))

    def items(self) -> Iterator[LoggedItem | Refused]:
        """Every item, by key. The horizon is the newest event, or what the person said."""
        order = _ORDER[self._config.event_order]
        horizon = self._config.observed_until or self.newest
        self._rows.execute("CREATE INDEX by_key ON rows (key)")
        held: list[tuple[str, Cells]] = []
        current = None
        chosen = self._rows.execute(f"SELECT key, name, cells FROM rows ORDER BY {order}")  # noqa: S608 - from _ORDER
        for key, place, text in chosen:
            if key != current and held:
                yield self._item(held, horizon)
                held = []
            current = key
            values = [tuple(value) for value in json.loads(text)]
            held.append((place, dict(zip(self._columns, values, strict=True))))
        if held:
            yield self._item(held, horizon)

    def close(self) -> None:
        """Delete what was put aside."""
        self._rows.close()

    def _item(self, held: list[tuple[str, Cells]], horizon: dt.datetime | None) -> LoggedItem | Refused:
        place, last = held[-1]
        try:
            return self._read(held, horizon)
        except BadCellError as error:
            key = self._reader.identifier(last)
            return Refused(place, f"{key}: {error.reason}", error.value)

    def _read(self, held: list[tuple[str, Cells]], horizon: dt.datetime | None) -> LoggedItem:
        reader, warnings = self._reader, list[str]()
        place, last = held[-1]
        key = reader.identifier(last)
        steps = []
        for _, cells in held:
            happened = reader.required(cells, "event_at")
            means = reader.state(cells, warnings) or StateClass.ACTIVE
            steps.append(
                Step(
                    happened,
                    reader.cells.name(cells, "state"),
                    means,
                    reader.cells.name(cells, "actor"),
                    reader.cells.name(cells, "team"),
                )
            )
        begins = self._begins
        begun = [at for _, cells in held if (at := reader.past(cells, begins)) is not None]
        detected = begun[-1] if begun else steps[0].at
        if detected > max(step.at for step in steps):
            raise BadCellError(
                f"{begins} {quoted(reader.cells.name(last, begins))} is after its last event. Mend the row",
                reader.cells.name(last, begins),
            )
        life = life_of(steps, detected)
        reopened = max([life.reopen_count, *(reader.cells.count(cells, "reopen_count") for _, cells in held)])
        if "reopen_count" in self._config.mapping and reopened != life.reopen_count:
            warnings.append(
                f"{key}: its counter says {counted(reopened, 'reopenings')}, its history shows"
                f" {life.reopen_count}: the log has"
                " gaps. The counter is used"
            )
        if self._config.noun is Noun.ISSUES:
            return self._issue(key, place, last, held, steps, detected, life, horizon, warnings)
        return self._incident(key, place, last, held, detected, life, reopened, horizon, warnings)

    def _latest_text(self, held: list[tuple[str, Cells]], name: str) -> str:
        """The newest value of a field that is not empty: a log may leave out what did not change."""
        return next(
            (text for _, cells in reversed(held) if (text := self._reader.cells.name(cells, name))), ""
        )

    def _latest_title(self, held: list[tuple[str, Cells]]) -> str:
        texts = (self._reader.cells.text(cells, "title", TITLE) for _, cells in reversed(held))
        return next((text for text in texts if text), "")

    def _incident(
        self,
        key: str,
        place: str,
        last: Cells,
        held: list[tuple[str, Cells]],
        detected: dt.datetime,
        life: Life,
        reopened: int,
        horizon: dt.datetime | None,
        warnings: list[str],
    ) -> LoggedItem:
        reader = self._reader
        ended = life.last in ENDED
        stated = reader.past(last, "resolved_at")
        resolved = life.resolved_at
        if ended and resolved is not None and stated is not None and stated != resolved:
            if life.last is StateClass.CLOSED and _went_straight(life) and detected <= stated < resolved:
                # The log saw the paperwork's closing only; the column knows the resolution before it.
                resolved = stated
            else:
                warnings.append(
                    f"{key}: resolved_at says {quoted(reader.cells.name(last, 'resolved_at'))}, its history"
                    f" {resolved:%Y-%m-%d %H:%M} UTC. The history is used"
                )
        responders: dict[str, None] = {}
        noted: list[str] = []
        for _, cells in held:
            responders.update((name, None) for name in reader.cells.list(cells, "responders", noted))
        kept, left_out = first_values(tuple(responders), "responders")
        warnings += [f"{key}: {words}" for words in dict.fromkeys([*noted, left_out]) if words]
        started = reader.past(last, "started_at")
        record = Incident(
            source=self._source,
            external_id=key,
            service=self._latest_text(held, "service"),
            repository=self._latest_text(held, "repository"),
            team=self._latest_text(held, "team"),
            title=self._latest_title(held),
            severity=reader.cells.severity(last),
            state="cancelled" if life.last is StateClass.CANCELLED else "resolved" if ended else "open",
            started_at=started if started is None or started <= detected else None,
            detected_at=detected,
            acknowledged_at=_earlier(life.acknowledged_at, resolved),
            mitigated_at=life.mitigated_at,
            resolved_at=resolved,
            closed_at=life.closed_at,
            reopen_count=reopened,
            responders=kept,
            caused_by=self._latest_text(held, "caused_by"),
            url=self._latest_text(held, "url"),
            observed_until=horizon,
        )
        events = [
            IncidentEvent(
                source=self._source,
                incident_id=key,
                event_id=LoggedItem.event_id(number),
                occurred_at=step.at,
                kind=step.kind,
                actor=step.actor,
                before=step.before,
                after=step.after,
            )
            for number, step in enumerate(life.transitions, start=1)
        ]
        return LoggedItem(place, record, events, warnings)

    def _issue(
        self,
        key: str,
        place: str,
        last: Cells,
        held: list[tuple[str, Cells]],
        steps: list[Step],
        detected: dt.datetime,
        life: Life,
        horizon: dt.datetime | None,
        warnings: list[str],
    ) -> LoggedItem:
        cells, ended = self._reader.cells, life.last in ENDED
        noted: list[str] = []
        labels = cells.list(last, "labels", noted)
        warnings += [f"{key}: {words}" for words in noted]
        repository = self._latest_text(held, "repository")
        record = Issue(
            source=self._source,
            external_id=key,
            repository=repository,
            service=self._latest_text(held, "service"),
            title=self._latest_title(held),
            body=cells.text(last, "body", BODY),
            issue_type=self._latest_text(held, "issue_type"),
            severity=cells.severity(last),
            labels=labels,
            state="closed" if ended else "open",
            closed_as=cells.name(last, "closed_as") if ended else "",
            author=self._latest_text(held, "author"),
            assignee=cells.name(last, "assignee"),
            created_at=detected,
            closed_at=life.resolved_at,
            updated_at=max(step.at for step in steps),
            url=self._latest_text(held, "url"),
            observed_until=horizon,
        )
        events = [
            IssueEvent(
                source=self._source,
                issue_id=key,
                event_id=LoggedItem.event_id(number),
                repository=repository,
                occurred_at=step.at,
                kind=kind,
                actor=step.actor,
                before=step.before,
                after=step.after,
            )
            for number, (step, kind) in enumerate(_issue_kinds(life), start=1)
        ]
        return LoggedItem(place, record, events, warnings)


def _earlier(acknowledged: dt.datetime | None, resolved: dt.datetime | None) -> dt.datetime | None:
    """Nobody takes an incident after its end: taken at the latest when it was resolved."""
    return min(acknowledged, resolved) if acknowledged and resolved else acknowledged


def _went_straight(life: Life) -> bool:
    """Whether the last ending had no step of its own for the resolution."""
    endings = [
        step for step in life.transitions if step.kind in (Change.RESOLVED, Change.CLOSED, Change.REOPENED)
    ]
    return (
        bool(endings)
        and endings[-1].kind is Change.CLOSED
        and (len(endings) < 2 or endings[-2].kind is Change.REOPENED)
    )


def _issue_kinds(life: Life) -> Iterator[tuple[Transition, str]]:
    """Transitions by an issue's words: resolved and closed after it are one closing and a change of status."""
    ended = False
    for step in life.transitions:
        kind = _ISSUE_KINDS.get(step.kind, "status")
        if kind == "closed":
            yield step, "status" if ended else "closed"
            ended = True
        else:
            ended = ended and step.kind is not Change.REOPENED
            yield step, kind
