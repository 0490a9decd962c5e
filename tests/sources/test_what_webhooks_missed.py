"""Reading finds what webhooks missed, and a webhook that comes late takes nothing of it back.

For Alertmanager see ``server/hooks/test_real_alertmanager.py`` (a real one), for Jira, PagerDuty, Sentry, status pages
their own tests.
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from collected_rows import Seen, run

from ktlo.sources.hooked import Incoming
from ktlo.sources.protocol import Batch

HERE = Path(__file__).parent


def of_tests(kind: str, module: str) -> Any:
    """A module of the tests of a source."""
    folder = str(HERE / kind)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(module)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OG_KEY", "k3y")
    monkeypatch.setenv("GITLAB_TOKEN", "glpat")
    for name in ("GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_opsgenie() -> None:
    own = of_tests("opsgenie", "test_opsgenie")
    key, _, closed, *_ = next(line for line in own.lines() if line[2] != "-")
    whole, seen, made = Seen(), Seen(), own.source(own.Account())
    assert run(own.source(own.Account()), whole) is None
    created = json.loads(own.webhook("Create", own.NOON, "System").body)
    created["alert"]["alertId"] = key
    told = Incoming({}, json.dumps(created).encode(), own.NOON)
    seen.take(made.receive(told))
    assert (seen.item(key)["state"], seen.item(key)["resolved_at"]) == ("open", None)
    assert run(made, seen) is None
    for _ in range(2):
        found = seen.item(key)
        assert (found["state"], found["resolved_at"]) == ("resolved", own.after(int(closed)))
        assert found == whole.item(key)
        seen.take(made.receive(told))


def test_gitlab() -> None:
    own, hooks = of_tests("gitlab", "test_gitlab"), of_tests("gitlab", "test_gitlab_hooks")
    iid = "2"
    whole, seen, made = Seen(), Seen(), own.source(own.project_by_hand())
    assert run(own.source(own.project_by_hand()), whole) is None
    opened = hooks.issue(
        "open", "2026-09-01T12:00:00Z", iid=int(iid), title=whole.item(iid, "issues")["title"]
    )
    project = {**hooks.PROJECT, "path_with_namespace": own.PATH}
    body = json.dumps({"project": project, "user": hooks.ADMIN, **opened}).encode()
    told = Incoming({}, body, own.NOON)
    seen.take(made.receive(told))
    assert seen.item(iid, "issues")["state"] == "open"
    assert run(made, seen) is None
    for _ in range(2):
        found = seen.item(iid, "issues")
        assert (found["state"], found["closed_at"]) == ("closed", whole.item(iid, "issues")["closed_at"])
        seen.take(made.receive(told))


@pytest.mark.node
def test_github() -> None:
    published, forges = of_tests("github", "github_published"), of_tests("github", "github_forge")
    runs = of_tests("github", "github_runs")
    try:
        forge = forges.Forge(published.Published(published.install()), forges.Clock())
    except LookupError as error:
        pytest.skip(str(error))
    number, got = forge.open_issue("It breaks", by="mona"), runs.Collected()
    body = {
        "action": "opened",
        "issue": json.loads(json.dumps(forge.issues[number])),
        "repository": {"full_name": "octocat/Hello-World"},
        "sender": forge.user("mona"),
    }
    told = Incoming({"x-github-event": "issues"}, json.dumps(body).encode(), dt.datetime.now(dt.UTC))
    made = runs.source_of(forge)
    got.take(Batch(made.receive(told).rows))
    assert [row["state"] for row in got.rows("issues")] == ["open"]
    forge.pass_time()
    forge.close(number, by="octocat")
    forge.pass_time(600)
    assert runs.run_once(forge, got) is None
    for _ in range(2):
        (found,) = got.rows("issues")
        assert (found["state"], found["closed_as"]) == ("closed", "completed")
        assert sorted(one["kind"] for one in got.rows("issue_events")) == ["closed", "opened"]
        got.take(Batch(made.receive(told).rows))
