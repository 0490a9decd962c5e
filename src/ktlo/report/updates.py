"""The rolling plan of updates as a page: the next small steps, and what no step ends."""

from __future__ import annotations

from ktlo.metrics.question import Question
from ktlo.planning.updates import Rolling, Update, plan_updates
from ktlo.report.charts import COUNT, Heading, Row, Table, unit_named, written
from ktlo.report.pieces import Answer, Known, Nothing
from ktlo.report.sections import Links, Listing, Section
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

SHOWN_WEEKS = 13


def updates(store: Queryable, question: Question, links: Links, per_week: int) -> Section:
    """Answer what to update next."""
    plan = plan_updates(store, question, per_week)
    nothing = None
    if not plan.locked:
        nothing = Nothing(
            "No lock file is known yet",
            "ktlo reads the lock files of the git sources after each collection.",
            command="ktlo sources add git PATH",
        )
    return Section(
        key="updates",
        title="Updates",
        answer=Answer(
            question="What should be updated next?",
            said=_said(plan),
            interval="",
            change=_gain(plan),
        ),
        cards=(),
        figures=(),
        listings=() if nothing else _listings(plan, links),
        known=Known(
            definition="What ends a finding comes first, worst level first; then what production needs before what"
            " only development needs; then the smaller step (patch, minor, major; below 1.0 a minor step counts as a"
            " major one); then the smaller share of earlier updates that were taken back within 60 days or had a"
            " failed run (with one success and one failure added, so that few say little); then the more libyears."
            " Transitive packages are planned only where they end a finding: the others come with what asks for them.",
            sample=f"{counted(plan.locked, 'locked versions')}, release dates known for {plan.locked - plan.undated:,}",
            freshness="lock files of the newest collection",
            missing=_missing(plan),
            source="ktlo's own order; libyears after Cox et al., ICSE 2015; rule of succession after Laplace",
        ),
        nothing=nothing,
    )


def _said(plan: Rolling) -> str:
    if not plan.locked:
        return "Nothing is known: no lock file was read yet"
    if not plan.updates:
        return "No update is known to be due"
    now = [one for one in plan.updates if one.week == 1]
    ends = sum(bool(one.ends) for one in plan.updates)
    first = sum(bool(one.ends) for one in now)
    due = (
        f", {first:,} of them to end a finding"
        if first and len(now) > 1
        else " to end a finding"
        if first
        else ""
    )
    later = len(plan.updates) - len(now)
    more = (
        f"; {later:,} more later" + (f", {ends - first:,} to end findings" if ends > first else "")
        if later
        else ""
    )
    return f"{counted(len(now), 'updates')} for this week{due}{more}"


def _gain(plan: Rolling) -> str:
    years = [one.libyears for one in plan.updates if one.week == 1 and one.libyears is not None]
    if not years:
        return f"At most {counted(plan.per_week, 'updates')} a week for each repository"
    gained = written(sum(years), unit_named("years"))
    return f"This week's gain {gained} of freshness; at most {plan.per_week} a week for each repository"


def _missing(plan: Rolling) -> tuple[str, ...]:
    said = []
    if plan.undated:
        said.append(
            f"Release dates of {counted(plan.undated, 'versions')}: for these only what ends a finding is planned."
            " guard.indexes in ktlo.yaml names indexes to ask."
        )
    said.append("Whether a package's range in the manifest admits the step.")
    return tuple(said)


def _row(one: Update, links: Links, *, has_dates: bool) -> Row:
    return Row(
        (
            one.package, one.week, f"{one.version} → {one.target}", str(one.stride),
            *((one.libyears,) if has_dates else ()), one.repository, one.path, one.why,
        ),
        links.page("findings/list", {"repository": one.repository}) if one.ends else "",
    )  # fmt: skip


def _listings(plan: Rolling, links: Links) -> tuple[Listing, ...]:
    listings = []
    if plan.updates:
        shown = [one for one in plan.updates if one.week <= SHOWN_WEEKS]
        later = len(plan.updates) - len(shown)
        has_dates = any(one.libyears is not None for one in shown)
        table = Table(
            (
                Heading("Package"), Heading("Week", COUNT), Heading("Version"), Heading("Step"),
                *((Heading("Libyears gained", unit_named("years")),) if has_dates else ()),
                Heading("Repository"), Heading("Lock file"), Heading("Why now"),
            ),
            tuple(_row(one, links, has_dates=has_dates) for one in shown),
        )  # fmt: skip
        note = "One change each, tests in between. ktlo check fix makes those that end a finding."
        if later:
            note += f" {later:,} more come after {SHOWN_WEEKS} weeks."
        listings.append(Listing("plan", "The next updates", table, note, "/api/v1/updates?format=csv"))
    if plan.stuck:
        table = Table(
            (
                Heading("Package"),
                Heading("Version"),
                Heading("Findings"),
                Heading("Why"),
                Heading("Repository"),
                Heading("Lock file"),
            ),
            tuple(
                Row((one.package, one.version, ", ".join(one.rules), one.reason, one.repository, one.path))
                for one in plan.stuck
            ),
        )
        listings.append(
            Listing(
                "stuck",
                "No update ends these",
                table,
                "Replace the package, or say in the policy why it is tolerable.",
            )
        )
    return tuple(listings)
