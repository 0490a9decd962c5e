"""What each status of a source means for the life of an incident or issue, and by which rule.

A person's word goes first, then ``statuses:`` in ktlo.yaml, then what the source itself told (Jira's categories,
ServiceNow's numbers, PagerDuty's log), then the words that tools use (``sources/csv/states``). Read by ``episodes``;
shown and changed on the page of a source.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass

from ktlo.errors import NotFoundError, UserError
from ktlo.settings import Settings
from ktlo.sources.csv.states import known_state
from ktlo.store.protocol import Queryable
from ktlo.store.state import State

SUBJECT = "status"
"""Subject of what people say about statuses; the key is a JSON list of the source and the status."""


class Meaning(enum.StrEnum):
    """What a status means."""

    NEW = "new"
    ACTIVE = "active"
    WAITING = "waiting"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    IGNORED = "ignored"

    @property
    def title(self) -> str:  # type: ignore[override]
        """The meaning in words."""
        return _TITLES[self]


_TITLES = {
    Meaning.NEW: "nobody has taken it",
    Meaning.ACTIVE: "acknowledged, being worked on",
    Meaning.WAITING: "acknowledged, held up",
    Meaning.MITIGATED: "the harm has ended",
    Meaning.RESOLVED: "resolved",
    Meaning.CLOSED: "resolved and closed",
    Meaning.CANCELLED: "it was none",
    Meaning.IGNORED: "says nothing",
}

ENDED = frozenset({Meaning.RESOLVED, Meaning.CLOSED, Meaning.CANCELLED})
"""Meanings in which nothing is open any more."""


class Rule(enum.StrEnum):
    """Who says what a status means."""

    PERSON = "a person"
    SETTINGS = "ktlo.yaml"
    SOURCE = "the source"
    WORDS = "known words"
    NONE = "not known"


OF_KIND = {
    "acknowledged": Meaning.ACTIVE,
    "mitigated": Meaning.MITIGATED,
    "resolved": Meaning.RESOLVED,
    "reopened": Meaning.ACTIVE,
    "closed": Meaning.CLOSED,
}
"""What the kinds of steps mean that sources tell."""

STEPS = ("detected", "opened", "status", *OF_KIND)
"""Kinds of steps whose ``after`` is a status; others (paged, reassigned, commented…) change no phase."""


@dataclass(frozen=True, slots=True)
class Read:
    """How one step is read: its meaning (``None`` when nobody knows) and the rule."""

    meaning: Meaning | None
    rule: Rule


class StatusReader:
    """Reads statuses of all sources.

    Args:
        settings: ``statuses`` by source or kind of source.
        said: what people said: meaning by source and status (lower case).
    """

    def __init__(
        self, settings: Mapping[str, Mapping[str, str]], said: Mapping[tuple[str, str], str]
    ) -> None:
        self._settings = {
            (source, word.casefold()): Meaning(meaning)
            for source, words in settings.items()
            for word, meaning in words.items()
        }
        self._said = {key: Meaning(meaning) for key, meaning in said.items()}
        self._read: dict[tuple[str, str, str], Read] = {}

    @classmethod
    def of(cls, settings: Settings, state: State) -> StatusReader:
        """The reader that is in force now."""
        said = {}
        for correction in state.corrections(SUBJECT):
            source, word = json.loads(correction.key)
            said[source, word] = correction.value
        return cls(settings.statuses, said)

    def read(self, source: str, kind: str, status: str) -> Read:
        """What a step of a source means.

        Args:
            source: identifier of the source.
            kind: kind of the step, one of :data:`STEPS`.
            status: its name in the source; may be empty.
        """
        key = (source, kind, status)
        if key not in self._read:
            self._read[key] = self._decide(source, kind, status.casefold())
        return self._read[key]

    def _decide(self, source: str, kind: str, word: str) -> Read:
        if word:
            if (source, word) in self._said:
                return Read(self._said[source, word], Rule.PERSON)
            for place in (source, source.partition(":")[0]):
                if (place, word) in self._settings:
                    return Read(self._settings[place, word], Rule.SETTINGS)
        if kind in OF_KIND:
            return Read(OF_KIND[kind], Rule.SOURCE)
        if kind in ("detected", "opened"):
            return Read(Meaning.NEW, Rule.SOURCE)
        known = known_state(word)
        return Read(Meaning(known.value), Rule.WORDS) if known else Read(None, Rule.NONE)


@dataclass(frozen=True, slots=True)
class Status:
    """One status that a source told, and what it is taken for.

    Attributes:
        source: identifier of the source.
        status: its name there.
        items: incidents or issues that were ever in it.
        steps: steps into it.
        last_at: the newest of them.
        meaning: what it is taken for; ``None`` when nobody knows: such steps change no phase.
        rule: who says so.
        default: what it would be taken for if the team said nothing.
    """

    source: str
    status: str
    items: int
    steps: int
    last_at: dt.datetime
    meaning: Meaning | None
    rule: Rule
    default: Meaning | None


_SEEN = """
SELECT source, argMax(told.after, told.n) AS status, argMax(told.kind, told.n) AS kind, sum(told.n) AS steps,
  max(told.items) AS items, max(told.at) AS last_at
FROM (
  SELECT toString(source) AS source, after, toString(kind) AS kind, count() AS n,
    uniqExact(incident_id) AS items, max(occurred_at) AS at
  FROM ktlo.incident_events WHERE after != '' AND has({kinds:Array(String)}, toString(kind))
    AND ({source:String} = '' OR source = {source:String})
  GROUP BY source, after, kind
  UNION ALL
  SELECT toString(source) AS source, after, toString(kind) AS kind, count() AS n,
    uniqExact(issue_id) AS items, max(occurred_at) AS at
  FROM ktlo.issue_events WHERE after != '' AND has({kinds:Array(String)}, toString(kind))
    AND ({source:String} = '' OR source = {source:String})
  GROUP BY source, after, kind
) AS told GROUP BY source, lowerUTF8(told.after) ORDER BY source, steps DESC, status LIMIT 2000"""


def seen_statuses(store: Queryable, settings: Settings, state: State, source: str = "") -> list[Status]:
    """Every status that steps name, most frequent first; of one source, or of all."""
    reader, plain = StatusReader.of(settings, state), StatusReader({}, {})
    found = []
    for row in store.query(_SEEN, {"kinds": list(STEPS), "source": source}).to_pylist():
        key = (row["source"], row["kind"], row["status"])
        read = reader.read(*key)
        found.append(
            Status(
                row["source"],
                row["status"],
                row["items"],
                row["steps"],
                row["last_at"],
                read.meaning,
                read.rule,
                plain.read(*key).meaning,
            )
        )
    return found


def say_status(
    store: Queryable, settings: Settings, state: State, source: str, status: str, meaning: str, author: str
) -> None:
    """Say what a status means, or take it back with an empty meaning; in force at the next derivation.

    Raises:
        UserError: there is no such meaning.
        NotFoundError: the source never told such a status.
    """
    chosen = meaning.strip().casefold()
    if chosen and chosen not in list(Meaning):
        raise UserError(f"“{meaning}” is no meaning of a status", fix=f"Choose one of {', '.join(Meaning)}")
    word = status.strip().casefold()
    known = seen_statuses(store, settings, state, source)
    if word not in {one.status.casefold() for one in known}:
        names = ", ".join(one.status for one in known[:8]) or "none at all"
        raise NotFoundError(f"{source} never told a status “{status}”", fix=f"It told: {names}")
    state.correct(SUBJECT, json.dumps([source, word], ensure_ascii=False), chosen, author)
