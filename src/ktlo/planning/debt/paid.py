"""Which entries were paid, how that is known, and what it brought.

Known by a person's word, by a refactoring in the history, or because the entry is gone from the records (a dependency
updated, to-dos removed, a vulnerability resolved, a file that costs no more than others). Measured by ``payoff`` where
there is something to count.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from ktlo.metrics.comparison import compare_rates
from ktlo.planning.debt.entry import Kind, Status
from ktlo.planning.debt.flaky import repeats_between
from ktlo.planning.debt.journal import Journal
from ktlo.planning.debt.payoff import LEAST_AFTER, LOOK, SOUGHT, Payoff, measured
from ktlo.planning.debt.register import Register
from ktlo.store.protocol import Queryable


class How(enum.StrEnum):
    """How it is known that an entry was paid."""

    SAID = "said"
    GONE = "gone"
    REFACTORED = "refactored"


@dataclass(frozen=True, slots=True, eq=False)
class Paid:
    """One repayment.

    Attributes:
        key: of the entry; empty for a refactoring that was never an entry.
        kind: of the entry.
        title: what it was.
        repository: where.
        how: how it is known.
        by: who said so; empty otherwise.
        paid_at: when.
        hours: that it took or was thought to take; ``None`` when unknown.
        sentence: what it brought, in words.
        payoff: the measurement; ``None`` where nothing can be counted.
    """

    key: str
    kind: Kind
    title: str
    repository: str
    how: How
    by: str
    paid_at: dt.datetime
    hours: float | None
    sentence: str
    payoff: Payoff | None = None


MOST_REFACTORINGS = 50
_SOON = "less than four weeks ago: too early to compare"
_UNMEASURED = {
    Kind.DEPENDENCY: "what it cost was not measured by file, so nothing is compared",
    Kind.MARKER: "what it cost was not measured by file, so nothing is compared",
    Kind.VULNERABILITY: "the risk is gone; there is nothing to compare",
    Kind.COMPLEXITY: "what it cost shows in the hotspots",
    Kind.UNUSED: "the functions are gone, ran after all, or are no longer watched: nothing is compared",
    Kind.HAND: "its interest was said, not measured: say whether it stopped",
}


def paid_entries(store: Queryable, journal: Journal | None, found: Register) -> list[Paid]:
    """Every repayment, those that were said or found gone first, newest first; then past refactorings.

    Args:
        store: asked for flaky runs before and after.
        journal: decisions and sightings; ``None`` for what the history alone tells.
        found: the register.
    """
    told = _from_journal(store, journal, found) if journal is not None else []
    named = {(one.repository, one.title) for one in told}
    for payoff in found.payoffs.each:
        if (payoff.repository, payoff.path) in named or payoff.before + payoff.after == 0:
            continue
        told.append(
            Paid("", Kind.HOTSPOT, payoff.path, payoff.repository, How.REFACTORED, "", payoff.paid_at,
                 payoff.hours, payoff.sentence, payoff)
        )  # fmt: skip
        if len(told) >= MOST_REFACTORINGS:
            break
    return told


def _from_journal(store: Queryable, journal: Journal, found: Register) -> list[Paid]:
    sightings, by_key = journal.sightings(), {entry.key: entry for entry in found.entries}
    told = []
    for key, standing in journal.standings().items():
        if standing.status is not Status.PAID or standing.said_at is None:
            continue
        entry, seen = by_key.get(key), sightings.get(key)
        if entry is not None:
            kind, title, repository, path, subject = (
                entry.kind, entry.title, entry.repository, entry.path, entry.subject,
            )  # fmt: skip
            hours = entry.principal.estimate.value
        elif seen is not None:
            kind, title, repository, path, subject = seen.kind, seen.title, seen.repository, seen.path, ""
            hours = seen.principal
        else:
            continue
        sentence, payoff = _brought(store, found, kind, repository, path, subject, standing.said_at)
        told.append(
            Paid(
                key,
                kind,
                title,
                repository,
                How.SAID,
                standing.author,
                standing.said_at,
                hours,
                sentence,
                payoff,
            )
        )
    said = {one.key for one in told}
    for key, seen in sightings.items():
        if seen.last is None or key in said:
            continue
        sentence, payoff = _brought(store, found, seen.kind, seen.repository, seen.path, "", seen.last)
        told.append(
            Paid(
                key,
                seen.kind,
                seen.title,
                seen.repository,
                How.GONE,
                "",
                seen.last,
                seen.principal,
                sentence,
                payoff,
            )
        )
    told.sort(key=lambda one: one.paid_at, reverse=True)
    return told


def _brought(
    store: Queryable, found: Register, kind: Kind, repository: str, path: str, subject: str, at: dt.datetime
) -> tuple[str, Payoff | None]:
    moment, now = at.timestamp(), found.period.end.timestamp()
    if kind is Kind.HOTSPOT:
        payoff = measured(found.times, repository, path, moment, moment, now, None)
        return (payoff.sentence, payoff) if payoff is not None else (_SOON, None)
    if kind is Kind.FLAKY and subject:
        after = min(moment + LOOK, now)
        if after - moment < LEAST_AFTER:
            return _SOON, None
        spans = ((moment - LOOK, moment), (moment, after))
        before_n, after_n = (repeats_between(store, repository, subject, *span) for span in spans)
        compared = compare_rates(before_n, LOOK, after_n, after - moment, noun="repeats", improvement=SOUGHT)
        return compared.sentence, None
    return _UNMEASURED.get(kind, "there is nothing to compare"), None
