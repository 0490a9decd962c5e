"""Change failure rate in every dialect. Rows are deployments, and for GitLab the incidents too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ktlo.metrics.dialects.deployed import in_production, last_before, named
from ktlo.metrics.dialects.facts import Deployed, Facts
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
from ktlo.metrics.dialects.statistics import half_up
from ktlo.metrics.question import Window
from ktlo.metrics.rows import stamp

OWN = Rule("ktlo", "what ktlo counts: deployments into production that a source told or telemetry saw")
TOLD = Rule("told", "deployments into production that a source told as successful")
TRIED = Rule("tried", "deployments into production that a source told, failed ones too")
ANYWHERE = Rule(
    "anywhere", "successful deployments of a known commit into any environment, staging and previews too"
)
OWN_LINK = Rule(
    "ktlo",
    "ktlo's: an incident of the same service that fits, or a rollback (the metric change_failure_rate says how)",
)
LAST_DEPLOYMENT = Rule(
    "last deployment", "each incident fails the newest deployment of the scope before it, however old"
)
BETWEEN = Rule(
    "between", "an incident created in the period fails the deployment of the period after which it came"
)
NAMED = Rule("named", "an incident fails a deployment only if it names it as its root cause")
UNLINKED = Rule("unlinked", "none: every incident created in the period counts as one failure")
FINISHED = Rule("finished", "a deployment counts when it finished")
BEGUN = Rule("begun", "a deployment counts when it began")
IN_PERIOD = Rule("in the period", "the deployment")
DEPLOYMENTS = Rule("deployments", "deployments that failed, divided by deployments")
PAIRS = Rule(
    "pairs", "pairs of incident and deployment, divided by deployments: one deployment can fail twice"
)
AS_IS = Rule("as it is", "none")
TENTHS = Rule("0.1%", "tenths of a percent")


def _counts(one: Deployed, population: Rule) -> bool:
    if population == OWN:
        return one.counts
    if population == TRIED:
        return one.is_told and one.is_production and one.status != "in_progress"
    if population == ANYWHERE:
        return one.succeeded and bool(one.sha)
    return one.succeeded and one.is_production


def _moment(one: Deployed, clock: Rule) -> float:
    return one.started_at if clock == BEGUN else one.at


def counted_deployments(facts: Facts, recipe: Recipe, window: Window) -> list[Deployed]:
    """The deployments of the period by a recipe's population and clock, in order of their moment."""
    start, end = stamp(window.start), min(stamp(window.end), stamp(window.now))
    inside = [
        one
        for one in facts.deployments
        if _counts(one, recipe.population) and start <= _moment(one, recipe.clock) < end
    ]
    return sorted(inside, key=lambda one: (_moment(one, recipe.clock), one.source, one.external_id))


def _failures(facts: Facts, recipe: Recipe, window: Window, inside: list[Deployed]) -> Counter[Deployed]:
    """How many failures each deployment has by a recipe's linking."""
    start, end = stamp(window.start), min(stamp(window.end), stamp(window.now))
    found: Counter[Deployed] = Counter()
    if recipe.linking == OWN_LINK:
        return Counter({one: 1 for one in inside if one.is_failed})
    deployed = in_production(facts)
    for incident in facts.incidents:
        if recipe.linking == NAMED:
            found.update(named(incident, tuple(inside)))
        elif recipe.linking == LAST_DEPLOYMENT:
            cause = last_before(deployed, incident.detected_at)
            if cause is not None:
                found[cause] += 1
        elif recipe.linking == BETWEEN and start <= incident.detected_at < end:
            before = [one for one in inside if _moment(one, recipe.clock) <= incident.detected_at]
            if before:
                found[before[-1]] += 1
    return Counter({one: found[one] for one in inside if found[one]})


def measure(facts: Facts, recipe: Recipe, window: Window) -> Measured:
    """Change failure rate by a recipe: a share of one, which can exceed it."""
    start, end = stamp(window.start), min(stamp(window.end), stamp(window.now))
    inside = counted_deployments(facts, recipe, window)
    if recipe.linking == UNLINKED:
        incidents = [one for one in facts.incidents if start <= one.detected_at < end]
        rows = [
            Counted("incident", one.source, one.external_id, one.title, one.url, one.detected_at, 1.0)
            for one in incidents
        ]
        failures, failed = float(len(incidents)), Counter[Deployed]()
    else:
        failed = _failures(facts, recipe, window, inside)
        failures = float(failed.total() if recipe.statistic == PAIRS else len(failed))
        rows = []
    rows += [
        Counted(
            "deployment", one.source, one.external_id, one.title, one.url, _moment(one, recipe.clock),
            float(failed[one] if recipe.statistic == PAIRS else min(1, failed[one])),
        )
        for one in inside
    ]  # fmt: skip
    if not inside:
        return Measured(None, tuple(rows), "no deployment counts by this definition in the period")
    share = failures / len(inside)
    value = half_up(share, 0.001) if recipe.shown == TENTHS else share
    return Measured(value, tuple(rows), unrounded=share)


def _failures_without_deployment(measured: Measured) -> int:
    return sum(row.kind == "incident" for row in measured.rows)


def _percent(share: float) -> str:
    return f"{half_up(share * 100, 0.1):.1f}%"


def _show_own(measured: Measured, window: Window) -> Shown:
    del window
    return Shown("not estimable" if measured.value is None else _percent(measured.value))


