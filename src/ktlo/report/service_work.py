"""The work behind a service of telemetry: owner, incidents, bugs, effort, debt, hotspots, as a section for its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ktlo.metrics.ask import fetch
from ktlo.metrics.question import Dimension, Question
from ktlo.metrics.registry import definition
from ktlo.planning.debt.entry import Entry
from ktlo.records.services import ServiceMember
from ktlo.report.charts import SECONDS, Heading, Row, Table
from ktlo.report.charts.calendar_ticks import minute_label
from ktlo.report.pieces import Answer, Known, Nothing
from ktlo.report.sections import Asking, Links, Listing, Section
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

CARDS = ("ktlo_share", "incidents", "time_to_restore", "bug_age", "bug_net_flow", "hotspots", "open_findings")
"""Metrics on the page of a service."""
MOST = 15


def service_of(members: Sequence[ServiceMember], name: str) -> ServiceMember | None:
    """The member of the catalogue that a name of telemetry is; ``None`` when it is not joined."""
    return next((one for one in members if one.kind == "telemetry" and one.member == name), None)


def service_work(
    store: Queryable,
    question: Question,
    name: str,
    members: Sequence[ServiceMember],
    entries: Sequence[Entry],
    on_call: Sequence[tuple[str, str]],
    links: Links,
) -> Section:
    """What is known of the work for one service.

    Args:
        store: holds the records.
        question: the period; other services are filtered out here.
        name: service.name.
        members: the catalogue.
        entries: the debt register.
        on_call: rota and who has it now.
        links: where the parts lead.
    """
    joined = service_of(members, name)
    if joined is None:
        return _not_joined(name)
    service = joined.service
    asking = Asking(store, _of(question, service), links)
    incidents = fetch(asking.store, definition("incidents"), asking.narrowed("incidents")).table.to_pylist()
    team = f", owned by {joined.team}" if joined.team else ""
    repositories = {one.member for one in members if one.service == service and one.kind == "repository"}
    owed = [one for one in entries if one.service == service or one.repository in repositories]
    duty = "; ".join(f"{person} ({rota})" for rota, person in on_call)
    return Section(
        key="service-work",
        title=f"Work for {service}",
        answer=Answer(
            question=f"What work does {name} bring?",
            said=f"{service}{team}: {counted(len(incidents), 'incidents')} in this period",
            interval=f"on call now: {duty}" if duty else "",
            change=f"{name} is {service} by {joined.found_in}",
        ),
        cards=tuple(asking.card(metric) for metric in CARDS),
        figures=(),
        listings=tuple(one for one in (_incidents(incidents, links), _debt(owed)) if one.table.rows),
        known=Known(
            definition="Metrics narrowed to this service by the catalogue: its repositories, and what trackers and"
            " pagers call it.",
            sample=f"repositories: {', '.join(sorted(repositories)) or 'none joined'}",
            missing=("Work that no repository, tracker or pager of this service tells.",),
            source="docs/telemetry-work.md",
        ),
    )


def _of(question: Question, service: str) -> Question:
    return replace(question, only={Dimension.SERVICE: (service,)}, by=None, grain=None)


def _not_joined(name: str) -> Section:
    return Section(
        key="service-work",
        title="Work",
        answer=Answer(f"What work does {name} bring?", "Not known: it is not joined to the catalogue yet"),
        cards=(),
        figures=(),
        listings=(),
        known=Known(definition="", source="docs/telemetry-work.md"),
        nothing=Nothing(
            f"{name} belongs to no service yet",
            "Its incidents, bugs and effort are shown once you say which service it is.",
            command=f"ktlo service-names {name} --is SERVICE",
            button="Say which service it is",
            href="/services/names",
        ),
    )


def _incidents(rows: Sequence[dict[str, object]], links: Links) -> Listing:
    table = Table(
        (
            Heading("Incident"),
            Heading("Severity"),
            Heading("State"),
            Heading("Detected"),
            Heading("Restored after", SECONDS),
        ),
        tuple(
            Row(
                (
                    str(row["title"] or row["external_id"]),
                    str(row["severity"]),
                    str(row["state"]),
                    minute_label(row["at"]),  # type: ignore[arg-type]
                    _restored(row),
                ),
                links.page("incident", {"source": str(row["source"]), "id": str(row["external_id"])}),
            )
            for row in rows[:MOST]
        ),
    )
    return Listing("incidents", "Incidents", table, "Newest first. A row shows what telemetry says of it.")


def _restored(row: dict[str, object]) -> float | None:
    ended, began = row["restored_at"], row["at"]
    return None if ended is None else (ended - began).total_seconds()  # type: ignore[operator]


def _debt(entries: Sequence[Entry]) -> Listing:
    table = Table(
        (Heading("Entry"), Heading("Kind"), Heading("Repository")),
        tuple(Row((one.title, str(one.kind), one.repository), "/debt") for one in entries[:MOST]),
    )
    return Listing("debt", "Debt", table, "Of its repositories, in the order of the register.")
