"""What a comparison of two stretches says: of one measure of one operation, and of all of them.

Made by ``telemetry/trends``; shown by pages, HTTP and the command line.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from ktlo.telemetry.compared import HOUR, Key, Stretches
from ktlo.telemetry.deployments import Mark


class Measure(enum.StrEnum):
    """What of an operation is compared."""

    P95 = "p95"
    ERRORS = "errors"
    RATE = "rate"


class Verdict(enum.StrEnum):
    """What can be said."""

    CHANGED = "changed"
    SMALL = "small"
    NOT_DETECTABLE = "not_detectable"
    NONE = "none"
    TOO_FEW = "too_few"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Least:
    """From what on a change matters, and how many calls a comparison needs in each stretch.

    Attributes:
        calls: calls.
        share: change of p95 and of the rate, as part of what it was.
        error_share: change of the share of calls that fail, absolute.
        error_ratio: the same as part of what it was.
    """

    calls: int = 200
    share: float = 0.10
    error_share: float = 0.001
    error_ratio: float = 0.20


LEAST = Least()


@dataclass(frozen=True, slots=True)
class Turned:
    """When a change began.

    Attributes:
        at: the hour.
        first: earliest hour that the figures do not exclude.
        last: latest such hour.
        deployment: what was deployed about then, of its own service if that was; ``None`` when nothing known was.
        deployed: service of that deployment; empty when none.
    """

    at: dt.datetime
    first: dt.datetime
    last: dt.datetime
    deployment: Mark | None
    deployed: str = ""


@dataclass(frozen=True, slots=True)
class Trend:
    """One measure of one operation in both stretches.

    Attributes:
        key: the operation.
        measure: of it.
        verdict: what can be said.
        before: value in the earlier stretch: seconds, share or calls a minute; ``None`` without calls.
        after: value in the later one.
        ratio: after by before, hour for hour; ``None`` where one is zero or missing.
        low: lower end of its 95% interval (of the difference for errors).
        high: upper end.
        q: the false discovery rate at which it would just be named; ``None`` when it was not tested.
        calls: calls of both stretches in the hours that were compared.
        hours: hours that were compared.
        needed: calls at which a change of the least size that matters would probably be seen; ``None`` if unknown.
        added: hours of callers' time a day for p95, failed calls a day for errors, calls a day for the rate; later
            minus earlier.
        turned: when it began; only for what is named.
        trace: of the longest call of the later stretch; empty when unknown.
    """

    key: Key
    measure: Measure
    verdict: Verdict
    before: float | None
    after: float | None
    ratio: float | None
    low: float | None
    high: float | None
    q: float | None
    calls: int
    hours: int
    needed: int | None
    added: float
    turned: Turned | None = None
    trace: str = ""

    @property
    def is_worse(self) -> bool:
        """Slower, or failing more often; a rate is neither better nor worse."""
        return self.measure is not Measure.RATE and (self.after or 0) > (self.before or 0)


@dataclass(frozen=True, slots=True)
class Trends:
    """Everything that was compared.

    Attributes:
        stretches: what with what.
        hours: hours in which telemetry arrived in both.
        since: when the store has its first record, where that is after the earlier stretch began; else ``None``.
        named: changes, those that add most first, by measure.
        others: everything else.
        left_out: operations beyond the most that are compared.
    """

    stretches: Stretches
    hours: int
    named: tuple[Trend, ...]
    others: tuple[Trend, ...]
    left_out: int
    since: dt.datetime | None = None

    @property
    def asked_hours(self) -> int:
        """Hours that the question is about."""
        return int(self.stretches.asked.sum())

    @property
    def whole_from(self) -> dt.datetime | None:
        """When every hour can be compared, where the store is too young for that; else ``None``."""
        if self.since is None:
            return None
        hour = self.since.replace(minute=0, second=0, microsecond=0)
        first_whole = hour if hour == self.since else hour + HOUR
        return first_whole + (self.stretches.later.end - self.stretches.earlier.start)

    @property
    def tested(self) -> int:
        """How many comparisons had enough calls to be made."""
        return sum(one.q is not None for one in (*self.named, *self.others))

    def of(self, measure: Measure) -> tuple[Trend, ...]:
        """Named changes of one measure."""
        return tuple(one for one in self.named if one.measure is measure)
