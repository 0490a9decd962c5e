"""Argo CD and Flux from their webhooks to the page of deployments: proven, linked by commit, counted once."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import importlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ktlo.server.app import make_app
from ktlo.server.deriving import Deriving
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings
from ktlo.sources.argocd import mapping
from ktlo.sources.argocd.source import ArgoCdSource
from ktlo.sources.delivering import replay_outdated

sys.path[:0] = [str(Path(__file__).parents[1] / one) for one in ("sources", "delivery")]
sys.path[:0] = [str(Path(__file__).parents[1] / "sources" / one) for one in ("argocd", "flux")]
Repo = importlib.import_module("deployed_world").Repo
application = importlib.import_module("test_argocd").application
kustomization = importlib.import_module("test_flux").kustomization

KEY = "open-sesame"


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    monkeypatch.setenv("HOOK_SECRET", KEY)
    opened = Runtime(Settings(), tmp_path / "data")
    for kind in ("argocd", "flux"):
        opened.add_source(
            kind, {"name": "prod", "webhook_secret": "env:HOOK_SECRET", "environment": "production"}
        )
    yield opened
    opened.close()


@pytest.fixture
def visitor(runtime: Runtime, visiting: Any) -> Iterator[Any]:
    app = make_app(runtime, Access())
    yield visiting(app)
    app.state.collecting.close()


def signed(told: Any) -> dict[str, Any]:
    body = json.dumps(told).encode()
    digest = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    return {"content": body, "headers": {"x-signature": f"sha256={digest}"}}


def bearing(app: dict[str, Any], key: str = KEY) -> dict[str, Any]:
    return {"content": json.dumps({"app": app}).encode(), "headers": {"authorization": f"Bearer {key}"}}


def derived(visitor: Any, source: str) -> None:
    visitor.app.state.collecting.start((source,))
    run = visitor.app.state.collecting.wait(120)
    assert [step.message for step in run.steps if step.status != "complete"] == []


def test_what_they_deployed_is_linked_to_its_repository_by_commit_and_counted_once(
    visitor: Any, runtime: Runtime, tmp_path: Path
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    repo = Repo(folder)
    commits = [repo.commit("app.py", f"VERSION = {n}\n") for n in range(3)]
    git = runtime.add_source("git", {"path": str(folder)}).source_id
    for minutes in (0, 10, 20):
        answer = visitor.post(
            "/hooks/flux:prod",
            **signed(kustomization("shop", "ReconciliationSucceeded", f"main@sha1:{commits[1]}", minutes)),
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["is_repeat"] is (minutes > 0)
    failed = kustomization("shop", "BuildFailed", f"main@sha1:{commits[2]}", 30, severity="error")
    assert visitor.post("/hooks/flux:prod", **signed(failed)).json()["rows"] == 1
    for app in (application(revision=commits[1]), application("Failed", revision=commits[2], start=60)):
        assert visitor.post("/hooks/argocd:prod", **bearing(app)).json()["rows"] == 1
    derived(visitor, git)
    found = runtime.store.query(
        "SELECT toString(service) AS service, toString(repository) AS repository, sha, toString(status) AS status"
        " FROM ktlo.service_deployments ORDER BY service, status"
    ).to_pylist()
    name = found[0]["repository"]
    assert name.endswith("shop")
    assert [tuple(row.values()) for row in found] == [
        ("shop", name, commits[2], "failure"),
        ("shop", name, commits[1], "success"),
        ("velero", name, commits[2], "failure"),
        ("velero", name, commits[1], "success"),
    ]
    page = visitor.page("/deployments")
    assert "velero" in page
    assert commits[1][:7] in page
    assert "0 of the last 2 deployments into production failed" in page
    assert "2 attempts did not come into force and are not among them" in page
    twin = visitor.get("/deployments.json").json()
    cards = {card["title"]: card for card in twin["cards"]}
    assert (cards["Deployments"]["value"], cards["Change failure rate"]["value"]) == ("2", "0%")
    assert cards["Deployments that did not get through"]["value"] == "50%"
    rows = visitor.page(cards["Change failure rate"]["href"])
    assert "velero" in rows
    assert cards["Change failure rate"]["href"].startswith("/rows/change_failure_rate")
    narrowed = visitor.get("/deployments.json", params={"service": "shop", "from": "all"}).json()
    assert {card["title"]: card["value"] for card in narrowed["cards"]}["Deployments"] == "1"


def test_a_period_without_deployments_is_no_empty_page_but_all_time(visitor: Any, runtime: Runtime) -> None:
    old = application(start=-60 * 24 * 400)
    assert visitor.post("/hooks/argocd:prod", **bearing(old)).json()["rows"] == 1
    runtime.add_source("alertmanager", {"name": "prod"})
    now = dt.datetime.now(dt.UTC).isoformat()
    alert = {"status": "firing", "labels": {"alertname": "Slow", "service": "velero"}, "startsAt": now}
    told = {"version": "4", "status": "firing", "alerts": [alert]}
    assert visitor.post("/hooks/alertmanager:prod", json=told).json()["rows"] == 2
    derived(visitor, "argocd:prod")
    twin = visitor.get("/deployments.json").json()
    assert {card["title"]: card["value"] for card in twin["cards"]}["Deployments"] == "1"
    asked = visitor.get("/deployments.json", params={"from": "90d"}).json()
    assert {card["title"]: card["value"] for card in asked["cards"]}["Deployments"] == "0"


def test_a_deployment_is_on_its_page_soon_after_the_webhook_without_a_collection(visitor: Any) -> None:
    told = application(start=-60)
    assert visitor.post("/hooks/argocd:prod", **bearing(told)).json()["rows"] == 1
    end = time.monotonic() + 60
    while "v1.14.0" not in (page := visitor.page("/deployments")) and time.monotonic() < end:
        time.sleep(0.2)
    assert "v1.14.0" in page
    assert visitor.app.state.collecting.run is None


def test_what_the_tool_says_of_a_failure_is_on_the_page_of_the_deployment(visitor: Any) -> None:
    said = "one or more objects failed to apply: <b>x</b>"
    app = application("Failed", start=-60, status__operationState__message=said)
    assert visitor.post("/hooks/argocd:prod", **bearing(app)).json()["rows"] == 1
    event = kustomization("shop", "BuildFailed", "main@sha1:" + "a" * 40, -60, severity="error")
    assert visitor.post("/hooks/flux:prod", **signed(event)).json()["rows"] == 1
    fine = application(start=-30, metadata__name="fine")
    assert visitor.post("/hooks/argocd:prod", **bearing(fine)).json()["rows"] == 1
    derived(visitor, "argocd:prod")
    found = {one["service"]: one for one in visitor.get("/api/v1/deployments").json()["deployments"]}
    assert {name: one["message"] for name, one in found.items()} == {
        "velero": said, "shop": event["message"], "fine": "",
    }  # fmt: skip
    page = visitor.page(f"/deployments/deployment?id={quote(found['velero']['deployment_id'])}")
    assert "It did not get through" in page
    assert "argocd:prod says: one or more objects failed to apply: &lt;b&gt;x&lt;/b&gt;" in page


def test_deliveries_that_come_together_are_derived_once(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    derived = threading.Semaphore(0)
    monkeypatch.setattr(Deriving, "derive", lambda self, now: derived.release())
    deriving = Deriving(runtime, after=0.5)
    for _ in range(50):
        deriving.ask()
    assert derived.acquire(timeout=60)
    deriving.ask()
    assert derived.acquire(timeout=60)
    deriving.close()
    deriving.ask()
    assert not derived.acquire(timeout=1.5)


def test_without_deployments_the_page_says_how_to_tell_of_them(visitor: Any) -> None:
    page = visitor.page("/deployments")
    assert "No deployment is known yet" in page
    assert "no connected source has told of one" in page
    assert "no service has reported a second" in page
    assert "not estimable" not in page


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("/hooks/argocd:prod", bearing(application(), "wrong")),
        ("/hooks/flux:prod", {"content": b"{}", "headers": {"x-signature": "sha256=00"}}),
    ],
)
def test_a_wrong_proof_is_401_counted_and_shown(visitor: Any, path: str, given: dict[str, Any]) -> None:
    for _ in range(2):
        answer = visitor.post(path, **given)
        assert answer.status_code == 401
        assert "does not match" in answer.json()["title"]
    source = path.removeprefix("/hooks/")
    (came,) = visitor.get("/api/v1/sources/deliveries", params={"source": source}).json()
    assert came["status"] == "refused"
    assert visitor.get("/api/v1/sources/hook", params={"source": source}).json()["refused"] >= 1
    assert "1 refused" in visitor.page(f"/sources/source?source={source}")


@pytest.mark.parametrize("source", ["argocd:prod", "flux:prod"])
def test_the_page_and_the_api_give_what_is_to_be_pasted_with_the_address(visitor: Any, source: str) -> None:
    address = f"http://127.0.0.1:5856/hooks/{source}"
    said = visitor.get("/api/v1/sources/hook", params={"source": source}).json()
    assert said["url"] == address
    assert address in said["paste"]
    assert "ADDRESS" not in said["paste"]
    assert "What to paste" in visitor.page(f"/sources/source?source={source}")


def test_a_webhook_is_read_again_by_other_options(visitor: Any, runtime: Runtime) -> None:
    visitor.post("/hooks/argocd:prod", **bearing(application()))
    runtime.remove_source("argocd:prod")
    runtime.add_source("argocd", {"name": "prod", "environment": "canary", "code": "image"})
    assert visitor.post("/api/v1/sources/replay", params={"source": "argocd:prod"}).json() == {
        "deliveries": 1,
        "rows": 1,
    }
    (found,) = runtime.store.query("SELECT toString(environment) AS e, sha FROM ktlo.deployments").to_pylist()
    assert found == {"e": "canary", "sha": ""}


def test_kept_webhooks_are_read_again_by_the_first_collection_after_their_mapping_changed(
    visitor: Any, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def statuses() -> list[str]:
        found = runtime.store.query("SELECT toString(status) AS status FROM ktlo.deployments").to_pylist()
        return [row["status"] for row in found]

    # As it was before reading 1: a degraded sync was no deployment that came into force.
    earlier = replace(ArgoCdSource.setup, reading=0)
    monkeypatch.setattr(ArgoCdSource, "setup", earlier)
    monkeypatch.setattr(mapping, "ROLLOUT", dt.timedelta(0))
    visitor.post("/hooks/argocd:prod", **bearing(application("Succeeded", "Degraded")))
    derived(visitor, "argocd:prod")
    assert statuses() == ["success"]
    monkeypatch.undo()
    monkeypatch.setenv("HOOK_SECRET", KEY)
    derived(visitor, "argocd:prod")
    assert statuses() == ["degraded"]
    assert runtime.store.query("SELECT reading FROM ktlo.deliveries")["reading"].to_pylist() == [1]
    assert replay_outdated(runtime.source("argocd:prod"), runtime.store) == 0