def _devlake(limits: tuple[float, float, float]) -> Callable[[Measured, Window], Shown]:
    def show(measured: Measured, window: Window) -> Shown:
        del window
        if measured.value is None:
            return Shown("N/A in the panel; a gap in the monthly chart")
        band = banded(measured.unrounded, limits, inclusive=True)
        return Shown(f"{_percent(measured.value)}({band})", band)

    return show


def _show_middleware(measured: Measured, window: Window) -> Shown:
    del window
    if measured.value is None:
        return Shown("0%, although nothing was deployed")
    return Shown(_percent(measured.value), banded(measured.unrounded, (0.05, 0.10, 0.15)))


def _show_fourkeys(measured: Measured, window: Window) -> Shown:
    del window
    if measured.value is None:
        return Shown("0-15%, although nothing was deployed")
    if measured.value <= 0.15:
        return Shown("0-15%")
    return Shown("16-45%" if measured.value < 0.46 else "46-60%")


def _show_gitlab(measured: Measured, window: Window) -> Shown:
    del window
    if measured.value is None:
        failures = _failures_without_deployment(measured)
        return Shown(f"{failures * 100}%, the incidents over one deployment that there was not")
    return Shown(_percent(measured.value))


SPOKEN: dict[Dialect, Spoken] = {
    Dialect.KTLO: Spoken(
        Recipe(OWN, FINISHED, IN_PERIOD, DEPLOYMENTS, OWN_LINK, shown=AS_IS),
        About(
            "Deployments into production of the period that failed, divided by all of them.",
            "share", "",
            ("An incident after a deployment need not come from it.",),
            "ktlo, metric change_failure_rate",
        ),
        _show_own,
    ),
    Dialect.DEVLAKE: Spoken(
        Recipe(TOLD, FINISHED, IN_PERIOD, DEPLOYMENTS, LAST_DEPLOYMENT, shown=TENTHS),
        About(
            "Successful production deployments of the period to which at least one incident is tied, divided by all.",
            "percent, one decimal", "elite to 5%, high to 10%, medium to 15%, low above",
            (
                ("Incidents are tied to the newest deployment of the whole project: a team that deploys often takes the"
                " incidents of one that does not."),
                "No greatest distance: incidents of last year still fail the last deployment before them.",
                "Incidents after the period fail deployments of the period.",
            ),
            f"{DEVLAKE_COMMIT}: grafana/dashboards/DORA.json, backend/plugins/dora/tasks/incident_deploy_connector.go",
        ),
        _devlake((0.05, 0.10, 0.15)),
    ),
    Dialect.DEVLAKE_2021: Spoken(
        Recipe(TOLD, FINISHED, IN_PERIOD, DEPLOYMENTS, LAST_DEPLOYMENT, shown=TENTHS),
        About(
            "As in the report of 2023; only the bands differ.",
            "percent, one decimal", "elite to 15%, high to 20%, medium to 30%, low above",
            ("The same rate is elite in one report and low in the other: 15% and 16% are enough.",),
            f"{DEVLAKE_COMMIT}: grafana/dashboards/DORA.json",
        ),
        _devlake((0.15, 0.20, 0.30)),
    ),
    Dialect.MIDDLEWARE: Spoken(
        Recipe(TRIED, BEGUN, IN_PERIOD, DEPLOYMENTS, BETWEEN, shown=AS_IS),
        About(
            "Deployments of the period after which, and before the next one, an incident was created, divided by all"
            " deployments, failed ones too.",
            "percent", "elite < 5%, high < 10%, medium < 15%, low from there",
            (
                "A deployment that failed by itself counts as one that caused no failure.",
                ("Incidents before the first deployment of the period are dropped, so the same deployment can fail or"
                " not by where the period begins."),
                "Where no workflow is chosen as the deployment, every merged pull request is one.",
            ),
            f"{MIDDLEWARE_COMMIT}: backend/analytics_server/mhq/service/incidents/incidents.py,"
            " web-server/src/content/DoraMetrics/MetricsClassificationsThreshold.ts",
        ),
        _show_middleware,
    ),
    Dialect.FOURKEYS: Spoken(
        Recipe(ANYWHERE, FINISHED, IN_PERIOD, PAIRS, NAMED, shown=AS_IS),
        About(
            "Pairs of an incident and a deployed commit that it names in its text as `root cause: SHA`, divided by"
            " distinct deployments.",
            "a band", "0-15%, 16-45% (below 46%), 46-60% (all above)",
            (
                "Who never writes `root cause:` has a rate of 0.",
                "Environments are not told apart: a deployment to staging counts.",
                "Two incidents of one commit count twice, so the rate can pass 100% and is still shown as 46-60%.",
            ),
            f"{FOURKEYS_COMMIT}: queries/deployments.sql, queries/incidents.sql, dashboard/fourkeys_dashboard.json",
        ),
        _show_fourkeys,
    ),
    Dialect.GITLAB: Spoken(
        Recipe(TOLD, FINISHED, IN_PERIOD, DEPLOYMENTS, UNLINKED, shown=AS_IS),
        About(
            "Incidents created in the period, divided by successful production deployments of the period.",
            "percent", "",
            (
                "It can exceed 100%: nothing links an incident to a deployment.",
                "Without a deployment the divisor is 1: three incidents are 300%.",
                "An incident that is opened twice, or was no deployment's fault, counts.",
            ),
            f"{GITLAB_DOCS}; ee/app/models/dora/change_failure_rate_metric.rb, read in a public copy",
        ),
        _show_gitlab,
    ),
}  # fmt: skip
