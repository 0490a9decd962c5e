"""The rolling plan of updates: the next small steps in order of risk and gain, a few each week.

Rows come from locked versions, their freshness, open findings, and what earlier updates of a package did (taken
back, or followed by a failed run of a workflow). What ends a finding comes first, then the smaller step, then the
calmer past, then the more libyears. A step is never larger than it has to be: a patch before a minor before a major
version.
"""

from __future__ import annotations

import datetime as dt
import enum
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ktlo.guard.vulnerabilities.advisory import moment
from ktlo.guard.vulnerabilities.versions import UnorderedVersionError, version_key
from ktlo.metrics.findings import LEVELS
from ktlo.metrics.question import Dimension, Question
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

_YEAR = 365.25 * 86400.0
_BACK_WITHIN = dt.timedelta(days=60)
"""A lower version within so many days after an update is taken for its being taken back."""

_MEMBERS = """
WITH members AS (
  SELECT member, any(service) AS service, any(team) AS team FROM ktlo.service_members
  WHERE kind = 'repository' GROUP BY member
)"""
_LOCKED = f"""{_MEMBERS}
SELECT l.repository AS repository, l.path AS path, l.ecosystem AS ecosystem, l.package AS package,
  l.version AS version, l.relation AS relation, l.scope AS scope, m.service AS service, m.team AS team,
  f.newer AS newer, f.newer_at AS newer_at, f.released_at AS released_at, f.unknown AS unknown
FROM ktlo.locked_versions AS l
LEFT JOIN ktlo.freshness AS f ON f.repository = l.repository AND f.path = l.path
  AND f.ecosystem = l.ecosystem AND f.package = l.package AND f.version = l.version
LEFT JOIN members AS m ON m.member = l.repository
WHERE l.until_at IS NULL
ORDER BY repository, path, package LIMIT 1 BY repository, path, ecosystem, package, version"""  # noqa: S608
_FINDINGS = """
SELECT repository, path, ecosystem, package, version, rule, level, fixed_version FROM ktlo.findings
WHERE resolved_at IS NULL AND tolerated = '' AND package != ''
ORDER BY repository, path, package, rule LIMIT 1 BY repository, path, ecosystem, package, rule"""
_PAST = """
SELECT repository, path, ecosystem, package, version, since_at, since_sha, until_at FROM ktlo.locked_versions
WHERE (repository, path, ecosystem, package) IN (
  SELECT repository, path, ecosystem, package FROM ktlo.locked_versions WHERE until_at IS NULL
) ORDER BY repository, path, ecosystem, package, since_at"""
_RUNS = """
SELECT repository, sha, max(conclusion IN ('failure', 'timed_out')) AS failed FROM ktlo.workflow_runs
WHERE status = 'completed' AND sha IN (SELECT since_sha FROM ktlo.locked_versions)
GROUP BY repository, sha"""


class Stride(enum.StrEnum):
    """How large a step is, by the parts of the version that change."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


_RANK = {stride: rank for rank, stride in enumerate(Stride)}
_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier updates of a package did in one lock file.

    Attributes:
        updates: how many there were.
        taken_back: of them, those followed by a lower version within 60 days.
        judged: of them, those whose commit has runs of workflows on record.
        failed: of those, the ones with a failed run.
    """

    updates: int = 0
    taken_back: int = 0
    judged: int = 0
    failed: int = 0

    @property
    def risk(self) -> float:
        """Share of updates that went wrong, by the rule of succession (Laplace): never certain from few."""
        trouble = min(self.updates, self.taken_back + self.failed)
        return (trouble + 1) / (self.updates + 2)


