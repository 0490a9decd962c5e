"""Lead time for changes in every dialect. Rows are deployments (ktlo), merged changes, or commits (Four Keys)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ktlo.metrics.dialects.deployed import in_production
from ktlo.metrics.dialects.durations import (
    AS_IS,
    DAILY,
    EXACT,
    HOUR,
    LOWER,
    MEAN,
    MIDDLE,
    MINUTE,
    TENTH_DAYS,
    TENTH_HOURS,
    figure,
    show_own,
)
from ktlo.metrics.dialects.facts import Deployed, Facts, Merged
from ktlo.metrics.dialects.originals import DEVLAKE_COMMIT, FOURKEYS_COMMIT, GITLAB_DOCS, MIDDLEWARE_COMMIT
from ktlo.metrics.dialects.recipe import (
    About,
    Counted,
    Dialect,
    Measured,
    Recipe,
    Rule,
    Shown,
    Spoken,
    banded,
)
from ktlo.metrics.dialects.statistics import (
    DAY,
    started,
    whole,
)
from ktlo.metrics.question import Window
from ktlo.metrics.rows import stamp

DEPLOYMENTS = Rule("deployments", "deployments whose commit is known, one row each, rollbacks left out")
CHANGES = Rule("changes", "merged changes that a deployment into production carried, one row each")
COMMITS = Rule("commits", "commits, one row for each deployment of each commit, into any environment")
OWN_COMMIT = Rule("own commit", "the deployment's own commit")
FIRST = Rule(
    "first after",
    "a change belongs to the deployment of its commit, else to the repository's first one after the merge",
)
FIRST_BUT_ONE = Rule(
    "after another",
    "as the first after the merge, but the first deployment that a repository ever had carries nothing",
)
PUSHED = Rule(
    "pushed",
    "the deployment's commit and those of the change that was merged by it; older ones not yet deployed are not",
)
WHOLE = Rule("whole", "from the (first) commit, else from the opening, to the deployment")
PARTS = Rule(
    "parts",
    "coding (first commit to opening) + opening to merge + merge to deployment; a negative part counts nothing",
)
REVIEW_PARTS = Rule(
    "review parts",
    "first commit to opening + to first review + to approval + approval to merge + merge to deployment; without a"
    " review the time from opening to merge counts nothing",
)
MERGE_TO_DEPLOY = Rule("merge to deployment", "merge to deployment: coding and review are not in it")
DEPLOYED_IN = Rule("deployed", "the deployment")
MERGED_IN = Rule("merged", "the merge")
MINUTES_UP = Rule("minutes up", "each part up to the next whole minute")
POSITIVE_MINUTES = Rule("whole minutes", "down to whole minutes; what then is 0 or less is left out")
KAPLAN_MEIER = Rule("Kaplan-Meier", "median of the Kaplan-Meier curve; nothing here is open")


@dataclass(frozen=True, slots=True)
class _Carried:
    """A row before it is counted: its parts in seconds, and the instants that a window can ask for."""

    kind: str
    source: str
    external_id: str
    title: str
    url: str
    parts: tuple[float, ...]
    merged_at: float
    deployed_at: float


def _finish(one: Deployed) -> float:
    return one.at if one.finished_at is None else one.finished_at


def _of_commit(sha: str, commit: str) -> bool:
    return bool(sha) and bool(commit) and (sha == commit or (len(sha) >= 7 and commit.startswith(sha)))


def _carrier(change: Merged, deployed: list[Deployed]) -> Deployed | None:
    """The deployment that carried a change; ``deployed`` are its repository's, in order of their end."""
    commits = (change.merge_sha, *change.commits)
    exact = next((one for one in deployed if any(_of_commit(one.sha, commit) for commit in commits)), None)
    return exact or next((one for one in deployed if _finish(one) >= change.merged_at), None)


def _parts(change: Merged, clock: Rule, deployed_at: float) -> tuple[float, ...]:
    first = change.first_commit_at
    if clock == MERGE_TO_DEPLOY:
        return (deployed_at - change.merged_at,)
    if clock == WHOLE:
        return (deployed_at - (change.created_at if first is None else first),)
    coding = 0.0 if first is None else max(0.0, change.created_at - first)
    deploying = max(0.0, deployed_at - change.merged_at)
    if clock == PARTS:
        return (coding, max(0.0, change.merged_at - change.created_at), deploying)
    reviewed, approved = change.reviewed_at, change.approved_at
    pickup = 0.0 if reviewed is None else reviewed - change.created_at
    rework = approved - reviewed if approved is not None and reviewed is not None else 0.0
    merging = 0.0 if approved is None else max(0.0, change.merged_at - approved)
    return (coding, pickup, rework, merging, deploying)


