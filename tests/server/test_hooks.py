"""Webhooks over HTTP: proof, kept deliveries, repeats, refusals that are counted, and a real Alertmanager."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from ktlo.errors import StoreError
from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings
from ktlo.sources.delivering import replay
from ktlo.sources.refusals import Refusals

HOOK = "/hooks/alertmanager:prod"
ALERT = {
    "status": "firing",
    "labels": {"alertname": "HighLatency", "service": "checkout", "severity": "page"},
    "annotations": {"summary": "Checkout is slow"},
    "startsAt": "2026-09-01T12:00:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "fingerprint": "c0ffee",
}
RESOLVED = {**ALERT, "status": "resolved", "endsAt": "2026-09-01T12:30:00Z"}


def body(*alerts) -> bytes:
    return json.dumps({"version": "4", "status": "firing", "alerts": alerts}).encode()


@pytest.fixture
def runtime(tmp_path, monkeypatch) -> Iterator[Runtime]:
    monkeypatch.setenv("AM_SECRET", "open-sesame")
    opened = Runtime(Settings(), tmp_path / "data")
    opened.add_source("alertmanager", {"name": "prod", "webhook_secret": "env:AM_SECRET"})
    yield opened
    opened.close()


@pytest.fixture
def visitor(runtime, visiting):
    return visiting(make_app(runtime, Access()))


PROOF = {"authorization": "Bearer open-sesame"}


def rows(runtime, sql):
    return runtime.store.query(sql).to_pylist()


def test_a_webhook_with_proof_becomes_an_incident_at_once(runtime, visitor):
    answer = visitor.post(HOOK, content=body(ALERT), headers=PROOF)
    assert (answer.status_code, answer.json()["rows"]) == (200, 2)
    assert rows(runtime, "SELECT service, state FROM ktlo.incidents") == [
        {"service": "checkout", "state": "open"}
    ]
    visitor.post(HOOK, content=body(RESOLVED), headers=PROOF)
    (found,) = rows(runtime, "SELECT state, resolved_at FROM ktlo.incidents")
    assert found["state"] == "resolved"


def test_the_same_webhook_again_changes_nothing_and_is_answered_the_same(runtime, visitor):
    for _ in range(3):
        assert visitor.post(HOOK, content=body(ALERT), headers=PROOF).status_code == 200
    assert visitor.post(HOOK, content=body(ALERT), headers=PROOF).json()["is_repeat"] is True
    assert rows(runtime, "SELECT count() AS n FROM ktlo.deliveries") == [{"n": 1}]


def test_an_end_that_comes_before_its_beginning_stays_the_end(runtime, visitor):
    visitor.post(HOOK, content=body(RESOLVED), headers=PROOF)
    visitor.post(HOOK, content=body(ALERT), headers=PROOF)
    assert rows(runtime, "SELECT state FROM ktlo.incidents") == [{"state": "resolved"}]


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}])
def test_without_proof_it_is_401_counted_and_nothing_else_is_kept(runtime, visitor, headers):
    answer = visitor.post(HOOK, content=body(ALERT), headers=headers)
    assert answer.status_code == 401
    assert "secret" in answer.json()["title"]
    (kept,) = rows(runtime, "SELECT status, reason, body FROM ktlo.deliveries")
    assert (kept["status"], kept["body"]) == ("refused", "")
    assert rows(runtime, "SELECT count() AS n FROM ktlo.incidents") == [{"n": 0}]


class Kept:
    """What a store would hold of the rows written: the newest of a name."""

    def __init__(self) -> None:
        self.writes, self.rows = 0, {}
        self.is_full = False

    def insert(self, table, batch) -> None:
        if self.is_full:
            raise StoreError("the disk is full")
        self.writes += 1
        for row in batch.to_pylist():
            self.rows[row["source"], row["delivery_id"]] = row


NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)


def test_ten_thousand_refusals_in_a_minute_are_a_handful_of_writes_with_the_exact_count():
    refusals, kept = Refusals(), Kept()
    for number in range(10_000):
        at = NOON + dt.timedelta(milliseconds=6 * number)
        refusals.note("a:b", "no", at)
        refusals.write(kept, at)
    refusals.write(kept, at + dt.timedelta(seconds=5))
    assert (kept.writes, [row["times"] for row in kept.rows.values()]) == (13, [10_000])
    assert refusals.write(kept, at + dt.timedelta(minutes=9)) == 0
    assert not refusals._counted, "a minute that is over and written is forgotten"


def test_what_the_store_did_not_take_is_counted_when_it_takes_again_and_at_the_last():
    refusals, kept = Refusals(), Kept()
    kept.is_full = True
    for _ in range(3):
        refusals.note("a:b", "no", NOON)
        with pytest.raises(StoreError):
            refusals.write(kept, NOON)
    kept.is_full = False
    assert refusals.write(kept, NOON) == 1
    refusals.note("a:b", "no", NOON)
    assert refusals.write(kept, NOON) == 0, "not twice within five seconds"
    assert refusals.write(kept, NOON, is_last=True) == 1
    assert [row["times"] for row in kept.rows.values()] == [4]


def test_two_processes_of_one_minute_do_not_write_over_each_other():
    kept = Kept()
    for _ in range(2):
        refusals = Refusals()
        refusals.note("a:b", "no", NOON)
        refusals.write(kept, NOON)
    assert sum(row["times"] for row in kept.rows.values()) == 2


def test_three_wrong_signatures_within_a_second_are_three_when_the_server_ends(runtime):
    server = uvicorn.Server(uvicorn.Config(make_app(runtime, Access()), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}{HOOK}"
    assert [httpx.post(url, content=body(ALERT)).status_code for _ in range(3)] == [401] * 3
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


def test_kept_deliveries_are_read_again_by_other_options(runtime, visitor):
    visitor.post(HOOK, content=body({**ALERT, "labels": {"component": "db"}}), headers=PROOF)
    assert rows(runtime, "SELECT service FROM ktlo.incidents") == [{"service": ""}]
    runtime.add_source(
        "alertmanager", {"name": "prod", "webhook_secret": "env:AM_SECRET", "service_label": "component"}
    )
    assert replay(runtime.source("alertmanager:prod"), runtime.store) == (1, 2)
    assert rows(runtime, "SELECT service FROM ktlo.incidents") == [{"service": "db"}]


def test_numbers_say_that_webhooks_of_their_source_were_refused(visitor):
    visitor.post(HOOK, content=body(ALERT), headers=PROOF)
    assert "turned away" not in visitor.page("/reliability")
    visitor.post(HOOK, content=body(ALERT), headers={"authorization": "Bearer wrong"})
    assert "1 webhook of alertmanager:prod was turned away" in visitor.page("/reliability")


def test_the_source_page_says_where_webhooks_go_and_what_came(visitor):
    page = visitor.page("/sources/source?source=alertmanager:prod")
    assert "http://127.0.0.1:5856/hooks/alertmanager:prod" in page
    assert "None came yet" in page
    visitor.post(HOOK, content=body(ALERT), headers=PROOF)
    visitor.post(HOOK, content=body(ALERT), headers={"authorization": "Bearer <b>wrong</b>"})
    assert "1 taken" in visitor.page("/sources/source?source=alertmanager:prod")
    assert "1 taken, 0 without anything used, 1 refused" in visitor.page(
        "/sources/deliveries?source=alertmanager:prod"
    )
    answer = visitor.post("/sources/replay", data={"source": "alertmanager:prod"})
    assert answer.status_code == 303
    assert "was read again" in visitor.page(answer.headers["location"])


def test_what_is_pasted_holds_the_public_address_and_one_of_this_machine_is_said(tmp_path, visiting):
    for said, address, here in (
        ("", "http://127.0.0.1:5856/hooks/argocd:prod", True),
        ("https://ktlo.example.org/kept/", "https://ktlo.example.org/kept/hooks/argocd:prod", False),
        ("http://localhost:8000", "http://localhost:8000/hooks/argocd:prod", True),
    ):
        settings = Settings.model_validate({"server": {"public_url": said}})
        runtime = Runtime(settings, tmp_path / address.replace("/", "_"))
        runtime.add_source("argocd", {"name": "prod"})
        visitor = visiting(make_app(runtime, Access()))
        found = visitor.get("/api/v1/sources/hook", params={"source": "argocd:prod"}).json()
        page = visitor.page("/sources/source?source=argocd:prod")
        runtime.close()
        assert found["url"] == address
        assert f"url: {address}\n" in found["paste"]
        assert f"url: {address}\n" in page
        assert ("server.public_url" in found["only_here"]) is here
        assert ("server.public_url" in page) is here


@pytest.mark.parametrize(
    "said", ["ktlo.example.org", "ftp://ktlo", "https://", "https://k/?a=1", "javascript:alert(1)"]
)
def test_a_public_address_that_is_none_is_refused(said):
    with pytest.raises(ValueError, match="public_url"):
        Settings.model_validate({"server": {"public_url": said}})


def test_the_api_tells_the_same(visitor):
    visitor.post(HOOK, content=body(ALERT), headers=PROOF)
    said = visitor.get("/api/v1/sources/hook", params={"source": "alertmanager:prod"}).json()
    assert (said["url"], said["taken"], said["has_secret"]) == (f"http://127.0.0.1:5856{HOOK}", 1, True)
    (came,) = visitor.get("/api/v1/sources/deliveries", params={"source": "alertmanager:prod"}).json()
    assert (came["event"], came["status"], came["rows"]) == ("firing", "taken", 2)
    replayed = visitor.post("/api/v1/sources/replay", params={"source": "alertmanager:prod"}).json()
    assert replayed == {"deliveries": 1, "rows": 2}


@pytest.fixture
def listening(runtime) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(make_app(runtime, Access()), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def alertmanager(tmp_path: Path, listening: str) -> Iterator[str]:
    program = shutil.which("prometheus-alertmanager")
    if program is None:
        pytest.skip("prometheus-alertmanager (Debian) is not installed")
    config = tmp_path / "alertmanager.yml"
    config.write_text(f"""
