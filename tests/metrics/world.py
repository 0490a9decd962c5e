"""A small world whose every number is worked out by hand in ``tests/golden/metrics_world.txt``.

Two services, each with a team and a repository; a third repository belongs to no service. Names of records
(I1, O2, B3, E4) are those of the golden table.
"""

from __future__ import annotations

from typing import Any

from world_code import changes, debt, files, findings, freshness, locked
from world_making import NOW, START, at, made, put

from ktlo.delivery.derive import derive_delivery
from ktlo.metrics.question import Question
from ktlo.records import delivery, effort, people, reliability, service_levels, services, versions, work
from ktlo.records.collection import Collection
from ktlo.records.effort import Category, ItemKind, Layer
from ktlo.settings import Settings
from ktlo.store.protocol import Store

END = at("02-02")
PERIOD = Question(START, END, NOW, downtime_severities=("sev1",))


def incident(name: str, detected: str, **given: Any) -> Any:
    return made(
        reliability.Incident,
        **{
            "source": "pager",
            "external_id": name,
            "title": name,
            "state": "resolved" if "resolved_at" in given else "open",
            "detected_at": at(detected),
            **given,
        },
    )


def outage(name: str, service: str, started: str, ended: str | None, **given: Any) -> Any:
    return made(
        reliability.Outage,
        **{
            "source": "status",
            "external_id": name,
            "service": service,
            "started_at": at(started),
            "ended_at": None if ended is None else at(ended),
            **given,
        },
    )


def bug(name: str, repository: str, opened: str, closed: str | None, **given: Any) -> Any:
    return made(
        work.Issue,
        **{
            "source": "tracker",
            "external_id": name,
            "title": name,
            "repository": repository,
            "state": "open" if closed is None else "closed",
            "created_at": at(opened),
            "closed_at": None if closed is None else at(closed),
            "updated_at": at(opened),
            **given,
        },
    )


def _incidents() -> list[Any]:
    return [
        incident(
            "I1", "01-05 00:00", service="shop-api", severity="sev1", acknowledged_at=at("01-05 00:10"),
            mitigated_at=at("01-05 01:00"), resolved_at=at("01-05 02:00"),
        ),
        incident(
            "I2", "01-07 10:00", repository="acme/search", severity="sev2",
            acknowledged_at=at("01-07 10:20"), resolved_at=at("01-07 14:00"),
        ),
        incident(
            "I3", "01-12 09:00", service="shop-api", severity="sev2", resolved_at=at("01-12 09:30"), caused_by="D1"
        ),
        incident(
            "I4", "01-14 08:00", service="search", severity="sev1", acknowledged_at=at("01-14 08:05"),
            resolved_at=at("01-14 20:00"), reopen_count=1,
        ),
        incident("I5", "01-20 00:00", service="shop", severity="sev2"),
        incident("I6", "01-15 00:00", service="shop", severity="sev1", state="cancelled"),
        incident(
            "I7", "01-21 06:00", service="search", severity="sev1", acknowledged_at=at("01-21 06:15"),
            mitigated_at=at("01-21 09:00"),
        ),
        incident("I8", "01-22 12:00", service="shop", severity="sev3", resolved_at=at("01-22 11:00")),
        incident(
            "I9", "01-23 00:00", source="desk", service="printer", team="helpdesk", severity="sev3",
            acknowledged_at=at("01-23 01:00"), observed_until=at("01-25"),
        ),
        incident(
            "I10", "02-02 00:00", service="shop", severity="sev2", acknowledged_at=at("02-02 00:01"),
            resolved_at=at("02-02 01:00"),
        ),
        incident("I11", "01-04 23:00", service="shop", severity="sev1", resolved_at=at("01-04 23:30")),
        incident("I12", "01-27 00:00", service="shop", severity="sev2", state="resolved"),
    ]  # fmt: skip


def _events() -> list[Any]:
    return [
        made(
            reliability.IncidentEvent, source="pager", incident_id="I4", event_id=kind + when,
            occurred_at=at(when), kind=kind,
        )
        for kind, when in (
            ("resolved", "01-14 09:00"), ("reopened", "01-14 12:00"), ("resolved", "01-14 20:00"),
        )
    ]  # fmt: skip


