"""Time to restore in every dialect: MTTR, median open time, failed-deployment recovery time.

Rows are incidents. Sources of the definitions stand beside them; docs/dialects.md says what they rest on.
"""

from __future__ import annotations

from ktlo.metrics.dialects.deployed import in_production, last_before, named
from ktlo.metrics.dialects.durations import (
    AS_IS,
    DAILY,
    EXACT,
    HOUR,
    LOWER,
    MEAN,
    MIDDLE,
    MINUTE,
    MINUTES_DOWN,
    TENTH_DAYS,
    TENTH_HOURS,
    figure,
    show_own,
)
from ktlo.metrics.dialects.facts import Deployed, Facts, Harm
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
    whole,
)
from ktlo.metrics.question import Window
from ktlo.metrics.rows import stamp

ALL = Rule("all", "every incident that is not cancelled; an open one lasts at least until now")
ENDED = Rule("ended", "only incidents with an end: open ones are left out, a cancelled one with an end is in")
OWN_LINK = Rule("none", "none: an incident needs no deployment")
LAST_DEPLOYMENT = Rule(
    "last deployment",
    "only incidents with a successful production deployment before them: the newest one of the whole scope, of whatever"
    " service and however old",
)
ROOT_CAUSE = Rule(
    "root cause", "an incident that names a deployed commit as its root cause begins with that deployment"
)
RESTORED = Rule("restored", "detected to mitigated or resolved, whichever came first")
RESOLVED = Rule("resolved", "created to resolved")
FROM_DEPLOYMENT = Rule("from deployment", "the deployment's end to the incident's resolution")
CLOSED = Rule("closed", "created to closed")
ROOT_TO_CLOSED = Rule(
    "root to closed", "created, or the root cause's deployment if that was earlier, to closed"
)
DETECTED_IN = Rule("detected", "the detection")
RESOLVED_IN = Rule("resolved", "the end of the incident")
BOTH_IN = Rule("both", "both the end of the deployment and the resolution")
BEGUN_IN = Rule("begun", "the beginning")
HOURS_DOWN = Rule("hours down", "down to whole hours: 59 minutes are 0")
KAPLAN_MEIER = Rule("Kaplan-Meier", "median of the Kaplan-Meier curve, which open incidents are part of")


def _earliest(*moments: float | None) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _span(incident: Harm, clock: Rule, cause: Deployed | None) -> tuple[float, float | None]:
    """Beginning and end of an incident by a clock, seconds since 1970."""
    begin = incident.detected_at
    if clock == FROM_DEPLOYMENT and cause is not None and cause.finished_at is not None:
        begin = cause.finished_at
    if clock in (CLOSED, ROOT_TO_CLOSED):
        if clock == ROOT_TO_CLOSED and cause is not None:
            begin = min(begin, cause.finished_at or cause.started_at)
        return begin, incident.closed_at if incident.closed_at is not None else incident.resolved_at
    if clock == RESTORED:
        return begin, _earliest(incident.mitigated_at, incident.resolved_at)
    return begin, incident.resolved_at if incident.resolved_at is not None else incident.closed_at