def _changes(facts: Facts, recipe: Recipe) -> Iterator[_Carried]:
    by_repository: dict[str, list[Deployed]] = {}
    for one in in_production(facts):
        by_repository.setdefault(one.repository, []).append(one)
    for change in facts.changes:
        deployed = by_repository.get(change.repository, [])
        carrier = _carrier(change, deployed)
        if carrier is None or (recipe.linking == FIRST_BUT_ONE and carrier == deployed[0]):
            continue
        yield _Carried(
            "change", change.source, change.external_id, change.title, change.url,
            _parts(change, recipe.clock, _finish(carrier)), change.merged_at, _finish(carrier),
        )  # fmt: skip


def _own(facts: Facts) -> Iterator[_Carried]:
    for one in facts.deployments:
        if one.counts and one.authored_at is not None and one.authored_at <= one.at:
            yield _Carried(
                "deployment", one.source, one.external_id, one.title, one.url, (one.at - one.authored_at,),
                one.at, one.at,
            )  # fmt: skip


def _commits(facts: Facts) -> Iterator[_Carried]:
    made = facts.committed or {}
    pushes = {change.merge_sha: change for change in facts.changes if change.merge_sha}
    for one in facts.deployments:
        if not one.succeeded or not one.sha:
            continue
        sha = next((known for known in made if _of_commit(one.sha, known)), one.sha)
        push = pushes.get(sha)
        for commit in dict.fromkeys((sha, *(push.commits if push else ()))):
            if commit in made:
                yield _Carried(
                    "commit", one.source, f"{commit[:12]} in {one.external_id}",
                    f"{commit[:12]} in {one.title}", one.url,
                    (_finish(one) - made[commit],), _finish(one), _finish(one),
                )  # fmt: skip


def measure(facts: Facts, recipe: Recipe, window: Window) -> Measured:
    """Lead time for changes by a recipe, in seconds."""
    start, end = stamp(window.start), min(stamp(window.end), stamp(window.now))
    if recipe.population == DEPLOYMENTS:
        found = _own(facts)
    else:
        found = _commits(facts) if recipe.population == COMMITS else _changes(facts, recipe)
    rows = []
    for one in found:
        at = one.merged_at if recipe.window == MERGED_IN else one.deployed_at
        length = sum(started(part, MINUTE) if recipe.rounding == MINUTES_UP else part for part in one.parts)
        if recipe.rounding == POSITIVE_MINUTES:
            length = whole(length, MINUTE)
        if start <= at < end and (length > 0 or recipe.rounding != POSITIVE_MINUTES):
            rows.append(Counted(one.kind, one.source, one.external_id, one.title, one.url, at, length))
    return figure(tuple(rows), recipe, KAPLAN_MEIER, "nothing counts by this definition in the period")


def _devlake_2023(measured: Measured, window: Window) -> Shown:
    del window
    if measured.value is None:
        return Shown("N/A in the panel; 0 in the monthly chart")
    band = banded(measured.unrounded, (DAY, 7 * DAY, 30 * DAY))
    return Shown(f"{measured.value / HOUR:.1f}({band})", band, "hours")


def _devlake_2021(measured: Measured, window: Window) -> Shown:
    del window
    if measured.value is None:
        return Shown("N/A in the panel; 0 in the monthly chart")
    band = banded(measured.unrounded, (HOUR, 7 * DAY, 180 * DAY))
    return Shown(f"{measured.value / HOUR:.1f}({band})", band, "hours")


def _show_middleware(measured: Measured, window: Window) -> Shown:
    del window
    if measured.value is None:
        return Shown("0 s")
    return Shown(f"{measured.value / HOUR:.2f} h", banded(measured.unrounded, (DAY, 7 * DAY, 30 * DAY)))


def _show_fourkeys(measured: Measured, window: Window) -> Shown:
    del window
    if measured.value is None:
        return Shown("One day (no value counts as 0)")
    hours = measured.value / HOUR
    limits = ((24, "One day"), (168, "One week"), (730, "One month"), (730 * 6, "Six months"))
    return Shown(next((words for limit, words in limits if hours < limit), "One year"))


def _show_gitlab(measured: Measured, window: Window) -> Shown:
    del window
    return Shown("-" if measured.value is None else f"{measured.value / DAY:.1f} days")


