"""The debt register: every entry from every reader and every person, with its return and what was decided.

One call reads everything and computes it from one seed: the same records, journal and seed give the same register.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ktlo.errors import NotFoundError
from ktlo.metrics.estimate import Estimate
from ktlo.metrics.question import Dimension, Question
from ktlo.planning.debt.complexity import complexity
from ktlo.planning.debt.dependencies import dependencies
from ktlo.planning.debt.entry import Entry, Kind, Status, spread_of
from ktlo.planning.debt.flaky import flaky
from ktlo.planning.debt.history import History, history_of
from ktlo.planning.debt.hotspots import bugs_of, hotspots
from ktlo.planning.debt.journal import Journal
from ktlo.planning.debt.knowers import with_knowers
from ktlo.planning.debt.markers import markers
from ktlo.planning.debt.names import Place
from ktlo.planning.debt.payoff import FixTimes, Payoffs, fix_times, payoffs
from ktlo.planning.debt.period import Period, period_of
from ktlo.planning.debt.persistence import Persistence, persistence_of
from ktlo.planning.debt.returns import in_order
from ktlo.planning.debt.slowdown import slowdown_of
from ktlo.planning.debt.touches import FileWork, file_work
from ktlo.planning.debt.unused import unused
from ktlo.planning.debt.vulnerabilities import vulnerabilities
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable
from ktlo.store.state import State
from ktlo.wording import counted

DRAWS = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Total:
    """Sum over entries: principal in hours, interest in hours a month."""

    principal: Estimate
    interest: Estimate


@dataclass(frozen=True, slots=True, eq=False)
class Register:
    """What is owed.

    Attributes:
        entries: all of them in the order in which they should be paid: urgent ones, then by return.
        period: over which interest was measured.
        history: past repayments that principal is estimated from.
        payoffs: what past repayments brought.
        lasting: the part of an extra cost that goes on.
        times: when files were mended, to measure further repayments.
        notes: what cannot be said, one sentence each.
    """

    entries: tuple[Entry, ...]
    period: Period
    history: History
    payoffs: Payoffs
    lasting: Persistence
    times: FixTimes
    notes: tuple[str, ...]

    @property
    def owed(self) -> tuple[Entry, ...]:
        """Entries that are neither paid nor accepted."""
        return tuple(e for e in self.entries if e.standing.status in (Status.OPEN, Status.SCHEDULED))

    def with_prerequisites(self, wanted: Iterable[Entry]) -> tuple[Entry, ...]:
        """The owed ones among some entries, with what has to be done before them, in the register's order."""
        by_key = {entry.key: entry for entry in self.owed}
        keys: set[str] = set()
        to_see = [entry.key for entry in wanted]
        while to_see:
            key = to_see.pop()
            if key in by_key and key not in keys:
                keys.add(key)
                to_see.extend(by_key[key].after)
        return tuple(entry for entry in self.owed if entry.key in keys)

    def entry(self, key: str) -> Entry:
        """One entry.

        Raises:
            NotFoundError: there is none of that key.
        """
        for entry in self.entries:
            if entry.key == key:
                return entry
        raise NotFoundError(
            f"there is no entry {key[:80]!r}",
            fix="`ktlo debt list` shows the keys; one that is paid off in the code is no longer listed",
        )


def register(
    store: Queryable, state: State | None, question: Question, settings: Settings, *, draws: int = DRAWS
) -> Register:
    """Read and compute the register.

    Args:
        store: records.
        state: the journal; ``None`` for what the records alone tell.
        question: its end is the moment the register is about, its filters keep entries.
        settings: hours of a day, price of an interruption, seed.
        draws: how many draws every amount gets.
    """
    period = period_of(store, question, settings, draws=draws, seed=settings.planning.seed)
    history, times = history_of(store, period), fix_times(store, period)
    rng = np.random.default_rng([period.seed, 1])
    paid = payoffs(times, history.refactorings, period, rng)
    notes: list[str] = []
    found: list[Entry] = []
    if period.is_too_short:
        days = (period.end - period.start).days
        notes.append(
            f"The history is {counted(days, 'days')} long: too short to tell what anything costs by the month."
            " What is written down by hand, dependencies, to-dos and vulnerabilities are listed."
        )
    bugs = bugs_of(file_work(store, period))
    lasting = persistence_of(times, bugs.work, period, rng)
    paid = replace(
        paid, each=tuple(one for one in paid.each if _is_asked(one.repository, bugs.work, question))
    )
    if not period.is_too_short:
        if bugs.expected is None and len(bugs.work):
            notes.append(
                f"There were {counted(int(bugs.work.fixes.sum()), 'touches')} of files by bug fixes in the period:"
                " too few to say which file costs more than others."
            )
        found += hotspots(store, period, bugs, lasting, slowdown_of(store, period), history, paid.relief)
        found += flaky(store, period, history, settings)
        found += complexity(store, question, period, history)
    taken = {Place(e.repository, e.path) for e in found if e.kind is Kind.HOTSPOT and e.interest.is_shown}
    found += dependencies(store, period, history)
    found += markers(store, period, bugs, lasting, history, taken, paid.relief)
    found += vulnerabilities(store, period, history)
    never_ran, unsure = unused(store, period, history, question.now)
    found += never_ran
    notes += unsure
    if state is not None:
        found = _with_journal(found, Journal(state), period)
    kept = in_order([entry for entry in found if _matches(entry, question)])
    return Register(
        tuple(with_knowers(store, kept, period)), period, history, paid, lasting, times, tuple(notes)
    )


def _with_journal(found: list[Entry], journal: Journal, period: Period) -> list[Entry]:
    standings, sightings, day = journal.standings(), journal.sightings(), period.end.date()

    def told(entry: Entry) -> Entry:
        seen, standing = sightings.get(entry.key), standings.get(entry.key)
        if seen is not None:
            entry = replace(entry, first_seen=seen.first)
        return replace(entry, standing=standing.on(day)) if standing is not None else entry

    return [told(entry) for entry in [*found, *journal.entries(period)]]


def _is_asked(repository: str, work: FileWork, question: Question) -> bool:
    """Whether the filters keep a repository."""
    if not any(question.only.values()):
        return True
    place = next((i for i in range(len(work)) if work.name(i) == repository), None)
    if place is None:
        return False
    own = (repository, str(work.services[place]), str(work.teams[place]))
    asked = (Dimension.REPOSITORY, Dimension.SERVICE, Dimension.TEAM)
    return all(
        not question.only.get(name) or value in question.only[name]
        for name, value in zip(asked, own, strict=True)
    )


def _matches(entry: Entry, question: Question) -> bool:
    own = {
        Dimension.SERVICE: entry.service,
        Dimension.REPOSITORY: entry.repository,
        Dimension.TEAM: entry.team,
    }
    return all(
        not kept or own.get(dimension, "") in kept
        for dimension, kept in question.only.items()
        if dimension in own
    )


def total_of(entries: Iterable[Entry], draws: int) -> Total:
    """Sum principal and interest of entries, draw by draw; what is not estimable or not shown adds nothing."""
    principal, interest = np.zeros(draws), np.zeros(draws)
    n, n_interest = 0, 0
    for entry in entries:
        if entry.principal.draws is not None:
            principal, n = principal + entry.principal.draws, n + 1
        if entry.interest.draws is not None and entry.interest.is_shown:
            interest, n_interest = interest + entry.interest.draws, n_interest + 1
    return Total(spread_of(principal, n), spread_of(interest, n_interest))