def measure(facts: Facts, recipe: Recipe, window: Window) -> Measured:
    """Time to restore by a recipe, in seconds."""
    start, end, now = stamp(window.start), min(stamp(window.end), stamp(window.now)), stamp(window.now)
    deployed = in_production(facts)
    rows = []
    for incident in facts.incidents:
        if recipe.population == ALL and incident.state == "cancelled":
            continue
        cause = None
        if recipe.linking == LAST_DEPLOYMENT:
            cause = last_before(deployed, incident.detected_at)
            if cause is None:
                continue
        elif recipe.linking == ROOT_CAUSE:
            causes = [one for one in named(incident, facts.deployments) if one.succeeded]
            cause = min(causes, key=lambda one: one.finished_at or one.started_at, default=None)
        begin, finish = _span(incident, recipe.clock, cause)
        counted = _counted(incident, recipe, begin, finish, now)
        if counted is None:
            continue
        length, is_open, finished = counted
        moments = {
            DETECTED_IN: (incident.detected_at,),
            RESOLVED_IN: (finished,),
            BOTH_IN: ((cause.finished_at if cause else None), finished),
            BEGUN_IN: (begin,),
        }[recipe.window]
        if any(moment is None or not start <= moment < end for moment in moments):
            continue
        at = moments[-1]
        assert at is not None  # noqa: S101 - checked above
        rows.append(
            Counted(
                "incident", incident.source, incident.external_id, incident.title, incident.url, at,
                _rounded(length, recipe.rounding), is_open,
            )
        )  # fmt: skip
    return figure(tuple(rows), recipe, KAPLAN_MEIER, "no incident counts by this definition in the period")


def _counted(
    incident: Harm, recipe: Recipe, begin: float, finish: float | None, now: float
) -> tuple[float, bool, float | None] | None:
    """Length, whether it is open, and its end; ``None`` when it does not count."""
    if recipe.population == ALL:
        seen = finish is not None and finish <= incident.known_until
        if not seen and finish is None and incident.state != "open":
            return None
        length = (finish if seen and finish is not None else incident.known_until) - begin
        return (length, not seen, finish if seen else None) if length >= 0 else None
    has_ended = incident.resolved_at is not None or incident.closed_at is not None
    if not has_ended or finish is None or finish > now:
        return None
    return finish - begin, False, finish


def _rounded(length: float, rounding: Rule) -> float:
    if rounding == MINUTES_DOWN:
        return whole(length, MINUTE)
    return whole(length, HOUR) if rounding == HOURS_DOWN else length


def _show_devlake(measured: Measured, window: Window) -> Shown:
    del window
    if measured.value is None:
        return Shown("N/A in the panel; 0 in the monthly chart")
    band = banded(measured.unrounded, (HOUR, DAY, 7 * DAY))
    return Shown(f"{measured.value / HOUR:.1f}({band})", band, "hours")


def _show_middleware(measured: Measured, window: Window) -> Shown:
    del window
    if measured.value is None:
        return Shown("no incidents resolved")
    return Shown(f"{measured.value / HOUR:.2f} h", banded(measured.unrounded, (HOUR, DAY, 7 * DAY)))


def _show_fourkeys(measured: Measured, window: Window) -> Shown:
    del window
    if measured.value is None:
        return Shown("One year (no value falls into the last case)")
    hours = measured.value / HOUR
    limits = ((24, "One day"), (168, "One week"), (730, "One month"), (730 * 6, "Six months"))
    return Shown(next((words for limit, words in limits if hours < limit), "One year"))


def _show_gitlab(measured: Measured, window: Window) -> Shown:
    del window
    return Shown("-" if measured.value is None else f"{measured.value / DAY:.1f} days")


_DEVLAKE = Recipe(ENDED, RESOLVED, RESOLVED_IN, LOWER, OWN_LINK, MINUTES_DOWN, TENTH_HOURS)
_BANDS = "elite < 1 h, high < 1 d, medium < 7 d, low from there"

