"""The policy rehearsed on history: what the gate would have said on a day, or on many days of a year.

The repository's state of that day comes from git's objects, the advisories that were published by then from the
databases, ignores and VEX statements as of then. A record's content is today's: what it said before its last change
is not in a mirror. Linters do not take part: today's programs say nothing about that day.
"""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ktlo.errors import KtloError, UserError
from ktlo.guard.checks.protocol import Answer, LockFiles, Subject
from ktlo.guard.finding import Outcome, Unchecked
from ktlo.guard.gate import Run, answers_for, judged, policy_of
from ktlo.guard.policy import Policy
from ktlo.guard.snapshot import PastError, at_moment
from ktlo.guard.verdict import Circumstances, ExitCode, Report
from ktlo.guard.vulnerabilities.advisory import moment
from ktlo.settings import load_settings
from ktlo.wording import counted

STEPS = ("day", "week", "month", "quarter")
_MOST = 400


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a rehearsal.

    Attributes:
        date: the day; its end counts (UTC).
        code: what the gate would have ended with.
        headline: its verdict.
        failing: number of findings that would have failed the build.
        worst: rules of the first of them, at most five.
        unchecked: number of things that could not be checked.
        tolerated: number of findings that policy tolerates.
    """

    date: datetime.date
    code: ExitCode
    headline: str
    failing: int = 0
    worst: tuple[str, ...] = ()
    unchecked: int = 0
    tolerated: int = 0


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Days in order."""

    days: tuple[Day, ...]

    @property
    def code(self) -> ExitCode:
        """The worst of all days, as a single run orders them: findings, inconclusive, too old, clean."""
        codes = {one.code for one in self.days}
        order = (ExitCode.FINDINGS, ExitCode.INCONCLUSIVE, ExitCode.STALE)
        return next((one for one in order if one in codes), ExitCode.CLEAN)

    @property
    def headline(self) -> str:
        """How many builds would have passed and failed, one sentence."""
        count = {code: sum(one.code is code for one in self.days) for code in ExitCode}
        return (
            f"Of {counted(len(self.days), 'builds')} {count[ExitCode.FINDINGS]:,} would have failed,"
            f" {count[ExitCode.CLEAN]:,} would have been proven clean, and"
            f" {count[ExitCode.INCONCLUSIVE] + count[ExitCode.STALE]:,} would have proven nothing."
        )


def days_of(asked: str, every: str, today: datetime.date) -> tuple[datetime.date, ...]:
    """The days that ``DATE`` or ``DATE..DATE`` stands for.

    Args:
        asked: as typed.
        every: step of a range: day, week, month, quarter; a month's end when a day is missing in it.
        today: no day may be later.

    Raises:
        UserError: it is no date or range, it lies in the future, or holds more than 400 days.
    """
    first, dots, last = asked.partition("..")
    try:
        start = datetime.date.fromisoformat(first.strip())
        end = datetime.date.fromisoformat(last.strip()) if dots else start
    except ValueError:
        raise UserError(
            f"{asked!r} is neither a date nor a range",
            fix="Write 2025-06-30, or 2025-01-01..2026-01-01 with --every month",
        ) from None
    if every not in STEPS:
        raise UserError(f"there is no step {every!r}", fix=f"Choose one of {', '.join(STEPS)}")
    if end < start or end > today:
        raise UserError(f"{asked} does not lie in the past, in order", fix="Give the earlier day first")
    found = []
    for day in _steps(start, every):
        if day > end:
            break
        found.append(day)
        if len(found) > _MOST:
            raise UserError(
                f"{asked} holds more than {_MOST} builds", fix="Choose a larger step with --every"
            )
    return tuple(found)


def _steps(start: datetime.date, every: str) -> Iterator[datetime.date]:
    for number in range(_MOST + 2):
        if every in ("day", "week"):
            yield start + datetime.timedelta(days=number * (7 if every == "week" else 1))
            continue
        months = start.month - 1 + number * (3 if every == "quarter" else 1)
        year, month = start.year + months // 12, months % 12 + 1
        yield datetime.date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


def rehearse(asked: Run, day: datetime.date) -> Report:
    """What the gate would have said at the end of a day.

    Args:
        asked: the run; its checks that rest on today's programs say so and do nothing.
        day: the day, UTC.

    Raises:
        UserError: no such folder, not a git repository, or it had no commit by then.
    """
    if not asked.root.is_dir():
        raise UserError("there is no such folder", where=str(asked.root), fix="Give a repository's folder")
    then = datetime.datetime.combine(day, datetime.time(23, 59, 59), datetime.UTC)
    then = min(then, asked.now)
    around = Circumstances(as_of=then)
    today = policy_of(asked.settings, asked.beside, asked.policy_place, ())
    try:
        with at_moment(asked.root, then) as past:
            policy = _policy_then(asked, past.root, then)
            subject = Subject(
                root=past.root,
                settings=asked.settings,
                beside=asked.beside,
                now=asked.now,
                cache=asked.cache,
                lock_files=LockFiles(past.root),
                as_of=then,
                is_past=True,
                installed=asked.root,
            )
            return judged(answers_for(subject, asked), policy, asked, around, day)
    except PastError as error:
        reason = f"{error.what}. {error.fix}".strip().rstrip(".")
        lost = Answer(Outcome("as-of", (), (Unchecked("as-of", "the state of that day", reason),), 0, ""))
        return judged([lost], today, asked, around, day)


def rehearse_all(asked: Run, days: tuple[datetime.date, ...]) -> Rehearsal:
    """One :class:`Day` for each; a day before the first commit is left out.

    Raises:
        UserError: as :func:`rehearse`, when it holds for every day.
    """
    found: list[Day] = []
    refused: UserError | None = None
    for day in days:
        asked.told(day.isoformat(), False)
        try:
            report = rehearse(replace(asked, told=lambda name, is_done: None), day)
        except UserError as error:
            refused = error
            continue
        asked.told(day.isoformat(), True)
        found.append(
            Day(
                date=day,
                code=report.code,
                headline=report.headline,
                failing=len(report.failing),
                worst=tuple(dict.fromkeys(one.rule for one in report.failing))[:5],
                unchecked=len(report.unchecked),
                tolerated=len(report.tolerated),
            )
        )
    if refused is not None and not found:
        raise refused
    return Rehearsal(tuple(found))


def _policy_then(asked: Run, past: Path, then: datetime.datetime) -> Policy:
    """Today's thresholds; ignores as the settings file of that day had them, VEX statements made by then."""
    ignores = asked.settings.ignores
    try:
        within = (asked.beside / asked.policy_place).resolve().relative_to(asked.root.resolve())
    except ValueError:
        pass  # the policy is kept elsewhere: its history is not known here
    else:
        file = past / within
        if file.is_symlink():
            raise PastError("the settings file of that day is a link")
        try:
            ignores = load_settings(file).guard.ignores if file.is_file() else []
        except KtloError as error:
            raise PastError(f"the settings file of that day is not understood: {error.what}") from None
    policy = policy_of(asked.settings, asked.beside, asked.policy_place, ignores)
    made = tuple(one for one in policy.statements if (at := moment(one.time)) is None or at <= then)
    return replace(policy, statements=made)
