"""The one place where a run becomes an exit code: 0 only when everything was checked and nothing fails.

Outcomes of the checks and the policy come in; the ``Report`` goes to ``formats``. Any new way of not knowing must
end as an ``Unchecked``, so that it cannot be forgotten here.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Sequence
from dataclasses import dataclass

from ktlo.guard.finding import Finding, Outcome, Unchecked
from ktlo.guard.policy import Policy, Tolerated, expired, judge


class ExitCode(enum.IntEnum):
    """What the process ends with."""

    CLEAN = 0
    FINDINGS = 1
    INCONCLUSIVE = 2
    STALE = 3
    USAGE = 4


@dataclass(frozen=True, slots=True)
class DatabaseAge:
    """A database that was asked.

    Attributes:
        place: where it is.
        records: how many it holds; ``None`` for a service.
        newest: its newest content; ``None`` for a service, which answers from today's.
        age_days: age in days; ``None`` likewise.
    """

    place: str
    records: int | None
    newest: datetime.datetime | None
    age_days: float | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the run speaks of.

    Attributes:
        files: lock files that were found, also those that could not be read.
        dependencies: read from them.
        checked: of them, checked.
        internal: of them, declared internal, as ``name version``.
        databases: what was asked.
    """

    files: tuple[str, ...] = ()
    dependencies: int = 0
    checked: int = 0
    internal: tuple[str, ...] = ()
    databases: tuple[DatabaseAge, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A run, judged.

    Attributes:
        code: exit code.
        headline: the verdict in one sentence.
        failing: findings that fail the build.
        tolerated: findings that do not, with the reason.
        unchecked: what could not be checked.
        stale: why the data is too old; empty when it is not.
        outcomes: as the checks gave them.
        coverage: what dependencies were looked at.
    """

    code: ExitCode
    headline: str
    failing: tuple[Finding, ...]
    tolerated: tuple[Tolerated, ...]
    unchecked: tuple[Unchecked, ...]
    stale: str
    outcomes: tuple[Outcome, ...]
    coverage: Coverage


def decide(
    outcomes: Sequence[Outcome],
    undecided: Sequence[Finding],
    policy: Policy,
    coverage: Coverage,
    today: datetime.date,
) -> Report:
    """Judge a run.

    Args:
        outcomes: of every check that ran.
        undecided: advisories neither confirmed nor excluded; unchecked unless policy answers for them.
        policy: what fails.
        coverage: what was looked at.
        today: the day expiries are compared with.
    """
    judged = judge((one for outcome in outcomes for one in outcome.findings), policy, today)
    open_questions = judge(undecided, policy, today)
    failing = (*expired(policy, today), *judged.failing)
    tolerated = (*judged.tolerated, *open_questions.tolerated)
    unchecked = tuple(
        dict.fromkeys(
            (*(one for outcome in outcomes for one in outcome.unchecked),
             *(_unclear(one) for one in open_questions.failing))
        )
    )  # fmt: skip
    stale = " ".join(outcome.stale for outcome in outcomes if outcome.stale)
    code = _code(len(failing), len(unchecked), stale, len(outcomes))
    headline = _headline(code, failing, unchecked, tolerated, stale, outcomes)
    return Report(code, headline, failing, tolerated, unchecked, stale, tuple(outcomes), coverage)


def _code(failing: int, unchecked: int, stale: str, checks: int) -> ExitCode:
    if failing:
        return ExitCode.FINDINGS
    if unchecked or not checks:
        return ExitCode.INCONCLUSIVE
    return ExitCode.STALE if stale else ExitCode.CLEAN


def _unclear(one: Finding) -> Unchecked:
    what = f"{one.rule} about {one.properties.get('package', '')} {one.properties.get('version', '')}"
    return Unchecked(
        one.check, f"{what} in {one.location.path}", one.properties.get("undecided", one.message)
    )


def _headline(
    code: ExitCode,
    failing: Sequence[Finding],
    unchecked: Sequence[Unchecked],
    tolerated: Sequence[Tolerated],
    stale: str,
    outcomes: Sequence[Outcome],
) -> str:
    looked_at = ", ".join(f"{one.checked:,} {one.unit} checked" for one in outcomes)
    also = []
    if code is ExitCode.FINDINGS and unchecked:
        also.append(f"{len(unchecked):,} could not be checked")
    if tolerated:
        also.append(f"{len(tolerated):,} tolerated by policy")
    if stale and code is not ExitCode.STALE:
        also.append("the database is too old")
    rest = "; ".join(filter(None, (looked_at, *also)))
    if code is ExitCode.FINDINGS:
        lead = f"Failed: {len(failing):,} {'finding' if len(failing) == 1 else 'findings'}"
    elif code is ExitCode.INCONCLUSIVE:
        lead = (
            f"Inconclusive: {len(unchecked):,} could not be checked"
            if outcomes
            else "Inconclusive: nothing ran"
        )
    elif code is ExitCode.STALE:
        lead = "Too old: nothing was found, but in a database that is too old"
    else:
        lead = "Proven clean"
    return f"{lead} ({rest})." if rest else f"{lead}."