SPOKEN: dict[Dialect, Spoken] = {
    Dialect.KTLO: Spoken(
        Recipe(ALL, RESTORED, DETECTED_IN, KAPLAN_MEIER, OWN_LINK, EXACT, AS_IS),
        About(
            "Median time from detection to restoration of the incidents detected in the period, open ones included as"
            " far as they have lasted.",
            "seconds", "", ("Not estimable while fewer than half are restored: a true answer, and an unusual one.",),
            "ktlo, metric time_to_restore; Kaplan and Meier 1958",
        ),
        show_own,
    ),
    Dialect.DEVLAKE: Spoken(
        Recipe(ENDED, FROM_DEPLOYMENT, BOTH_IN, LOWER, LAST_DEPLOYMENT, MINUTES_DOWN, TENTH_HOURS),
        About(
            "Failed deployment recovery time: lower median of the minutes from the end of the deployment that an"
            " incident is tied to until the incident's resolution.",
            "hours, one decimal", _BANDS,
            (
                ("The time between the deployment and the incident counts too: an incident a month after the last"
                " deployment took a month to recover from."),
                "An incident is tied to the newest deployment of any service of the project, however old.",
                "A recovery whose deployment lies before the period vanishes.",
                "The documentation says mean and the panel computes a median; of two values it shows the smaller.",
            ),
            f"{DEVLAKE_COMMIT}: grafana/dashboards/DORA.json, backend/plugins/dora/tasks/incident_deploy_connector.go",
        ),
        _show_devlake,
    ),
    Dialect.DEVLAKE_2021: Spoken(
        _DEVLAKE,
        About(
            "Median time to restore service: lower median of the whole minutes from creation to resolution.",
            "hours, one decimal", _BANDS,
            (
                ("Incidents that are open are invisible until they are resolved; then they count in the period of their"
                " end."),
                "PagerDuty incidents end when they were last changed, not when they were resolved.",
                ("An end before the beginning is converted to an unsigned number and becomes a huge one; it is kept"
                " negative here."),
            ),
            f"{DEVLAKE_COMMIT}: grafana/dashboards/DORA.json, backend/plugins/*/tasks (lead_time_minutes)",
        ),
        _show_devlake,
    ),
    Dialect.MIDDLEWARE: Spoken(
        Recipe(ENDED, RESOLVED, RESOLVED_IN, MEAN, OWN_LINK, EXACT, AS_IS),
        About(
            "Mean time to recovery: mean of creation to resolution of the incidents resolved in the period.",
            "seconds, written in hours and minutes", _BANDS,
            (
                "One long incident moves the mean of a whole quarter.",
                ("Pull requests that revert another count as incidents there: merged to reverted. They are not in these"
                " rows."),
                "The period is stretched to whole days.",
            ),
            f"{MIDDLEWARE_COMMIT}: backend/analytics_server/mhq/service/incidents/incidents.py",
        ),
        _show_middleware,
    ),
    Dialect.FOURKEYS: Spoken(
        Recipe(ENDED, ROOT_TO_CLOSED, BEGUN_IN, MIDDLE, ROOT_CAUSE, HOURS_DOWN, AS_IS),
        About(
            "Median of the whole hours from the incident's creation, or from the deployment of the commit it names as"
            " its root cause if that was earlier, until it was closed.",
            "a word: One day, One week, One month, Six months, One year",
            "One day < 24 h, One week < 168 h, One month < 730 h, Six months < 4,380 h",
            (
                "Hours are cut: an incident of 59 minutes took 0 hours.",
                "No incident at all is shown as One year.",
                "The product always looks at the last three months; here it is asked about the same period.",
            ),
            f"{FOURKEYS_COMMIT}: queries/incidents.sql, dashboard/fourkeys_dashboard.json, METRICS.md",
        ),
        _show_fourkeys,
    ),
    Dialect.GITLAB: Spoken(
        Recipe(ENDED, CLOSED, RESOLVED_IN, DAILY, OWN_LINK, EXACT, TENTH_DAYS),
        About(
            "Median time an incident was open, for incidents closed in the period: a median for each day, then the"
            " median of those days.",
            "days, one decimal (seconds in the API)", "",
            (
                "The API aggregates daily medians: ten incidents of one day count as much as one of another.",
                "Open incidents are not in it; closing decides, not mitigation.",
                "A median below 0.05 days is shown as 0.0 days.",
            ),
            f"{GITLAB_DOCS}; ee/app/models/dora/time_to_restore_service_metric.rb, read in a public copy",
        ),
        _show_gitlab,
    ),
}  # fmt: skip
