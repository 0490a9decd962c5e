"""What people say about rotas, in the append-only journal of the state: time off, wishes, swaps, overrides, plans.

Nothing is overwritten: the newest word of a key is in force, and ``State.history`` has all of them. Every entry
is a JSON document; what cannot be read (written by a newer ktlo, or by hand) is left out and counted.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ktlo.errors import NotFoundError, UsageError
from ktlo.planning.rota.duties import Absence, Because, Duty, Mood, Wish
from ktlo.planning.rota.rules import Person
from ktlo.planning.rota.saying import read_span
from ktlo.planning.rota.shifts import Span
from ktlo.store.state import Correction, State

TIME_OFF, WISH, SWAP, OVERRIDE, PLAN, DRAFT = (
    f"rota_{what}" for what in ("time_off", "wish", "swap", "override", "plan", "draft")
)


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody stands in for a while, whoever would have been on duty."""

    number: str
    rota: str
    role: str
    person: str
    start: dt.datetime
    end: dt.datetime
    reason: str
    said_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Published:
    """A plan that was put in force: its duties replace those that started within its time."""

    rota: str
    start: dt.datetime
    end: dt.datetime
    roles: tuple[str, ...]
    duties: tuple[Duty, ...]
    said_at: dt.datetime
    author: str


def number_of(*parts: object) -> str:
    """A short identifier: the same parts give the same one."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def take_time_off(
    state: State,
    person: Person,
    first: str,
    last: str,
    *,
    reason: str = "",
    author: str,
    now: dt.datetime,
) -> Absence:
    """Enter time off; days are days where the person lives.

    Raises:
        UsageError: no dates, in the past, or the same days again.
    """
    span, words = read_span(first, last, person.zone)
    if span[1] <= now:
        raise UsageError(
            f"{words} is over", fix="Time off is entered for days to come; what was served stays as it was"
        )
    for other in absences(state):
        if other.person == person.key and other.start <= span[0] and span[1] <= other.end:
            raise UsageError(
                f"{person.name} is already away {other.words}",
                fix=f"Take that back first ({other.number}) to enter it differently",
            )
    number = number_of("off", person.key, *span)
    said = {"person": person.key, "reason": reason[:500], "words": words, **_span_out(span)}
    state.correct(TIME_OFF, number, json.dumps(said), author)
    return Absence(number, person.key, *span, words, reason)


def absences(state: State) -> list[Absence]:
    """Time off in force, by start."""
    found = []
    for entry, said in _readable(state.corrections(TIME_OFF)):
        found.append(
            Absence(entry.key, said["person"], *_span_in(said), str(said["words"]), str(said["reason"]))
        )
    return sorted(found, key=lambda one: (one.start, one.person))


def wish(
    state: State,
    person: Person,
    mood: Mood,
    first: str,
    last: str,
    *,
    reason: str = "",
    author: str,
    now: dt.datetime,
) -> Wish:
    """Enter a preference.

    Raises:
        UsageError: no dates, or in the past.
    """
    span, words = read_span(first, last, person.zone)
    if span[1] <= now:
        raise UsageError(f"{words} is over", fix="Wishes are for days to come")
    number = number_of("wish", person.key, *span)
    said = {"person": person.key, "mood": mood, "reason": reason[:500], "words": words, **_span_out(span)}
    state.correct(WISH, number, json.dumps(said), author)
    return Wish(number, person.key, mood, *span, words, reason)


def wishes(state: State) -> list[Wish]:
    """Preferences in force, by start."""
    found = [
        Wish(
            entry.key,
            said["person"],
            Mood(said["mood"]),
            *_span_in(said),
            str(said["words"]),
            str(said["reason"]),
        )
        for entry, said in _readable(state.corrections(WISH))
    ]
    return sorted(found, key=lambda one: (one.start, one.person))


def take_back(state: State, number: str, author: str) -> str:
    """Withdraw time off, a wish or an override by its number; returns what it was.

    Raises:
        NotFoundError: nothing in force has that number.
    """
    for subject, name in ((TIME_OFF, "time off"), (WISH, "wish"), (OVERRIDE, "override")):
        if any(entry.key == number for entry in state.corrections(subject)):
            state.correct(subject, number, "", author)
            return name
    raise NotFoundError(
        f"there is no time off, wish or override {number[:40]!r}", fix="`ktlo rota off` lists them"
    )


def override(
    state: State,
    rota: str,
    role: str,
    person: Person,
    span: Span,
    *,
    reason: str,
    author: str,
) -> str:
    """Let somebody stand in; returns its number."""
    number = number_of("override", rota, role, *span, person.key)
    said = {"rota": rota, "role": role, "person": person.key, "reason": reason[:500], **_span_out(span)}
    state.correct(OVERRIDE, number, json.dumps(said), author)
    return number


def overrides(state: State, rota: str) -> list[Override]:
    """Overrides of a rota in force, in the order they were said."""
    return [
        Override(
            entry.key,
            said["rota"],
            said["role"],
            said["person"],
            *_span_in(said),
            str(said["reason"]),
            entry.said_at,
        )
        for entry, said in _readable(state.corrections(OVERRIDE))
        if said["rota"] == rota
    ]


def publish(
    state: State, rota: str, span: Span, roles: Iterable[str], duties: Iterable[Duty], author: str
) -> None:
    """Put duties in force for some roles from one moment to another, in place of what was there."""
    state.correct(PLAN, rota, _plan_out(rota, span, roles, duties), author)


def published(state: State, rota: str) -> list[Published]:
    """Every plan of a rota that was put in force, oldest first."""
    return _plans(entry for entry in state.history(PLAN) if entry.key == rota)


def keep_draft(
    state: State, rota: str, span: Span, roles: Iterable[str], duties: Iterable[Duty], author: str
) -> None:
    """Keep a plan that is not in force yet; the newest of a rota is the draft."""
    state.correct(DRAFT, rota, _plan_out(rota, span, roles, duties), author)


def draft(state: State, rota: str) -> Published | None:
    """The draft of a rota; ``None`` when there is none."""
    found = _plans(entry for entry in state.corrections(DRAFT) if entry.key == rota)
    return found[-1] if found else None


def drop_draft(state: State, rota: str, author: str) -> None:
    """Throw the draft of a rota away."""
    state.correct(DRAFT, rota, "", author)


def _plan_out(rota: str, span: Span, roles: Iterable[str], duties: Iterable[Duty]) -> str:
    del rota
    return json.dumps(
        {
            **_span_out(span),
            "roles": list(roles),
            "duties": [
                [duty.role, duty.person, duty.start.isoformat(), duty.end.isoformat(), duty.because]
                for duty in duties
            ],
        }
    )


def _plans(entries: Iterable[Correction]) -> list[Published]:
    return [
        Published(
            entry.key,
            *_span_in(said),
            tuple(said["roles"]),
            tuple(
                Duty(
                    entry.key,
                    role,
                    person,
                    dt.datetime.fromisoformat(start),
                    dt.datetime.fromisoformat(end),
                    Because(because),
                )
                for role, person, start, end, because in said["duties"]
            ),
            entry.said_at,
            entry.author,
        )
        for entry, said in _readable(entries)
    ]


def _span_out(span: Span) -> dict[str, str]:
    return {"start": span[0].isoformat(), "end": span[1].isoformat()}


def _span_in(said: Mapping[str, Any]) -> Span:
    return dt.datetime.fromisoformat(said["start"]), dt.datetime.fromisoformat(said["end"])


def _readable(entries: Iterable[Correction]) -> list[tuple[Correction, dict[str, Any]]]:
    """Entries with what they say; withdrawals are left out."""
    return [(entry, json.loads(entry.value)) for entry in entries if entry.value]
