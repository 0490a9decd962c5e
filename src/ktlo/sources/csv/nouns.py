"""One row of a list export becomes one record: incident, issue, deployment, outage, time off.

What contradicts itself is refused (an end before its start); what is only incomplete comes in with a
warning that says what is missing. The choices are explained in docs/sources/csv.md.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ktlo.records.people import TimeOff
from ktlo.records.reliability import Incident, Outage
from ktlo.records.work import Deployment, Issue
from ktlo.sources.csv.config import CsvConfig
from ktlo.sources.csv.fields import Noun, Reading, fields_of
from ktlo.sources.csv.states import ENDED, StateClass, StateReader
from ktlo.sources.csv.values import BadCellError, CellReader, quoted
from ktlo.sources.lengths import BODY, TITLE

Cells = Mapping[str, tuple[str, ...]]
Record = Incident | Issue | Deployment | Outage | TimeOff
RECORD_OF: dict[Noun, type[Record]] = {
    Noun.INCIDENTS: Incident,
    Noun.ISSUES: Issue,
    Noun.DEPLOYMENTS: Deployment,
    Noun.OUTAGES: Outage,
    Noun.TIME_OFF: TimeOff,
}
HORIZON_FIELDS: dict[Noun, tuple[str, ...]] = {
    noun: tuple(name for name, field in fields_of(noun).items() if field.reading is Reading.INSTANT)
    for noun in (Noun.INCIDENTS, Noun.ISSUES, Noun.OUTAGES)
}
"""Fields whose newest value is the export's horizon; nouns without one are never censored."""
LONGEST_KEY = 500
"""Characters of an item's key."""
EARLIEST = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)


@dataclass(slots=True)
class Item:
    """One record read from one row.

    Attributes:
        key: its external id.
        record: the record; ``observed_until`` is the file's horizon.
        updated_at: when the source last changed it, by which duplicates are ordered; ``None`` if unknown.
        warnings: what is missing or was left out, one sentence each.
    """

    key: str
    record: Record
    updated_at: dt.datetime | None
    warnings: list[str] = field(default_factory=list)


