"""The one place where a run becomes an exit code: 0 only when everything was checked and nothing fails.

Outcomes of the checks and the policy come in; the ``Report`` goes to ``formats``. Any new way of not knowing must
end as an ``Unchecked``, so that it cannot be forgotten here.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Sequence
from dataclasses import dataclass, field

from ktlo.guard.dependency import Dependency
from ktlo.guard.finding import Finding, Outcome, Unchecked
from ktlo.guard.policy import Policy, Tolerated, expired, judge
from ktlo.wording import counted


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
        stated: every dependency that the lock files state, for bills of materials.
    """

    files: tuple[str, ...] = ()
    dependencies: int = 0
    checked: int = 0
    internal: tuple[str, ...] = ()
    databases: tuple[DatabaseAge, ...] = ()
    stated: tuple[Dependency, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A check that gave nothing, and why.

    Attributes:
        check: its name.
        reason: a clause: it was told to, there is no such file, there is no policy for it.
        is_asked: somebody asked to leave it out, so that the verdict is about less than everything.
    """

    check: str
    reason: str
    is_asked: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a run with ``--since`` speaks of.

    Attributes:
        revision: as it was asked for.
        commit: the merge base, which the findings were compared with.
        existing: findings that were there already; they do not fail the change.
    """

    revision: str
    commit: str
    existing: tuple[Finding, ...] = ()


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
        skipped: checks that gave nothing.
        left_out: parts of checks that did not run and that policy does not ask for, a sentence each.
        change: what the findings were compared with; ``None`` without ``--since``.
        policy: what was applied.
        as_of: the moment that was judged as of; ``None`` for now.
        at: the moment of the run.
        project: name of what was checked, for bills of materials.
    """

    code: ExitCode
    headline: str
    failing: tuple[Finding, ...]
    tolerated: tuple[Tolerated, ...]
    unchecked: tuple[Unchecked, ...]
    stale: str
    outcomes: tuple[Outcome, ...]
    coverage: Coverage
    skipped: tuple[Skipped, ...] = ()
    left_out: tuple[str, ...] = ()
    change: Change | None = None
    policy: Policy = field(default_factory=Policy)
    as_of: datetime.datetime | None = None
    at: datetime.datetime | None = None
    project: str = "project"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a verdict is about besides the outcomes.

    Attributes:
        skipped, left_out, change, as_of, at, project: as in :class:`Report`.
    """

    skipped: tuple[Skipped, ...] = ()
    left_out: tuple[str, ...] = ()
    change: Change | None = None
    as_of: datetime.datetime | None = None
    at: datetime.datetime | None = None
    project: str = "project"


def decide(
    outcomes: Sequence[Outcome],
    undecided: Sequence[Finding],
    policy: Policy,
    coverage: Coverage,
    today: datetime.date,
    circumstances: Circumstances | None = None,
) -> Report:
    """Judge a run.

    Args:
        outcomes: of every check that ran.
        undecided: advisories neither confirmed nor excluded; unchecked unless policy answers for them.
        policy: what fails.
        coverage: what was looked at.
        today: the day expiries are compared with.
        circumstances: what else the verdict must say.
    """
    around = circumstances or Circumstances()
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
    headline = _headline(code, failing, unchecked, tolerated, stale, outcomes, around)
    return Report(
        code, headline, failing, tolerated, unchecked, stale, tuple(outcomes), coverage,
        around.skipped, around.left_out, around.change, policy, around.as_of,
        around.at, around.project,
    )  # fmt: skip


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
    around: Circumstances,
) -> str:
    amounts = [counted(one.checked, one.unit, zero="0") for one in outcomes if one.unit]
    looked_at = f"{', '.join(amounts)} checked" if amounts else ""
    also = []
    if around.as_of is not None:
        also.append(f"as of {around.as_of:%Y-%m-%d}")
    if around.change is not None:
        also.append(
            f"compared with {around.change.commit[:12]}, which has {counted(len(around.change.existing), 'findings')}"
            " of its own"
        )
    if code is ExitCode.FINDINGS and unchecked:
        also.append(f"{len(unchecked):,} could not be checked")
    known = sum(one.known for one in outcomes)
    if known:
        also.append(f"{known:,} known in baselines")
    if tolerated:
        also.append(f"{len(tolerated):,} tolerated by policy")
    if stale and code is not ExitCode.STALE:
        also.append("the database is too old")
    asked = [one.check for one in around.skipped if one.is_asked]
    if asked:
        also.append(f"{' and '.join(asked)} left out as asked")
    rest = "; ".join(filter(None, (looked_at, *also)))
    if code is ExitCode.FINDINGS:
        kind = "finding" if len(failing) == 1 else "findings"
        lead = f"Failed: {len(failing):,} {kind}{' that the change adds' if around.change else ''}"
    elif code is ExitCode.INCONCLUSIVE:
        lead = (
            f"Inconclusive: {len(unchecked):,} could not be checked"
            if outcomes
            else "Inconclusive: nothing ran"
        )
    elif code is ExitCode.STALE:
        lead = "Too old: nothing was found, but in a database that is too old"
    elif around.change is not None:
        lead = "Proven: the change adds nothing"
    else:
        lead = "Proven clean"
    return f"{lead} ({rest})." if rest else f"{lead}."