_DEVLAKE = Recipe(CHANGES, PARTS, DEPLOYED_IN, LOWER, FIRST_BUT_ONE, MINUTES_UP, TENTH_HOURS)
_DEVLAKE_TRAPS = (
    "A part that is not known counts as 0, so a change without known commits looks faster.",
    "A change whose deployment finished before its merge has no deploy part.",
    "What the first deployment of a repository carried is not in it; nor is what was not deployed yet.",
    "Each of the three parts is rounded up: a change of seconds takes three minutes.",
)

SPOKEN: dict[Dialect, Spoken] = {
    Dialect.KTLO: Spoken(
        Recipe(DEPLOYMENTS, WHOLE, DEPLOYED_IN, KAPLAN_MEIER, OWN_COMMIT, EXACT, AS_IS),
        About(
            "Age of the commit that was deployed, for each deployment in the period whose commit is known.",
            "seconds", "",
            ("The newest commit of each deployment: the older commits that it carries waited longer.",),
            "ktlo, metric deployed_change_age",
        ),
        show_own,
    ),
    Dialect.DEVLAKE: Spoken(
        _DEVLAKE,
        About(
            "Lower median over the changes that deployments of the period carried: coding, review, deploy time.",
            "hours, one decimal", "elite < 24 h, high < 7 d, medium < 30 d, low from there", _DEVLAKE_TRAPS,
            f"{DEVLAKE_COMMIT}: backend/plugins/dora/tasks/change_lead_time_calculator.go,"
            " grafana/dashboards/DORA.json",
        ),
        _devlake_2023,
    ),
    Dialect.DEVLAKE_2021: Spoken(
        _DEVLAKE,
        About(
            "The same number; other bands.",
            "hours, one decimal", "elite < 1 h, high < 7 d, medium < 180 d, low from there", _DEVLAKE_TRAPS,
            f"{DEVLAKE_COMMIT}: grafana/dashboards/DORA.json",
        ),
        _devlake_2021,
    ),
    Dialect.MIDDLEWARE: Spoken(
        Recipe(CHANGES, REVIEW_PARTS, MERGED_IN, MEAN, FIRST, EXACT, AS_IS),
        About(
            "Mean over the changes merged in the period of first commit to open, first response, rework, merge and"
            " deploy time.",
            "seconds, written in days and hours", "elite < 1 d, high < 7 d, medium < 1 month, low from there",
            (
                "A change that nobody reviewed has no time between opening and merge, however long it was open.",
                "A change merged in the period may be deployed after it, so last month's number still changes.",
                "Where no workflow is chosen as the deployment, the deploy time is 0.",
                "There, drafts count from when they were ready; these rows do not tell that moment.",
            ),
            f"{MIDDLEWARE_COMMIT}: backend/analytics_server/mhq/service/code/lead_time.py,"
            " mhq/service/code/sync/etl_code_analytics.py",
        ),
        _show_middleware,
    ),
    Dialect.FOURKEYS: Spoken(
        Recipe(COMMITS, WHOLE, DEPLOYED_IN, MIDDLE, PUSHED, POSITIVE_MINUTES, AS_IS),
        About(
            "Median over the commits of each deployment of commit to deployment, in whole minutes above 0.",
            "a word: One day, One week, One month, Six months, One year",
            "One day < 24 h, One week < 168 h, One month < 730 h, Six months < 4,380 h",
            (
                "Only commits of the push whose last commit was deployed are found.",
                "No value counts as 0 and shows One day.",
                "A commit deployed to staging and to production counts twice.",
            ),
            f"{FOURKEYS_COMMIT}: queries/deployments.sql, queries/changes.sql, dashboard/fourkeys_dashboard.json",
        ),
        _show_fourkeys,
    ),
    Dialect.GITLAB: Spoken(
        Recipe(CHANGES, MERGE_TO_DEPLOY, DEPLOYED_IN, DAILY, FIRST, EXACT, TENTH_DAYS),
        About(
            "Median time from merge to deployment of the merge requests that deployments of the period carried: a"
            " median for each day, then the median of those days.",
            "days, one decimal (seconds in the API)", "",
            (
                "Coding and review are not in it, so it looks better than any other dialect.",
                "The API aggregates daily medians: a day with one merge request weighs like a day with ten.",
            ),
            f"{GITLAB_DOCS}; ee/app/models/dora/lead_time_for_changes_metric.rb, read in a public copy",
        ),
        _show_gitlab,
    ),
}  # fmt: skip
