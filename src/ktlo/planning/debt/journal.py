"""What people say about debt, and when entries were first and last seen: an append-only journal in the state.

Subject ``debt``; keys ``entry|KEY`` (an entry by hand), ``standing|KEY`` (a decision) and ``seen|KEY`` (a sighting,
written after a collection). The newest of a key is in force, an empty value withdraws, everything stays readable.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ktlo.errors import NotFoundError, UserError
from ktlo.planning.debt.entry import Entry, Kind, Standing, Status, amount, stream
from ktlo.planning.debt.period import Period
from ktlo.planning.debt.said import MOST_TEXT, Said
from ktlo.planning.demand import Floats
from ktlo.store.state import State

SUBJECT = "debt"
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Sighting:
    """When a derived entry was there.

    Attributes:
        key: of the entry.
        kind: of the entry.
        title: as it was last called.
        repository: of it.
        path: of it.
        first: first seen.
        last: when it was found gone; ``None`` while it is there.
        principal: hours, as last estimated.
        interest: hours a month, as last estimated; ``None`` when it was not.
    """

    key: str
    kind: Kind
    title: str
    repository: str
    path: str
    first: dt.datetime
    last: dt.datetime | None
    principal: float | None
    interest: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journal about one entry, for its page."""

    at: dt.datetime
    author: str
    what: str


