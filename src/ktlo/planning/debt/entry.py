"""What an entry of the debt register is: principal, interest, what they rest on, and what was decided about it.

Made by the readers of this folder (``hotspots``, ``dependencies``, ``markers``…) and by people (``journal``), put
together in ``register``, read by ``schedule`` and the faces. Amounts carry draws, so that sums, returns and
probabilities keep their uncertainty; draw *i* of one amount belongs to draw *i* of every other.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
from dataclasses import dataclass, field

import numpy as np

from ktlo.metrics.estimate import LEVEL, Estimate, not_estimable
from ktlo.planning.demand import Floats

WEEKS_A_MONTH = 365.25 / 12 / 7
"""Interest is told by the month, plans run by the week."""


class Kind(enum.StrEnum):
    """Where an entry comes from."""

    HOTSPOT = "hotspot"
    DEPENDENCY = "dependency"
    VULNERABILITY = "vulnerability"
    FLAKY = "flaky"
    MARKER = "marker"
    COMPLEXITY = "complexity"
    UNUSED = "unused"
    HAND = "hand"

    @property
    def title(self) -> str:  # type: ignore[override]
        """The kind as people read it."""
        return _TITLES[self]


_TITLES = {
    Kind.HOTSPOT: "hotspot",
    Kind.DEPENDENCY: "old dependencies",
    Kind.VULNERABILITY: "vulnerability",
    Kind.FLAKY: "flaky workflow",
    Kind.MARKER: "to-dos",
    Kind.COMPLEXITY: "growing complexity",
    Kind.UNUSED: "never ran",
    Kind.HAND: "said by a person",
}


class Status(enum.StrEnum):
    """What was decided about an entry."""

    OPEN = "open"
    SCHEDULED = "scheduled"
    ACCEPTED = "accepted"
    PAID = "paid"


@dataclass(frozen=True, slots=True, eq=False)
class Amount:
    """Hours (principal) or hours a month (interest), with what they rest on.

    Attributes:
        draws: (draws,) at or above zero; ``None`` when it cannot be estimated.
        estimate: mean and middle 95% of the draws, or why there is none.
        basis: one sentence on where it comes from; says so when it is a stated prior.
        is_shown: for interest: the records show that it is there; False for "no extra cost shown", whose draws
            are nothing and whose ``estimate.high`` says how much could hide.
    """

    draws: Floats | None
    estimate: Estimate
    basis: str
    is_shown: bool = True


def amount(draws: Floats, n: int, basis: str) -> Amount:
    """An amount told by the mean of its draws, so that amounts add up, and their middle 95%.

    Args:
        draws: (draws,) none below zero.
        n: observations that it rests on.
        basis: where it comes from.
    """
    return Amount(draws, spread_of(draws, n), basis)


def spread_of(draws: Floats, n: int) -> Estimate:
    """Mean of draws and their middle 95%; a mean beyond them, as of very skewed ones, is drawn to their end."""
    tail = (1 - LEVEL) / 2
    low, high = (float(q) for q in np.quantile(draws, (tail, 1 - tail)))
    return Estimate(min(max(float(draws.mean()), low), high), low, high, n)


def nothing_shown(could_hide: float, n: int, basis: str, draws: int) -> Amount:
    """Interest that the records do not show: no hours, and how many could hide below what can be seen.

    Args:
        could_hide: upper end of the 95% interval, in the amount's unit.
        n: observations that it rests on.
        basis: what was compared with what.
        draws: how many draws every amount has.
    """
    return Amount(np.zeros(draws), Estimate(0.0, 0.0, max(0.0, could_hide), n), basis, is_shown=False)


def unknown(reason: str, n: int = 0) -> Amount:
    """An amount that cannot be estimated, and why."""
    return Amount(None, not_estimable(reason, n), reason, is_shown=False)


@dataclass(frozen=True, slots=True)
class Fact:
    """A piece of evidence: what was counted, how much, in which unit.

    Attributes:
        label: what it is, in words.
        value: a number, a text, a moment, or ``None`` when it is not estimable.
        unit: of a number: ``h``, ``lines``, ``days``, ``share``, or empty for a count.
    """

    label: str
    value: float | str | dt.datetime | None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Knower:
    """Somebody who knows the code.

    Attributes:
        person: identifier of the person.
        commits: of theirs, to the entry's code in the last two years.
        name: what people call them; the identifier where no name is known.
    """

    person: str
    commits: int
    name: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What was decided about an entry, and by whom.

    Attributes:
        status: open where nothing was ever said.
        reason: why it is accepted, or what paid it.
        expires: last day of an acceptance; after it the entry is open again.
        week: Monday of the week it is scheduled for.
        author: who said it; empty when nobody did.
        said_at: when.
    """

    status: Status = Status.OPEN
    reason: str = ""
    expires: dt.date | None = None
    week: dt.date | None = None
    author: str = ""
    said_at: dt.datetime | None = None

    def on(self, day: dt.date) -> Standing:
        """What holds on a day: an acceptance that has expired is none."""
        expired = self.status is Status.ACCEPTED and self.expires is not None and day > self.expires
        return Standing(reason=f"accepted until {self.expires}: {self.reason}") if expired else self


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One piece of debt.

    Attributes:
        key: stable identifier, ``hotspot-1f0c9a2b7d``: the same after every collection, and after renames.
        kind: where it comes from.
        title: what it is, in a line.
        repository: empty when none.
        service: by the catalogue; empty when none.
        team: owning team; empty when none.
        path: file, folder or manifest; empty when none.
        principal: hours to pay it back.
        interest: hours a month that it costs.
        relief: (draws,) share of the interest that paying it back removes, 0 to 1.
        evidence: what was counted.
        knowers: who knows the code, most commits first.
        since: from when the records tell of it; ``None`` when they do not.
        first_seen: when ktlo first listed it; ``None`` before it was written down.
        last_seen: when it was last there; ``None`` while it is.
        standing: what was decided.
        after: keys of entries that must be paid first.
        paths: every file it is about, for the rows behind.
        is_urgent: to be decided by its risk, before any return: a vulnerability.
        subject: the workflow, package or service of telemetry that it is about; empty otherwise.
    """

    key: str
    kind: Kind
    title: str
    repository: str
    path: str
    principal: Amount
    interest: Amount
    relief: Floats
    service: str = ""
    team: str = ""
    evidence: tuple[Fact, ...] = ()
    knowers: tuple[Knower, ...] = ()
    since: dt.datetime | None = None
    first_seen: dt.datetime | None = None
    last_seen: dt.datetime | None = None
    standing: Standing = field(default_factory=Standing)
    after: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    is_urgent: bool = False
    subject: str = ""


SURE = 0.9
"""Probability of an extra cost from which on it counts as shown."""
_JUDGED, _JUDGE = 4000, 20261126


def judge(key: str) -> tuple[int, np.random.Generator]:
    """How many draws decide whether an extra cost is shown, and where they come from.

    The same for every seed and number of draws, so that a plan and a page do not disagree on what is shown.
    """
    return _JUDGED, stream(_JUDGE, key)


def key_of(kind: Kind, *parts: str) -> str:
    """The identifier of an entry: its kind, and a digest of what it is about."""
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]
    return f"{kind.value}-{digest}"


def stream(seed: int, key: str) -> np.random.Generator:
    """Where the draws of one entry come from: its own, so that they do not depend on which others there are."""
    return np.random.default_rng([seed, int(hashlib.sha256(key.encode()).hexdigest()[:12], 16)])