route: {{receiver: ktlo, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
- name: ktlo
  webhook_configs:
  - url: {listening}{HOOK}
    send_resolved: true
    http_config: {{authorization: {{credentials: open-sesame}}}}
""")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
    command += [f"--storage.path={tmp_path / 'am'}", "--cluster.listen-address="]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: httpx.get(f"{url}/-/ready").status_code == 200)
        yield url
        process.terminate()


def eventually(holds, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("it did not come to hold")


def test_a_real_alertmanager_tells_the_beginning_and_the_end_of_an_alert(runtime, alertmanager):
    began = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(minutes=5)
    told = {
        "labels": {"alertname": "DiskFull", "service": "db", "severity": "page"},
        "annotations": {"summary": "The disk is full"},
        "startsAt": began.isoformat(),
    }
    httpx.post(f"{alertmanager}/api/v2/alerts", json=[told]).raise_for_status()
    state = "SELECT service, title, severity, state, detected_at, resolved_at FROM ktlo.incidents"
    eventually(lambda: rows(runtime, state))
    (found,) = rows(runtime, state)
    assert (found["service"], found["title"], found["severity"]) == ("db", "The disk is full", "page")
    assert (found["state"], found["detected_at"]) == ("open", began)
    ended = dt.datetime.now(dt.UTC).replace(microsecond=0)
    httpx.post(
        f"{alertmanager}/api/v2/alerts", json=[{**told, "endsAt": ended.isoformat()}]
    ).raise_for_status()
    eventually(lambda: rows(runtime, state)[0]["state"] == "resolved")
    assert rows(runtime, state)[0]["resolved_at"] == ended


def test_an_alert_that_no_webhook_told_of_is_found_by_asking_and_ended_when_it_is_gone(runtime, alertmanager):
    # Another name, so that the webhooks go elsewhere: only asking tells.
    runtime.add_source("alertmanager", {"name": "asked", "url": alertmanager})
    from ktlo.server.collecting import Collecting

    collecting = Collecting(runtime)
    told = {"labels": {"alertname": "Slow", "job": "api"}}
    httpx.post(f"{alertmanager}/api/v2/alerts", json=[told]).raise_for_status()
    state = "SELECT service, state FROM ktlo.incidents WHERE source = 'alertmanager:asked'"

    def read() -> None:
        collecting.start(("alertmanager:asked",))
        collecting.wait(60)

    eventually(lambda: len(httpx.get(f"{alertmanager}/api/v2/alerts").json()) == 1)
    read()
    assert rows(runtime, state) == [{"service": "api", "state": "open"}]
    ended = dt.datetime.now(dt.UTC).isoformat()
    httpx.post(f"{alertmanager}/api/v2/alerts", json=[{**told, "endsAt": ended}]).raise_for_status()
    eventually(lambda: httpx.get(f"{alertmanager}/api/v2/alerts").json() == [])
    read()
    assert rows(runtime, state) == [{"service": "api", "state": "resolved"}]
    collecting.close()