def _outages() -> list[Any]:
    return [
        outage("O1", "shop-api", "01-05 00:30", "01-05 03:00"),
        outage("O2", "search", "01-04 22:00", "01-05 01:00"),
        outage("O3", "shop", "01-10 00:00", "01-10 06:00", is_planned=True),
        outage("O4", "search", "02-01 00:00", None, source="desk", observed_until=at("02-01 12:00")),
        outage("O5", "printer", "01-23 00:00", "01-22 00:00"),
        outage("O6", "shop", "01-26 10:00", "01-26 11:00"),
        outage("O7", "shop", "01-26 11:00", "01-26 12:00"),
        outage("O8", "shop", "02-02 00:00", "02-02 05:00"),
    ]


def _bugs() -> list[Any]:
    return [
        bug("B1", "acme/shop", "2025-12-20", "01-10"),
        bug("B2", "acme/shop", "2025-12-01", "01-04"),
        bug("B3", "acme/shop", "01-05", "01-06"),
        bug("B4", "acme/search", "01-08", "01-18"),
        bug("B5", "acme/search", "01-15", None),
        bug("B6", "acme/shop", "01-20", "02-10"),
        bug("B7", "acme/shop", "02-02", None),
        bug("B8", "acme/tools", "01-25", None, source="desk", observed_until=at("01-31")),
        bug("B9", "acme/tools", "2025-11-01", None),
        bug("B10", "acme/tools", "01-10", None, state="closed"),
        bug("B11", "acme/tools", "2025-12-15", "02-02"),
        bug("B12", "acme/tools", "01-16", "01-15"),
        bug("B13", "acme/tools", "2025-12-01", "01-05"),
        bug("N1", "acme/shop", "01-09", None),
    ]


def _reopenings() -> list[Any]:
    return [
        made(
            work.IssueEvent, source="tracker", issue_id=issue, event_id=when, occurred_at=at(when),
            kind="reopened",
        )
        for issue, when in (("B4", "01-12"), ("B5", "01-20"))
    ]  # fmt: skip


def _effort() -> list[Any]:
    def part(
        day: str, person: str, item: str, repository: str, category: Category, layer: Layer, days: float
    ) -> Any:
        team, service = {"ann": "storefront", "bob": "discovery"}[person], repository.removeprefix("acme/")
        return made(
            effort.EffortShare, day=at(day).date(), person=person, team=team, item_kind=ItemKind.COMMIT,
            source="git", item_id=item, repository=repository, category=category, layer=layer,
            service="" if service == "tools" else service, activities=("commit",), person_days=days,
        )  # fmt: skip

    correction, rule = Layer.CORRECTION, Layer.TEAM_RULE
    return [
        part("01-04", "ann", "c10", "acme/shop", Category.DEBT, correction, 1.0),  # E7
        part("01-05", "ann", "c1", "acme/shop", Category.FEATURE, correction, 0.5),  # E1
        part("01-05", "ann", "c2", "acme/shop", Category.BUG_FIX, correction, 0.5),  # E2
        part("01-12", "bob", "c3", "acme/search", Category.SECURITY, rule, 1.0),  # E3
        part("01-20", "bob", "c4", "acme/tools", Category.UNATTRIBUTED, Layer.NONE, 0.25),  # E4
        part("02-01", "ann", "c5", "acme/shop", Category.FEATURE, correction, 1.0),  # E5
        part("02-02", "ann", "c9", "acme/shop", Category.DEBT, correction, 1.0),  # E6
    ]


def _verdicts() -> list[Any]:
    def verdict(kind: ItemKind, source: str, item: str, category: Category) -> Any:
        return made(
            effort.Verdict, item_kind=kind, source=source, item_id=item, title=f"What {item} was for",
            category=category, layer=Layer.CORRECTION, confidence=1.0, reason="as corrected",
        )  # fmt: skip

    issues = [
        verdict(
            ItemKind.ISSUE,
            issue.source,
            issue.external_id,
            Category.FEATURE if issue.external_id == "N1" else Category.BUG_FIX,
        )
        for issue in _bugs()
    ]
    commits = [
        verdict(ItemKind.COMMIT, "git", "c1", Category.FEATURE),
        verdict(ItemKind.COMMIT, "git", "c2", Category.BUG_FIX),
    ]
    return issues + commits