class Journal:
    """The journal of one state.

    Args:
        state: where it is kept.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def _latest(self, what: str) -> dict[str, tuple[dict[str, Any], str, dt.datetime]]:
        prefix = f"{what}|"
        return {
            one.key.removeprefix(prefix): (json.loads(one.value), one.author, one.said_at)
            for one in self._state.corrections(SUBJECT)
            if one.key.startswith(prefix)
        }

    def _write(self, what: str, key: str, value: Mapping[str, Any] | None, author: str) -> None:
        text = json.dumps(dict(value), ensure_ascii=False) if value is not None else ""
        self._state.correct(SUBJECT, f"{what}|{key}", text, author)

    def add(self, said: Said, author: str, key: str = "") -> str:
        """Write an entry down, or change one.

        Args:
            said: as :func:`checked` let it through.
            author: who says it; the register shows it.
            key: of the entry to change; empty for a new one.

        Returns:
            Its key.

        Raises:
            NotFoundError: there is no entry by hand of that key.
            UserError: nobody says it.
        """
        author = _named(author)
        if key and key not in self._latest("entry"):
            raise NotFoundError(
                f"there is no entry by hand {key[:80]!r}", fix="`ktlo debt list` shows the keys"
            )
        key = key or f"{Kind.HAND.value}-{secrets.token_hex(5)}"
        self._write("entry", key, _plain(said), author)
        return key

    def withdraw(self, key: str, author: str) -> None:
        """Take an entry by hand back; what was said of it stays in the journal.

        Raises:
            NotFoundError: there is no entry by hand of that key, or it was taken back before.
            UserError: nobody says it.
        """
        self.said(key)
        self._write("entry", key, None, _named(author))

    def decide(self, entry: Entry, standing: Standing, today: dt.date) -> None:
        """Write a decision down.

        Args:
            entry: as it stands now.
            standing: what is decided, with its author.
            today: the day of the decision.

        Raises:
            UserError: an acceptance without a reason or with a past expiry, or what is paid already is paid again.
        """
        now, new = entry.standing.status, standing.status
        author = _named(standing.author)
        if now is Status.PAID and new is Status.PAID:
            when = entry.standing.said_at
            raise UserError(
                f"{entry.key} is paid already" + (f", since {when:%Y-%m-%d}" if when else ""),
                where=entry.key, fix="Open it again first if it came back",
            )  # fmt: skip
        if new is Status.ACCEPTED:
            if not standing.reason.strip():
                raise UserError(
                    "an acceptance needs a reason", where=entry.key, fix="Say why it is lived with"
                )
            if standing.expires is None:
                raise UserError(
                    "an acceptance needs its last day", where=entry.key, fix="Give a date, such as 2027-03-31"
                )
            if standing.expires < today:
                raise UserError(
                    f"the acceptance would have ended on {standing.expires}", where=entry.key,
                    fix="Give a day that is still to come",
                )  # fmt: skip
        if len(standing.reason) > MOST_TEXT:
            raise UserError(
                f"the reason is longer than {MOST_TEXT} characters", where=entry.key, fix="Shorten it"
            )
        value = {
            "status": new.value,
            "reason": standing.reason.strip(),
            "expires": standing.expires.isoformat() if standing.expires else "",
            "week": standing.week.isoformat() if standing.week else "",
        }
        self._write("standing", entry.key, value, author)

    def standings(self) -> dict[str, Standing]:
        """Decisions in force, by entry."""
        return {
            key: Standing(
                status=Status(value["status"]),
                reason=value["reason"],
                expires=dt.date.fromisoformat(value["expires"]) if value["expires"] else None,
                week=dt.date.fromisoformat(value["week"]) if value["week"] else None,
                author=author,
                said_at=at,
            )
            for key, (value, author, at) in self._latest("standing").items()
        }

    def sightings(self) -> dict[str, Sighting]:
        """When derived entries were there."""
        return {
            key: Sighting(
                key=key,
                kind=Kind(value["kind"]),
                title=value["title"],
                repository=value["repository"],
                path=value["path"],
                first=dt.datetime.fromisoformat(value["first"]),
                last=dt.datetime.fromisoformat(value["last"]) if value["last"] else None,
                principal=value["principal"],
                interest=value["interest"],
            )
            for key, (value, _, _) in self._latest("seen").items()
        }

    def see(self, entries: Iterable[Entry], still_collected: Iterable[str], now: dt.datetime) -> int:
        """Write down which derived entries appeared, came back or went; twice changes nothing.

        Args:
            entries: the register's now.
            still_collected: repositories that still have records: what went with its repository was not paid.
            now: the moment.

        Returns:
            How many lines were written.
        """
        known, there = self.sightings(), set(still_collected)
        written, present = 0, set()
        for entry in entries:
            if entry.kind is Kind.HAND:
                continue
            present.add(entry.key)
            before = known.get(entry.key)
            if before is None or before.last is not None:
                first = before.first if before is not None else now
                self._write("seen", entry.key, _sighted(entry, first), "ktlo")
                written += 1
        for key, sighting in known.items():
            if key not in present and sighting.last is None and sighting.repository in there:
                value = {
                    "kind": sighting.kind.value, "title": sighting.title, "repository": sighting.repository,
                    "path": sighting.path, "first": sighting.first.isoformat(), "last": now.isoformat(),
                    "principal": sighting.principal, "interest": sighting.interest,
                }  # fmt: skip
                self._write("seen", key, value, "ktlo")
                written += 1
        return written

    def entries(self, period: Period) -> list[Entry]:
        """Entries by hand, oldest first."""
        return [
            _entry(key, value, author, at, period)
            for key, (value, author, at) in self._latest("entry").items()
        ]

    def said(self, key: str) -> Said:
        """An entry by hand as it was said.

        Raises:
            NotFoundError: there is none of that key.
        """
        found = self._latest("entry").get(key)
        if found is None:
            raise NotFoundError(
                f"there is no entry by hand {key[:80]!r}", fix="`ktlo debt list` shows the keys"
            )
        value = dict(found[0])
        return Said(**{**value, "after": tuple(value.get("after", ()))})

    def lines(self, key: str) -> list[Line]:
        """Everything that was ever said about an entry, oldest first."""
        told = []
        for one in self._state.history(SUBJECT):
            what, _, of = one.key.partition("|")
            if of == key:
                told.append(Line(one.said_at, one.author, _in_words(what, one.value)))
        return told


def _named(author: str) -> str:
    author = author.strip()
    if not author:
        raise UserError("who says so?", where="author", fix="Give a name: the register shows who said what")
    if len(author) > MOST_TEXT:
        raise UserError("the author's name is too long", where="author", fix="Shorten it")
    return author


def _plain(said: Said) -> dict[str, Any]:
    return {name: getattr(said, name) for name in Said.__dataclass_fields__}


def _sighted(entry: Entry, first: dt.datetime) -> dict[str, Any]:
    return {
        "kind": entry.kind.value, "title": entry.title, "repository": entry.repository, "path": entry.path,
        "first": first.isoformat(), "last": "", "principal": entry.principal.estimate.value,
        "interest": entry.interest.estimate.value,
    }  # fmt: skip


def _in_words(what: str, value: str) -> str:
    if not value:
        return "taken back"
    said = json.loads(value)
    if what == "seen":
        return "no longer there" if said["last"] else "seen"
    if what == "standing":
        parts = [said["status"], said["reason"], f"until {said['expires']}" if said["expires"] else ""]
        return ", ".join(part for part in parts if part)
    return (
        f"{said['title']}: {said['principal']:g} h to pay back ({said['principal_low']:g} to"
        f" {said['principal_high']:g}), {said['interest']:g} h a month"
        f" ({said['interest_low']:g} to {said['interest_high']:g})"
    )


def _entry(key: str, value: Mapping[str, Any], author: str, at: dt.datetime, period: Period) -> Entry:
    rng = stream(period.seed, key)
    basis = f"Said by {author} on {at:%Y-%m-%d}"
    principal = _said_draws(
        value["principal_low"], value["principal"], value["principal_high"], period.draws, rng
    )
    interest = _said_draws(
        value["interest_low"], value["interest"], value["interest_high"], period.draws, rng
    )
    return Entry(
        key=key,
        kind=Kind.HAND,
        title=value["title"],
        repository=value["repository"],
        path=value["path"],
        service=value["service"],
        team=value["team"],
        principal=amount(principal, 1, basis),
        interest=amount(interest, 1, basis),
        relief=np.ones(period.draws),
        since=at,
        first_seen=at,
        after=tuple(value.get("after", ())),
        paths=(value["path"],) if value["path"] else (),
    )


def _said_draws(low: float, value: float, high: float, draws: int, rng: np.random.Generator) -> Floats:
    """Draws whose median is what was said and whose middle 95% is the interval that was said.

    Two half normals meet at the median: what people say is seldom symmetric.
    """
    z = rng.standard_normal(draws)
    spread = np.where(z < 0, value - low, high - value) / _Z
    return np.clip(value + z * spread, 0, None)
