"""Each kind says which tables it fills, and fills those: all that its own tests have it read and hear.

The metrics that would rest on a source are named by it before anything has come in (*Sources*, a source's page). That
nothing comes into another table is held wherever a test collects (``collected_rows.run``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import test_ten_megabytes_told as told
import test_what_every_pulled_source_meets as pulled
from collected_rows import Seen, run

from ktlo.server.completeness import feeds
from ktlo.sources.csv import CsvConfig, CsvSource
from ktlo.sources.csv.fields import Noun
from ktlo.sources.registry import kinds
from ktlo.sources.webhook import WebhookSource
from ktlo.sources.webhook.config import WebhookConfig

of_tests = pulled.of_tests
ELSEWHERE = {
    "git": "git/test_source.py: real repositories",
    "github": "github/test_collecting.py: needs the published description",
    "redmine": "redmine/test_redmine.py: a real server",
}


def asked(*kinds: str) -> set[str]:
    return {table for kind in kinds for table in pulled.Service(kind).whole().tables}


def shifts(kind: str) -> set[str]:
    own, seen = of_tests(kind, f"test_{kind}_schedules"), Seen()
    source = own.source if kind == "opsgenie" else own.reader
    assert run(source(own.account_by_hand()), seen) is None
    return seen.tables


def cdevents() -> set[str]:
    own, seen = of_tests("cdevents", "test_cdevents"), Seen()
    deployed = own.event("service.deployed", "checkout", artifactId="pkg:oci/checkout?tag=1.2")
    seen.take(own.source().receive(own.structured(deployed)))
    return seen.tables | told.cdevents("It broke").tables


def gitlab() -> set[str]:
    own, hooks, seen = of_tests("gitlab", "test_gitlab"), of_tests("gitlab", "test_gitlab_hooks"), Seen()
    project = own.project_by_hand()
    project.merge_requests[1] = own.merge_request(1, own.NOON)
    project.comment("MergeRequest", 1, own.after(1), "grace")
    project.releases.append({"tag_name": "v1", "released_at": own.stamp(own.NOON), "_links": {}})
    pipeline = {"id": 31, "sha": "bcbb5ec396", "status": "success", "created_at": "2026-09-01 15:23:28 UTC"}
    seen.take(hooks.take({"object_kind": "pipeline", "object_attributes": pipeline}))
    assert run(own.source(project), seen) is None
    return seen.tables


OUTAGES = CsvSource(
    CsvConfig(file="x.csv", noun=Noun.OUTAGES, mapping={"service": "service", "started_at": "from"})
)
FILLED: dict[str, Callable[[], set[str]]] = {
    "alertmanager": lambda: asked("alertmanager"),
    "argocd": lambda: told.argocd("It broke").tables,
    "cdevents": cdevents,
    "flux": lambda: told.flux("It broke").tables,
    "gitlab": gitlab,
    "grafana": lambda: asked("grafana"),
    "jira": lambda: asked("jira cloud", "jira data center"),
    "opsgenie": lambda: asked("opsgenie", "opsgenie's incidents") | shifts("opsgenie"),
    "pagerduty": lambda: asked("pagerduty") | shifts("pagerduty"),
    "sentry": lambda: asked("sentry"),
    "servicenow": lambda: asked("servicenow"),
    "statuspage": lambda: asked("statuspage"),
}


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in pulled.SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("kind", list(FILLED))
def test_a_kind_fills_what_it_says(kind: str) -> None:
    assert FILLED[kind]() == set(kinds()[kind].brings)


def test_every_kind_is_looked_at() -> None:
    assert set(kinds()) == FILLED.keys() | ELSEWHERE.keys() | {"csv", "webhook"}


@pytest.mark.parametrize("rows", ["items", "events"])
def test_a_file_fills_what_its_options_say(tmp_path: Path, rows: str) -> None:
    path, seen = tmp_path / "log.csv", Seen()
    path.write_text("id,at,state\nA-1,2026-09-01T10:00:00Z,new\nA-1,2026-09-01T11:00:00Z,closed\n")
    when = "event_at" if rows == "events" else "created_at"
    mapping = {"external_id": "id", when: "at", "state": "state"}
    made = CsvSource(CsvConfig(file=str(path), noun="issues", shape=rows, mapping=mapping))
    assert run(made, seen) is None
    assert seen.tables == set(made.brings)


def test_a_webhook_of_ones_own_fills_its_noun() -> None:
    own = of_tests("webhook", "test_webhook")
    made = WebhookSource(WebhookConfig(name="pager", noun="incidents", mapping=own.MAPPING))
    assert told.webhook("It broke").tables == set(made.brings)


@pytest.mark.parametrize(
    ("source", "some", "none"),
    [
        (kinds()["statuspage"], "Downtime", "Bug resolution rate"),
        (kinds()["sentry"], "Bug resolution rate", "Downtime"),
        (kinds()["argocd"], "Deployments", "Downtime"),
        (OUTAGES, "Downtime", "Time to restore"),
    ],
)
def test_the_metrics_that_would_rest_on_it_are_those_that_read_what_it_brings(
    source: Any, some: str, none: str
) -> None:
    assert some in feeds(source.brings)
    assert none not in feeds(source.brings)