@dataclass(frozen=True, slots=True)
class Update:
    """One step.

    Attributes:
        week: 1 for this week.
        repository: where.
        service: whose, by the catalogue.
        team: whose.
        path: lock file.
        ecosystem: OSV name.
        package: what.
        version: from.
        target: to.
        stride: how large the step is.
        relation: direct, transitive, or empty.
        scope: production, development, or empty.
        ends: rules of the findings that it ends.
        level: the worst of theirs; empty when it ends none.
        libyears: years that it gains; ``None`` where dates are unknown.
        past: what earlier updates of it did here.
        why: one sentence.
    """

    week: int
    repository: str
    service: str
    team: str
    path: str
    ecosystem: str
    package: str
    version: str
    target: str
    stride: Stride
    relation: str
    scope: str
    ends: tuple[str, ...]
    level: str
    libyears: float | None
    past: Past
    why: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """A package with an open finding and no step that ends it."""

    repository: str
    path: str
    package: str
    version: str
    rules: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Rolling:
    """The plan.

    Attributes:
        updates: in order.
        stuck: what no update ends.
        per_week: how many a week holds, for each repository.
        locked: versions looked at.
        undated: of them, those whose releases are unknown, so that only security steps are planned for them.
    """

    updates: tuple[Update, ...]
    stuck: tuple[Stuck, ...]
    per_week: int
    locked: int
    undated: int


_Place = tuple[str, str, str, str]


def plan_updates(store: Queryable, question: Question, per_week: int) -> Rolling:
    """Make the plan from the records.

    Args:
        store: where they are.
        question: filters by repository, service and team; its period does not count.
        per_week: updates a week for each repository.
    """
    locked = [row for row in store.query(_LOCKED).to_pylist() if _is_asked(row, question)]
    findings: dict[_Place, list[dict[str, Any]]] = defaultdict(list)
    for row in store.query(_FINDINGS).to_pylist():
        findings[_place(row)].append(row)
    runs = {(row["repository"], row["sha"]): bool(row["failed"]) for row in store.query(_RUNS).to_pylist()}
    past = _pasts(store.query(_PAST).to_pylist(), runs)
    steps: list[Update] = []
    stuck: list[Stuck] = []
    for row in locked:
        place = _place(row)
        open_here = [one for one in findings.get(place, ()) if _concerns(one, row)]
        step = _step(row, open_here, past.get(place, Past()))
        if isinstance(step, Stuck):
            stuck.append(step)
        elif step is not None:
            steps.append(step)
    steps.sort(key=_order)
    return Rolling(
        _weeks(steps, per_week),
        tuple(stuck),
        per_week,
        len(locked),
        sum(bool(row["unknown"]) or not row["released_at"] for row in locked),
    )


def _is_asked(row: Mapping[str, Any], question: Question) -> bool:
    places = (Dimension.REPOSITORY, Dimension.SERVICE, Dimension.TEAM)
    return all(not (kept := question.only.get(one)) or row[one.value] in kept for one in places)


def _place(row: Mapping[str, Any]) -> _Place:
    return row["repository"], row["path"], row["ecosystem"], row["package"]