class ItemReader:
    """Reads rows of one noun.

    Args:
        config: what the person said.
        source_id: identifier for the records.
        now: nothing can have happened after it.
        horizon: until when the file knows its items; ``None`` when it says nothing about that.
    """

    def __init__(
        self, config: CsvConfig, source_id: str, now: dt.datetime, horizon: dt.datetime | None = None
    ) -> None:
        self.cells = CellReader(config)
        self.states = StateReader(config.states)
        self._config = config
        self._source = source_id
        self._latest = now + dt.timedelta(days=1)
        self._horizon = horizon
        self._strange_states: set[str] = set()
        builders: dict[Noun, Callable[[Cells, list[str]], tuple[str, Record, dt.datetime | None]]] = {
            Noun.INCIDENTS: self._incident,
            Noun.ISSUES: self._issue,
            Noun.DEPLOYMENTS: self._deployment,
            Noun.OUTAGES: self._outage,
            Noun.TIME_OFF: self._time_off,
        }
        self._build = builders[config.noun]

    def read(self, cells: Cells) -> Item:
        """Read one row.

        Raises:
            BadCellError: the row must be turned away; says why.
        """
        warnings: list[str] = []
        key, record, updated_at = self._build(cells, warnings)
        return Item(key, record, updated_at, warnings)

    def past(self, cells: Cells, name: str) -> dt.datetime | None:
        """An instant that must lie between 1990 and now.

        Raises:
            BadCellError: it does not, or it is no date.
        """
        moment = self.cells.instant(cells, name)
        if moment is not None and not EARLIEST <= moment <= self._latest:
            text = self.cells.name(cells, name)
            when = "in the future" if moment > self._latest else "before 1990"
            raise BadCellError(f"{name}: {quoted(text)} is {when}. Mend the cell, or set `dates`", text)
        return moment

    def required(self, cells: Cells, name: str) -> dt.datetime:
        """An instant that must be there. Raises as :meth:`past`, and when the cell is empty."""
        moment = self.past(cells, name)
        if moment is None:
            raise BadCellError(f"{name} is empty. Fill in when it began")
        return moment

    def identifier(self, cells: Cells) -> str:
        """The item's own key.

        Raises:
            BadCellError: the cell is empty.
        """
        key = self.cells.name(cells, "external_id", longest=LONGEST_KEY)
        if not key:
            raise BadCellError("external_id is empty: the row has no key. Give it one")
        return key

    def state(self, cells: Cells, warnings: list[str]) -> StateClass | None:
        """What the row's state means; ``None`` when it has none, or an unknown one (warned about once)."""
        text = self.cells.name(cells, "state")
        means = self.states.read(text) if text else None
        if text and means is None and text not in self._strange_states:
            self._strange_states.add(text)
            warnings.append(
                f"the state {quoted(text)} is not known: it counts as open unless dates say otherwise."
                " Say what it means with `states`"
            )
        return means

    def _incident(self, cells: Cells, warnings: list[str]) -> tuple[str, Record, dt.datetime | None]:
        key = self.identifier(cells)
        detected = self.required(cells, "detected_at")
        started, acknowledged = self.past(cells, "started_at"), self.past(cells, "acknowledged_at")
        mitigated, resolved = self.past(cells, "mitigated_at"), self.past(cells, "resolved_at")
        closed = self.past(cells, "closed_at")
        for name, end in (("resolved_at", resolved), ("mitigated_at", mitigated), ("closed_at", closed)):
            self._ordered(cells, "detected_at", detected, name, end)
        if started is not None and started > detected:
            warnings.append("started_at is after detected_at and was left out. Mend the cell")
            started = None
        if acknowledged is not None and acknowledged < detected:
            warnings.append("acknowledged_at is before detected_at and was left out. Mend the cell")
            acknowledged = None
        means = self.state(cells, warnings)
        ended = means in ENDED if means is not None else (resolved or closed) is not None
        horizon = self._horizon
        if ended and resolved is None and closed is not None:
            if "resolved_at" in self._config.mapping:
                warnings.append(
                    "resolved_at is empty; closed_at is used, which is later or equal. Fill it in"
                )
            resolved = closed
        elif ended and resolved is None:
            warnings.append("it is ended, but not when: its duration is left open. Fill in resolved_at")
            horizon = detected
        elif not ended and resolved is not None:
            warnings.append("it is open, yet has resolved_at, which was left out. Mend the state or the date")
            resolved = None
        state = "cancelled" if means is StateClass.CANCELLED else "resolved" if ended else "open"
        record = Incident(
            source=self._source,
            external_id=key,
            service=self.cells.name(cells, "service"),
            repository=self.cells.name(cells, "repository"),
            team=self.cells.name(cells, "team"),
            title=self.cells.text(cells, "title", TITLE),
            severity=self.cells.severity(cells),
            state=state,
            started_at=started,
            detected_at=detected,
            acknowledged_at=acknowledged,
            mitigated_at=mitigated,
            resolved_at=resolved,
            closed_at=closed if ended else None,
            reopen_count=self.cells.count(cells, "reopen_count"),
            responders=self.cells.list(cells, "responders", warnings),
            caused_by=self.cells.name(cells, "caused_by"),
            url=self.cells.name(cells, "url"),
            observed_until=horizon,
        )
        return key, record, self.past(cells, "updated_at")

    def _issue(self, cells: Cells, warnings: list[str]) -> tuple[str, Record, dt.datetime | None]:
        key = self.identifier(cells)
        created = self.required(cells, "created_at")
        closed, updated = self.past(cells, "closed_at"), self.past(cells, "updated_at")
        self._ordered(cells, "created_at", created, "closed_at", closed)
        means = self.state(cells, warnings)
        ended = means in ENDED if means is not None else closed is not None
        horizon = self._horizon
        if ended and closed is None:
            warnings.append("it is closed, but not when: its duration is left open. Fill in closed_at")
            horizon = created
        elif not ended and closed is not None:
            warnings.append("it is open, yet has closed_at, which was left out. Mend the state or the date")
            closed = None
        closed_as = self.cells.name(cells, "closed_as") if ended else ""
        record = Issue(
            source=self._source,
            external_id=key,
            repository=self.cells.name(cells, "repository"),
            service=self.cells.name(cells, "service"),
            title=self.cells.text(cells, "title", TITLE),
            body=self.cells.text(cells, "body", BODY),
            issue_type=self.cells.name(cells, "issue_type"),
            severity=self.cells.severity(cells),
            labels=self.cells.list(cells, "labels", warnings),
            state="closed" if ended else "open",
            closed_as=closed_as or ("not_planned" if means is StateClass.CANCELLED else ""),
            author=self.cells.name(cells, "author"),
            assignee=self.cells.name(cells, "assignee"),
            created_at=created,
            closed_at=closed,
            updated_at=updated or closed or created,
            url=self.cells.name(cells, "url"),
            observed_until=horizon,
        )
        return key, record, updated

    def _deployment(self, cells: Cells, _: list[str]) -> tuple[str, Record, dt.datetime | None]:
        started, finished = self.required(cells, "started_at"), self.past(cells, "finished_at")
        self._ordered(cells, "started_at", started, "finished_at", finished)
        text = self.cells.name
        key = self._own_key(
            cells,
            *(text(cells, n) for n in ("repository", "service", "environment", "version", "sha")),
            started.isoformat(),
        )
        record = Deployment(
            source=self._source,
            external_id=key,
            repository=text(cells, "repository"),
            service=text(cells, "service"),
            environment=text(cells, "environment"),
            version=text(cells, "version"),
            sha=text(cells, "sha"),
            status=self.states.read_deployment(text(cells, "state")),
            actor=text(cells, "actor"),
            started_at=started,
            finished_at=finished,
            url=text(cells, "url"),
        )
        return key, record, finished

    def _outage(self, cells: Cells, _: list[str]) -> tuple[str, Record, dt.datetime | None]:
        planned = self.cells.flag(cells, "is_planned")
        # Announced maintenance may lie ahead.
        read = self.cells.instant if planned else self.past
        started, ended = read(cells, "started_at"), read(cells, "ended_at")
        service = self.cells.name(cells, "service")
        if started is None:
            raise BadCellError("started_at is empty. Fill in when it began")
        if not service:
            raise BadCellError("service is empty. Fill in what was down")
        self._ordered(cells, "started_at", started, "ended_at", ended)
        key = self._own_key(cells, service, started.isoformat())
        record = Outage(
            source=self._source,
            external_id=key,
            service=service,
            started_at=started,
            ended_at=ended,
            is_planned=planned,
            severity=self.cells.severity(cells),
            incident_id=self.cells.name(cells, "incident_id"),
            title=self.cells.text(cells, "title", TITLE),
            observed_until=self._horizon,
        )
        return key, record, ended

    def _time_off(self, cells: Cells, _: list[str]) -> tuple[str, Record, dt.datetime | None]:
        person, first = self.cells.name(cells, "person"), self.cells.day(cells, "first_day")
        if not person:
            raise BadCellError("person is empty. Fill in who was away")
        if first is None:
            raise BadCellError("first_day is empty. Fill in when it began")
        last = self.cells.day(cells, "last_day") or first
        if last < first:
            text = self.cells.name(cells, "last_day")
            raise BadCellError(f"last_day {quoted(text)} is before first_day {first}. Mend the row", text)
        key = self._own_key(cells, person, first.isoformat(), last.isoformat())
        record = TimeOff(
            source=self._source,
            external_id=key,
            person=person,
            first_day=first,
            last_day=last,
            reason=self.cells.name(cells, "reason"),
        )
        return key, record, None

    def _own_key(self, cells: Cells, *content: str) -> str:
        """The mapped key, or a digest of what identifies the item when no column is its key."""
        if "external_id" in self._config.mapping:
            return self.identifier(cells)
        return hashlib.sha256("\x1f".join(content).encode()).hexdigest()[:24]

    def _ordered(
        self, cells: Cells, first: str, start: dt.datetime, name: str, end: dt.datetime | None
    ) -> None:
        if end is not None and end < start:
            text = self.cells.name(cells, name)
            raise BadCellError(
                f"{name} {quoted(text)} is before {first} {quoted(self.cells.name(cells, first))}. Mend the row",
                text,
            )


def horizon_of(reader: ItemReader, noun: Noun, cells: Cells, now: dt.datetime) -> dt.datetime | None:
    """The newest time a row holds, cells that cannot be read and the future left out."""
    newest = None
    for name in HORIZON_FIELDS.get(noun, ()):
        try:
            moment = reader.cells.instant(cells, name)
        except BadCellError:
            continue
        if moment is not None and moment <= now and (newest is None or moment > newest):
            newest = moment
    return newest
