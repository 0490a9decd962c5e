"""Deployments to read: the list, one in full, and an incident's links, in words and tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace

from ktlo.delivery.reading import Listed
from ktlo.metrics.proportions import wilson
from ktlo.records.delivery import DeployedChange, IncidentLink, ServiceDeployment
from ktlo.report.charts import COUNT, SECONDS, SHARE, Heading, Row, Table, written, written_interval
from ktlo.report.charts.calendar_ticks import minute_label
from ktlo.report.pieces import Answer, Card, Known, Nothing
from ktlo.report.sections import Asking, Listing, Section
from ktlo.report.words import period_text
from ktlo.telemetry.images import short, short_image
from ktlo.wording import counted

CARDS = (
    "deployment_frequency", "lead_time_for_changes", "change_failure_rate", "failed_deployment_recovery_time",
    "failed_attempts", "unattributed_incidents",
)  # fmt: skip
"""Metrics on the page of deployments."""

Href = Callable[[str, dict[str, str]], str]
"""Makes a URL of a path and parameters."""

_DEFINITION = (
    "What forges, pipelines, telemetry, releases and tags tell, each deployment once. A deployment failed when an"
    " incident is put down to it, when the next one took it back within 24 hours, or when its tool calls it degraded."
)

_FRESHNESS = "worked out anew after every collection, and seconds after a webhook that tells of deployments"
_NOT_TOLD = (
    "Deployments: no connected source has told of one; a source's page lists its webhooks, and why they were not used.",
    "Pipelines, releases and tags: none has a name like `delivery.jobs` or `delivery.tags`.",
    "Telemetry: no service has reported a second `service.version` or image after a first.",
)


def what(one: ServiceDeployment) -> str:
    """Version or commit of a deployment, in short."""
    return short(one.version) or one.sha[:12] or "an unknown version"


def state(listed: Listed) -> str:
    """How a deployment ended, in words."""
    one = listed.deployment
    words = [one.status.replace("_", " ")] if one.status not in ("success", "unknown") else []
    words += ["rollback"] if one.is_rollback else []
    words += ["taken back"] if one.rolled_back_at else []
    if any(link.is_counted for link in listed.links):
        words.append("caused an incident")
    return ", ".join(words) or "no failure known"


def delivery_cards(asking: Asking) -> tuple[Card, ...]:
    """The figures of delivery in a period, each leading to the rows behind it."""
    return tuple(replace(asking.card(metric), href=asking.links.rows(metric, {})) for metric in CARDS)


def deployments_section(
    found: Sequence[Listed], total: int, service: str, href: Href, asking: Asking | None = None
) -> Section:
    """The list of deployments.

    Args:
        found: newest first.
        total: how many there are in all.
        service: the only one shown; empty for all.
        href: makes links.
        asking: asks the figures of delivery, for the cards; none without.
    """
    production = [one for one in found if one.deployment.is_production and one.came_into_force]
    failed = sum(one.is_failed for one in production)
    unknown = sum(one.deployment.changes is None for one in production)
    others = [
        one.deployment.status for one in found if one.deployment.is_production and not one.came_into_force
    ]
    attempts = others.count("failure")
    said = f"{failed} of the last {counted(len(production), 'deployments')} into production failed"
    share = wilson(failed, len(production))
    interval = (
        ""
        if share.value is None
        else f"{written(share.value, SHARE)}, {written_interval(share.low, share.high, SHARE)}"
    )
    more = [f"{counted(total, 'deployments')} in all"] if total > len(found) else []
    if attempts:
        are = "is" if attempts == 1 else "are"
        more.append(f"{counted(attempts, 'attempts')} did not come into force and {are} not among them")
    if under_way := len(others) - attempts:
        more.append(
            f"{counted(under_way, 'deployments')} under way {'is' if under_way == 1 else 'are'} not among them"
        )
    cards = delivery_cards(asking) if asking and found else ()
    of_cards = period_text(asking.question.start, asking.question.end) if asking and cards else ""
    nothing = None
    if not found:
        nothing = Nothing(
            "No deployment is known yet",
            "Connect what deploys (Argo CD, Flux, a forge, CDEvents), tag what you release, or let services report"
            " service.version or their image.",
            command="ktlo sources add argocd",
            button="Add a source",
            href="/sources/add",
        )
    rows = tuple(_row(one, href) for one in found)
    headings = (
        Heading("When"), Heading("State"), Heading("Service"), Heading("What"), Heading("Environment"),
        Heading("Commits", COUNT), Heading("Lead time", SECONDS), Heading("Incidents"), Heading("Told by"),
    )  # fmt: skip
    of = f" of {service}" if service else ""
    return Section(
        key="deployments",
        title=f"Deployments{of}",
        answer=Answer(
            question=f"What was deployed{of}, and what did it break?",
            said=said
            if production
            else f"Nothing {'came into force in' if others else 'was deployed into'} production, as far as ktlo knows",
            interval=interval,
            change="; ".join(more),
        ),
        cards=cards,
        figures=(),
        listings=(
            Listing(
                "deployments",
                "Deployments",
                Table(headings, rows),
                "Newest first. A row leads to what was in it.",
            ),
        )
        if rows
        else (),
        known=Known(
            definition=_DEFINITION,
            sample=counted(total, "deployments") + (f"; the cards: {of_cards}" if of_cards else ""),
            freshness=_FRESHNESS,
            missing=(f"The commits of {counted(unknown, 'deployments')} are not known; each says why.",)
            if unknown
            else ()
            if found
            else _NOT_TOLD,
            source="Forsgren, Humble and Kim, Accelerate, 2018; docs/deployments.md",
        ),
        nothing=nothing,
    )


def _row(listed: Listed, href: Href) -> Row:
    one = listed.deployment
    incidents = ", ".join(link.incident_id for link in listed.links if link.is_counted)
    return Row(
        (
            minute_label(one.at), state(listed), one.service or one.repository, what(one),
            one.environment or "(none told)", one.changes, listed.lead_seconds, incidents, _tellers(one),
        ),
        href("/deployments/deployment", {"id": one.deployment_id}),
    )  # fmt: skip


def _tellers(one: ServiceDeployment) -> str:
    best, *others = dict.fromkeys(key.partition("|")[0] for key in one.told_by)
    told = f"{best} and {len(others)} more" if others else best
    return f"{told}, image {short_image(one.image)}" if one.image and one.basis == "telemetry" else told


def deployment_section(listed: Listed, changes: Sequence[DeployedChange]) -> Section:
    """One deployment: what was in it."""
    one = listed.deployment
    into = one.environment or "production (no environment is told)"
    brought = (
        "It is not known what was in it"
        if one.changes is None
        else f"It brought {counted(one.changes, 'commits')}"
    )
    if one.status == "failure":
        brought = "It did not get through, so nothing of it came into force"
    if one.taken_back:
        brought = f"{brought} and took {counted(one.taken_back, 'commits')} back"
    rows = tuple(
        Row(
            (
                each.sha[:12], each.subject, each.change_id, minute_label(each.first_at),
                (one.at - each.first_at).total_seconds(), "again" if each.is_again else "",
            )
        )
        for each in changes
    )  # fmt: skip
    headings = (
        Heading("Commit"), Heading("What"), Heading("Request"), Heading("First commit"), Heading("Lead time", SECONDS),
        Heading("Brought before"),
    )  # fmt: skip
    lead = "" if listed.lead_seconds is None else f"median lead time {written(listed.lead_seconds, SECONDS)}"
    return Section(
        key="deployments",
        title=f"{one.service or one.repository} {what(one)}",
        answer=Answer(
            question=f"What was in {one.service or one.repository} {what(one)}, and what did it break?",
            said=brought if one.status == "failure" else f"{brought}; {state(listed)}",
            interval=lead,
            change=f"Into {into}, {minute_label(one.at)}"
            + (f". {one.source} says: {one.message}" if one.message else ""),
        ),
        cards=(),
        figures=(),
        listings=(Listing("contents", "What was in it", Table(headings, rows), one.contents_note),)
        if rows
        else (),
        known=Known(
            definition=_DEFINITION,
            sample="; ".join(
                filter(None, (f"told by {', '.join(one.told_by)}", one.image and f"image {one.image}"))
            ),
            freshness=_FRESHNESS,
            missing=(f"{one.contents_note[:1].upper()}{one.contents_note[1:]}.",)
            if one.contents_note
            else (),
            source="docs/deployments.md",
        ),
    )


def link_words(link: IncidentLink) -> str:
    """How sure a link is, in words."""
    if link.verdict:
        return f"{link.verdict} by {link.said_by}"
    sure = written(link.confidence, SHARE)
    return f"{sure}, counted as its cause" if link.is_counted else f"{sure}, not counted"


def because(link: IncidentLink) -> str:
    """Its reasons as one sentence."""
    text = "; ".join(link.reasons)
    return f"{text[:1].upper()}{text[1:]}."


def when(moment: dt.datetime) -> str:
    """An instant as pages write it."""
    return minute_label(moment)