def _concerns(finding: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether a finding is about this one of several versions that a lock file holds of a package."""
    if finding["version"] == row["version"]:
        return True
    try:
        fixed = finding["fixed_version"]
        return bool(fixed) and version_key(row["ecosystem"], row["version"]) < version_key(
            row["ecosystem"], fixed
        )
    except UnorderedVersionError:
        return False


def _pasts(rows: Iterable[Mapping[str, Any]], runs: Mapping[tuple[str, str], bool]) -> dict[_Place, Past]:
    by_place: dict[_Place, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_place[_place(row)].append(row)
    return {place: _past(stretches, runs) for place, stretches in by_place.items()}


def _past(stretches: Sequence[Mapping[str, Any]], runs: Mapping[tuple[str, str], bool]) -> Past:
    updates = taken_back = judged = failed = 0
    for before, after in itertools.pairwise(stretches):
        if before["until_at"] != after["since_at"]:
            continue  # two versions side by side, or a gap: no update
        try:
            is_up = version_key(before["ecosystem"], before["version"]) < version_key(
                after["ecosystem"], after["version"]
            )
        except UnorderedVersionError:
            continue
        if is_up:
            updates += 1
            said = runs.get((after["repository"], after["since_sha"]))
            judged += said is not None
            failed += bool(said)
        elif after["since_at"] - before["since_at"] <= _BACK_WITHIN:
            taken_back += 1
    return Past(updates, min(taken_back, updates), judged, failed)


def stride_of(version: str, target: str) -> Stride:
    """How large the step between two versions is: by the first number that differs; below 1.0 a minor one is major."""
    before = [int(part) for part in _NUMBERS.findall(version)[:3]] + [0, 0, 0]
    after = [int(part) for part in _NUMBERS.findall(target)[:3]] + [0, 0, 0]
    if before[0] != after[0]:
        return Stride.MAJOR
    if before[1] != after[1]:
        return Stride.MAJOR if before[0] == 0 else Stride.MINOR
    return Stride.PATCH


def _step(row: Mapping[str, Any], findings: Sequence[Mapping[str, Any]], past: Past) -> Update | Stuck | None:
    dates = dict(zip(row["newer"] or (), row["newer_at"] or (), strict=False))
    ends = tuple(one["rule"] for one in findings)
    if findings:
        target = _cure(row, findings, list(dates))
        if not target:
            return Stuck(
                row["repository"], row["path"], row["package"], row["version"], ends,
                "no advisory names a version that ends all of it",
            )  # fmt: skip
    elif row["relation"] == "transitive" or not dates:
        return None  # comes with what asks for it
    else:
        target = _smallest(row["version"], list(dates))
    stride = stride_of(row["version"], target)
    level = min((one["level"] for one in findings), key=_severity, default="")
    gained = _gained(row["released_at"], dates.get(target, ""))
    return Update(
        week=0,
        repository=row["repository"], service=row["service"] or "", team=row["team"] or "", path=row["path"],
        ecosystem=row["ecosystem"], package=row["package"], version=row["version"], target=target,
        stride=stride, relation=row["relation"], scope=row["scope"], ends=ends, level=level,
        libyears=gained, past=past, why=_why(ends, level, past),
    )  # fmt: skip


def _cure(row: Mapping[str, Any], findings: Sequence[Mapping[str, Any]], newer: Sequence[str]) -> str:
    """The smallest version that ends every finding; one that is released, where releases are known."""
    fixes = [one["fixed_version"] for one in findings]
    if not all(fixes):
        return ""
    try:
        least = max(fixes, key=lambda text: version_key(row["ecosystem"], text))
        wanted = version_key(row["ecosystem"], least)
        return next((one for one in newer if not version_key(row["ecosystem"], one) < wanted), least)
    except UnorderedVersionError:
        return ""


def _smallest(version: str, newer: Sequence[str]) -> str:
    """The newest version of the smallest stride there is."""
    return min(enumerate(newer), key=lambda one: (_RANK[stride_of(version, one[1])], -one[0]))[1]


def _gained(released: dt.datetime | None, target_at: str) -> float | None:
    at = moment(target_at) if target_at else None
    return None if released is None or at is None else max(0.0, (at - released).total_seconds() / _YEAR)


def _severity(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def _order(one: Update) -> tuple[Any, ...]:
    return (
        not one.ends, _severity(one.level) if one.ends else 0, one.scope == "development",
        _RANK[one.stride], round(one.past.risk, 3), -(one.libyears or 0.0), one.repository, one.package,
    )  # fmt: skip


def _weeks(steps: Sequence[Update], per_week: int) -> tuple[Update, ...]:
    from dataclasses import replace

    taken: dict[str, int] = defaultdict(int)
    planned = []
    for step in steps:
        planned.append(replace(step, week=taken[step.repository] // per_week + 1))
        taken[step.repository] += 1
    return tuple(sorted(planned, key=lambda one: (one.week, _order(one))))


def _why(ends: Sequence[str], level: str, past: Past) -> str:
    parts = []
    if ends:
        more = f" and {len(ends) - 1} more" if len(ends) > 1 else ""
        parts.append(f"ends {ends[0]}{more} ({level})")
    if past.taken_back or past.failed:
        said = (
            f"{past.taken_back} of {counted(past.updates, 'earlier updates')} were taken back"
            if past.taken_back
            else ""
        )
        runs = f"{past.failed} of {past.judged} had a failed run" if past.failed else ""
        parts.append(" and ".join(one for one in (said, runs) if one))
    elif past.updates:
        parts.append(f"{counted(past.updates, 'earlier updates')} held")
    else:
        parts.append("no earlier update of it is known here")
    return ", ".join(parts)
