"""Webhooks that are refused over HTTP: without proof, for nobody, too large; told, counted and shown."""

from __future__ import annotations

import json
import subprocess
import threading
import time

import httpx
import pytest
import uvicorn
from alerts_by_webhook import ALERT, HOOK, PROOF, body, rows

from ktlo.server.app import make_app
from ktlo.server.security import Access


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}])
def test_without_proof_it_is_401_counted_and_nothing_else_is_kept(runtime, visitor, headers):
    answer = visitor.post(HOOK, content=body(ALERT), headers=headers)
    assert answer.status_code == 401
    assert "secret" in answer.json()["title"]
    (kept,) = rows(runtime, "SELECT status, reason, body FROM ktlo.deliveries")
    assert (kept["status"], kept["body"]) == ("refused", "")
    assert rows(runtime, "SELECT count() AS n FROM ktlo.incidents") == [{"n": 0}]


def test_three_wrong_signatures_within_a_second_are_three_when_the_server_ends(runtime):
    server = uvicorn.Server(uvicorn.Config(make_app(runtime, Access()), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}{HOOK}"
    assert [httpx.post(url, content=body(ALERT), timeout=60).status_code for _ in range(3)] == [401] * 3
    server.should_exit = True
    thread.join()
    assert rows(runtime, "SELECT sum(times) AS n FROM ktlo.deliveries") == [{"n": 3}]


def test_without_its_secret_the_server_asks_to_be_sent_again_and_says_what_it_lacks(
    runtime, visitor, monkeypatch
):
    monkeypatch.delenv("AM_SECRET")
    answer = visitor.post(HOOK, content=body(ALERT), headers=PROOF)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "AM_SECRET" not in answer.text
    (kept,) = rows(runtime, "SELECT status, reason FROM ktlo.deliveries")
    assert kept["status"] == "refused"
    assert "AM_SECRET is not set" in kept["reason"]
    health = visitor.get("/api/v1/sources/check", params={"source": "alertmanager:prod"}).json()
    assert health["status"] == "limited"
    assert health["summary"].startswith("Deliveries are refused")
    assert "AM_SECRET is not set" in health["missing"][0]["what"]
    assert "AM_SECRET is not set" in visitor.page("/sources/source?source=alertmanager:prod")
    monkeypatch.setenv("AM_SECRET", "open-sesame")
    assert visitor.post(HOOK, content=body(ALERT), headers=PROOF).status_code == 200
    health = visitor.get("/api/v1/sources/check", params={"source": "alertmanager:prod"}).json()
    assert "AM_SECRET" not in json.dumps(health)


def test_who_adds_a_source_is_told_that_the_server_lacks_its_secret(visitor):
    options = {"name": "prod", "webhook_secret": "env:NO_SUCH_SECRET"}
    added = visitor.post("/api/v1/sources", json={"kind": "argocd", "options": options}).json()
    assert added["status"] == "limited"
    assert "NO_SUCH_SECRET is not set" in added["missing"][0]["what"]


def test_a_ktlo_that_others_reach_takes_no_webhook_for_a_source_without_a_secret(runtime, visiting):
    runtime.add_source("alertmanager", {"name": "open"})
    answer = visiting(make_app(runtime, Access("t"))).post("/hooks/alertmanager:open", content=body(ALERT))
    assert answer.status_code == 401
    assert "webhook_secret" in answer.json()["fix"]
    alone = visiting(make_app(runtime, Access())).post("/hooks/alertmanager:open", content=body(ALERT))
    assert alone.status_code == 200


def test_a_ktlo_behind_a_token_asks_webhooks_for_their_own_proof_only(runtime, visiting):
    answer = visiting(make_app(runtime, Access("t"))).post(HOOK, content=body(ALERT), headers=PROOF)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/hooks/alertmanager:nobody", "/hooks/", "/hooks/git:x"])
def test_a_webhook_for_nobody_is_404(visitor, path):
    assert visitor.post(path, content=b"{}", headers=PROOF).status_code == 404


def test_a_webhook_for_a_source_that_takes_none_says_so(runtime, visitor, tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path / "repo")], check=True)
    entry = runtime.add_source("git", {"path": str(tmp_path / "repo")})
    answer = visitor.post(f"/hooks/{entry.source_id}", content=b"{}")
    assert answer.status_code == 400
    assert "takes no webhooks" in answer.json()["title"]


def test_a_body_that_is_too_large_is_413(visitor):
    assert visitor.post(HOOK, content=b" " * (26 << 20), headers=PROOF).status_code == 413


def test_a_body_that_is_too_large_is_counted_and_shown(runtime, visitor):
    announced = {**PROOF, "content-length": str(27 << 20)}
    assert visitor.post(HOOK, content=b" ", headers=announced).status_code == 413
    (kept,) = rows(runtime, "SELECT status, reason, times, body FROM ktlo.deliveries")
    assert (kept["status"], kept["times"], kept["body"]) == ("refused", 1, "")
    assert "more than 25 MiB" in kept["reason"]
    page = visitor.page("/sources/deliveries?source=alertmanager:prod")
    assert "1 refused" in page
    assert "more than 25 MiB" in page
    assert visitor.post("/hooks/alertmanager:no", content=b" ", headers=announced).status_code == 404
