"""Files and repositories from ``ktlo sources add`` to a number, by the command and on the page.

Ten incidents and ten issues as a person reads them off the exports below, and a git repository whose history is
counted by git itself.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings

# Ended within: 1, 2, 3, 4 and 5 hours; three are open, one was called off, one row is no incident (its end lies before
# its beginning). Of those that count, five of eight have ended.
INCIDENTS = """\
Number,Short description,Priority,State,Opened,Resolved
INC-0,Checkout is <b>slow</b> 🐢,1 - Critical,Resolved,2026-09-01 08:00:00,2026-09-01 09:00:00
INC-1,"Mail, delayed",3 - Moderate,Resolved,2026-09-02 08:00:00,2026-09-02 10:00:00
INC-2,Search is down,2 - High,Resolved,2026-09-03 08:00:00,2026-09-03 11:00:00
INC-3,Search is down again,2 - High,Closed,2026-09-04 08:00:00,2026-09-04 12:00:00
INC-4,Disk full,2 - High,Closed,2026-09-05 08:00:00,2026-09-05 13:00:00
INC-5,Disk full,2 - High,New,2026-09-06 08:00:00,
INC-6,Disk full,2 - High,In Progress,2026-09-07 08:00:00,
INC-7,"=HYPERLINK(""http://example.test"")",4 - Low,On Hold,2026-09-08 08:00:00,
INC-8,A false alarm,4 - Low,Canceled,2026-09-09 08:00:00,2026-09-09 08:05:00
INC-9,The clock of the exporter,4 - Low,Resolved,2026-09-10 08:00:00,2026-09-09 08:00:00
"""
# Closed after 1, 2, 3 and 4 days; six are open. One has no key and one no beginning: turned away. That is ten and two.
ISSUES = """\
Issue key,Summary,Issue Type,Priority,Status,Created,Resolved
SHOP-0,Totals are wrong,Bug,High,Done,2026-09-01T08:00:00Z,2026-09-02T08:00:00Z
SHOP-1,Totals are <i>wrong</i> again,Bug,High,Done,2026-09-02T08:00:00Z,2026-09-04T08:00:00Z
SHOP-2,Login fails,Bug,Medium,Done,2026-09-03T08:00:00Z,2026-09-06T08:00:00Z
SHOP-3,Crash on start 💥,Bug,Low,Closed,2026-09-04T08:00:00Z,2026-09-08T08:00:00Z
SHOP-4,Crash on exit,Bug,Low,To Do,2026-09-05T08:00:00Z,
SHOP-5,Crash on save,Bug,Low,In Progress,2026-09-06T08:00:00Z,
SHOP-6,Crash on load,Bug,Low,To Do,2026-09-07T08:00:00Z,
SHOP-7,Crash on print,Bug,Low,To Do,2026-09-08T08:00:00Z,
SHOP-8,Crash on paste,Bug,Low,To Do,2026-09-09T08:00:00Z,
SHOP-9,Crash on undo,Bug,Low,To Do,2026-09-10T08:00:00Z,
,Nobody knows its key,Bug,Low,To Do,2026-09-10T08:00:00Z,
SHOP-X,It began some time,Bug,Low,To Do,some time,
"""
SEPTEMBER = ("--from", "2026-08-01", "--to", "2026-10-31")
Ktlo = Callable[..., Any]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Any]) -> Ktlo:
    """Runs ktlo as a person would, on a data folder of the test's own; gives what it printed as JSON."""
    monkeypatch.setenv("KTLO_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Any:
        ran = command(*words, "--json")
        assert ran.code == 0, ran.out + ran.err
        return ran.json()

    return run


@pytest.fixture
def page(tmp_path: Path, visiting: Any) -> Callable[[str], str]:
    """A page of the data folder, as a server shows it."""

    def ask(path: str) -> str:
        runtime = Runtime(Settings(), tmp_path / "data")
        try:
            return str(visiting(make_app(runtime, Access())).page(path))
        finally:
            runtime.close()

    return ask


def statistics(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer["figures"][0]["statistics"]
    return found


def test_ten_incidents_and_ten_issues_of_two_exports(shell: Ktlo, page: Any, tmp_path: Path) -> None:
    (tmp_path / "desk.csv").write_text(INCIDENTS, encoding="utf-8")
    (tmp_path / "tracker.csv").write_text(ISSUES, encoding="utf-8")
    assert shell("sources", "add", "csv", "desk.csv", "noun=incidents")["source_id"] == "csv:desk"
    assert shell("sources", "add", "csv", "tracker.csv", "noun=issues")["source_id"] == "csv:tracker"
    steps = {step["name"]: step["status"] for step in shell("sync")["steps"]}
    assert (steps["csv:desk"], steps["csv:tracker"]) == ("complete", "complete")
    told = {one["source_id"]: one for one in shell("sources")}
    assert (told["csv:desk"]["rows"]["incidents"], told["csv:desk"]["rejected"]) == (9, 1)
    assert (told["csv:tracker"]["rows"]["issues"], told["csv:tracker"]["rejected"]) == (10, 2)
    restored = statistics(shell("metrics", "time_to_restore", *SEPTEMBER))
    assert {one["n"] for one in restored.values() if isinstance(one, dict)} >= {8}
    shown = page("/reliability?from=2026-08-01&to=2026-10-31")
    assert ">8<" in shown
    assert "<b>slow</b>" not in shown
    bugs = statistics(shell("metrics", "bug_time_to_close", *SEPTEMBER))
    assert {one["n"] for one in bugs.values() if isinstance(one, dict)} >= {10}
    assert "6 " in page("/bugs?from=2026-08-01&to=2026-10-31")


def test_a_repository(shell: Ktlo, page: Any, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    sys.path.insert(0, str(Path(__file__).parents[1] / "delivery"))
    repo = importlib.import_module("deployed_world").Repo(tmp_path / "shop")
    for number in range(10):
        repo.commit("checkout.py", f"def pay():\n    return {number}\n")
    repo.commit("README.md", "# Shop\n")
    shell("sources", "add", "git", str(tmp_path / "shop"), "name=acme/shop")
    steps = {step["name"]: step["status"] for step in shell("sync")["steps"]}
    assert steps["git:acme/shop"] == "complete"
    (told,) = shell("sources")
    assert told["rows"]["commits"] == 11
    hot = page("/hotspots?from=all")
    assert "checkout.py" in hot
    assert "commits</a> <b>11</b>" in page("/sources")