def _catalogue() -> list[Any]:
    def member(kind: str, name: str, service: str, team: str) -> Any:
        return services.ServiceMember(
            kind=kind, member=name, service=service, team=team, found_in="ktlo.yaml"
        )

    return [
        member("repository", "acme/shop", "shop", "storefront"),
        member("service", "shop", "shop", "storefront"),
        member("service", "shop-api", "shop", "storefront"),
        member("repository", "acme/search", "search", "discovery"),
        member("service", "search", "search", "discovery"),
    ]


def _people() -> list[Any]:
    return [
        people.Alias(kind="mail", alias="ann@acme.test", person="ann@acme.test"),
        people.Alias(kind="mail", alias="ann@home.test", person="ann@acme.test"),
        people.Alias(kind="mail", alias="bob@acme.test", person="bob@acme.test"),
    ]


def _collections() -> list[Any]:
    return [
        made(Collection, source=source, started_at=at("03-01 10:00"), finished_at=at("03-01 12:00"),
             status="complete", rows=1)
        for source in ("pager", "desk", "git", "git-2", "tracker", "status")
    ]  # fmt: skip


def _deployments() -> list[Any]:
    return [
        made(work.Deployment, source="forge", external_id="D1", service="shop", repository="acme/shop",
             environment="production", status="success", started_at=at("01-11 10:00")),
        made(work.Deployment, source="forge", external_id="D2", service="search", repository="acme/search",
             environment="production", status="success", started_at=at("01-16 10:00")),
        made(versions.TelemetryDeployment, service="shop", version="9", outcome="complete",
             started_at=at("01-11 11:00")),
        made(versions.TelemetryDeployment, service="shop", version="10", outcome="complete",
             started_at=at("01-18 10:00")),
    ]  # fmt: skip


def fill(store: Store) -> None:
    """Put the whole world into a store."""
    put(
        store,
        [
            *_incidents(), *_events(), *_outages(), *_bugs(), *_reopenings(), *_effort(), *_verdicts(),
            *findings(), *locked(), *freshness(), *_deployments(),
            *changes(), *files(), *debt(), *_catalogue(), *_people(), *_collections(),
        ],
    )  # fmt: skip
    derive_delivery(store, Settings(), [])
    put(store, _deployed_changes())
    put(store, _sla_cycles())


def _sla_cycles() -> list[Any]:
    """Two met, two missed, one paused, and one that the desk has counted anew since."""

    def cycle(item: str, sla: str, number: int = 1, source: str = "pager", **given: Any) -> Any:
        return made(
            service_levels.SlaCycle, source=source, item_id=item, sla_id=sla, sla=sla, cycle=number,
            **({"told_at": at("02-01")} | given),
        )  # fmt: skip

    return [
        cycle("I1", "resolution", stopped_at=at("01-05 02:00"), breach_at=at("01-05 08:00")),
        cycle("I4", "resolution", stopped_at=at("01-16"), breach_at=at("01-14"), is_breached=True),
        cycle("I4", "response", stopped_at=at("01-13 10:00"), breach_at=at("01-14")),
        cycle("I2", "resolution", breach_at=at("01-20"), is_running=True),
        cycle("I9", "resolution", 2, "desk", breach_at=at("01-25"), is_running=True, is_paused=True),
        cycle("I9", "response", 1, "desk", stopped_at=at("01-22"), told_at=at("01-23")),
    ]


def _deployed_changes() -> list[Any]:
    """What D1 and D2 brought; there are no commits in this world to derive it from."""
    return [
        made(delivery.DeployedChange, deployment_id="forge|D1", sha="c1", first_at=at("01-09 10:00"),
             authored_at=at("01-10 10:00"), merged_at=at("01-11 04:00")),
        made(delivery.DeployedChange, deployment_id="forge|D2", sha="c2", first_at=at("01-15 10:00"),
             authored_at=at("01-15 10:00")),
    ]  # fmt: skip
