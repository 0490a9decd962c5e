"""What sources lack, told by page, API and command line alike, and mended by one click."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ktlo.records import TABLES
from ktlo.records.arrow import blank, to_arrow
from ktlo.records.collection import Collection, Delivery
from ktlo.records.work import Issue
from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.server.silence import silence_of
from ktlo.settings import Settings

TRACKER, LISTENER = "redmine:127.0.0.1:1", "argocd:prod"
TODAY = dt.datetime.now(dt.UTC).replace(microsecond=0)
QUIET = range(60, 75)


def write(runtime: Runtime, noun: type, *rows: Any) -> None:
    (table,) = [table for table in TABLES.values() if table.record is noun]
    runtime.store.insert(table, to_arrow(rows, noun))


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    opened = Runtime(Settings(), tmp_path / "data")
    opened.add_source("redmine", {"url": "http://127.0.0.1:1"})
    opened.add_source("argocd", {"name": "prod"})
    days = [number for number in range(1, 140) if number not in QUIET]
    write(
        opened,
        Issue,
        *(
            blank(
                Issue,
                source=TRACKER,
                external_id=str(number),
                state="open",
                created_at=TODAY - dt.timedelta(days=number),
                updated_at=TODAY - dt.timedelta(days=number),
            )
            for number in days
        ),
    )
    write(
        opened,
        Collection,
        blank(Collection, source=TRACKER, status="complete", started_at=TODAY, finished_at=TODAY),
    )
    opened.state.set_cursor(TRACKER, {"since": "then", "etag": "x"})
    yield opened
    opened.close()


@pytest.fixture
def visitor(runtime: Runtime, visiting: Any) -> Iterator[Any]:
    app = make_app(runtime, Access())
    yield visiting(app)
    app.state.collecting.close()


def told(visitor: Any, **params: Any) -> dict[str, Any]:
    found = visitor.get("/api/v1/sources/completeness", params=params).json()
    return {one["source_id"]: one for one in found}


def test_days_that_are_missing_are_told_with_what_rests_on_them_and_what_mends_it(visitor: Any) -> None:
    found = told(visitor)[TRACKER]
    (gap,) = found["gaps"]
    assert gap["days"] == len(QUIET)
    assert gap["first"] == (TODAY - dt.timedelta(days=QUIET[-1])).date().isoformat()
    assert gap["chance"] < 0.001
    assert found["remedies"] == ["read-again"]
    assert "Bugs opened" in found["metrics"] or len(found["metrics"]) > 3
    page = visitor.page("/sources")
    assert f"No rows from {gap['first']}" in page
    assert "Read the whole past again" in page
    twin = {one["source_id"]: one for one in visitor.get("/sources.json").json()}
    assert twin[TRACKER] == found


def test_the_page_of_a_source_tells_the_same_and_offers_the_same_click(visitor: Any) -> None:
    page = visitor.page(f"/sources/source?source={TRACKER}")
    assert f"No rows from {told(visitor)[TRACKER]['gaps'][0]['first']}" in page
    assert "Nothing that this source knows of" not in page
    assert "Read the whole past again</button>" in page


def test_a_source_that_only_listens_is_not_offered_to_be_read(visitor: Any) -> None:
    page = visitor.page(f"/sources/source?source={LISTENER}")
    assert "Read now" not in page
    visitor.post(f"/hooks/{LISTENER}", content=b'{"app": 7}')
    page = visitor.page(f"/sources/source?source={LISTENER}")
    assert "1 webhook not understood" in page.partition("What it delivered")[0]
    assert "Read kept webhooks again</button>" in page


def test_what_speaks_against_the_numbers_leads_to_the_first_source_that_it_is_about(visitor: Any) -> None:
    page = visitor.page("/sources")
    number = re.search(r'Mind today.*href="#source-(\d+)">1 with days missing</a>', page)[1]  # type: ignore[index]
    assert re.search(rf'<h2 id="source-{number}"><a [^>]*>{re.escape(TRACKER)}</a>', page)
    assert re.search(r'href="#source-\d+">1 with no delivery taken yet</a>\.', page)


def test_what_a_failing_source_says_is_said_once_with_its_names_marked(visitor: Any) -> None:
    visitor.post("/api/v1/sources/mend", params={"source": TRACKER, "remedy": "read"})
    visitor.app.state.collecting.wait(60)
    assert "<span>failed</span>" in visitor.page("/fragments/progress")
    page = visitor.page(f"/sources/source?source={TRACKER}")
    assert '<h1 class="said" id="answer">It cannot be read now</h1>' in page
    assert "Check <code>url</code> and proxies" in page
    assert page.count("nobody listens at that address") == 1
    assert visitor.page("/sources").count("nobody listens at that address") == 1, "and its check the same"


def test_one_click_drops_the_cursor_and_reads_again(visitor: Any, runtime: Runtime) -> None:
    answer = visitor.post("/sources/mend", data={"source": TRACKER, "remedy": "read-again"})
    assert answer.headers["location"] == "/sources?done=collecting"
    run = visitor.app.state.collecting.wait(60)
    assert run.steps[0].name == TRACKER
    # What remains is where the past begins: where it was read first, not a year ago.
    assert runtime.state.cursor(TRACKER) == {"since": "then"}


def test_what_holds_for_the_rows_that_are_there_outlives_reading_the_past_again(
    visitor: Any, runtime: Runtime
) -> None:
    entry = runtime.add_source("opsgenie", {"token": "env:NONE", "api": "http://127.0.0.1:1"})
    runtime.state.set_cursor(entry.source_id, {"since": "then", "incidents": "alerts", "open_names": ["A1"]})
    params = {"source": entry.source_id, "remedy": "read-again"}
    assert visitor.post("/api/v1/sources/mend", params=params).status_code == 202
    visitor.app.state.collecting.wait(60)
    assert runtime.state.cursor(entry.source_id) == {"since": "then", "incidents": "alerts"}


def test_reading_what_changed_keeps_the_cursor(visitor: Any, runtime: Runtime) -> None:
    answer = visitor.post("/api/v1/sources/mend", params={"source": TRACKER, "remedy": "read"})
    assert answer.status_code == 202
    visitor.app.state.collecting.wait(60)
    assert runtime.state.cursor(TRACKER) == {"since": "then", "etag": "x"}
    assert told(visitor)[TRACKER]["remedies"][0] == "read", "it could not be reached"


def test_webhooks_that_were_not_understood_are_told_and_read_again(visitor: Any, runtime: Runtime) -> None:
    assert visitor.post(f"/hooks/{LISTENER}", content=b'{"app": 7}').status_code == 400
    found = told(visitor, source=LISTENER)
    assert list(found) == [LISTENER]
    assert (found[LISTENER]["not_understood"], found[LISTENER]["remedies"]) == (1, ["replay"])
    assert "1 webhook not understood" in visitor.page("/sources")
    visitor.post("/api/v1/sources/mend", params={"source": LISTENER, "remedy": "replay"})
    visitor.app.state.collecting.wait(60)
    assert told(visitor)[LISTENER]["not_understood"] == 1, "it still is none"


def test_a_source_that_only_listens_says_when_it_was_told_of_something_and_what_it_refused(
    visitor: Any, runtime: Runtime
) -> None:
    found = told(visitor)[LISTENER]
    assert (found["status"], found["complete_at"], found["delivered_at"]) == ("waiting", None, None)
    page = visitor.page("/sources")
    assert "1 with no delivery taken yet" in page
    assert "deliveries come to 0 of 1 that only listens" in page
    assert visitor.post(f"/hooks/{LISTENER}", content=b'{"app": 7}').status_code == 400
    runtime.add_source("argocd", {"name": "prod", "webhook_secret": "env:KTLO_TEST_SECRET"})
    assert visitor.post(f"/hooks/{LISTENER}", content=b"{}").status_code == 503
    found = told(visitor)[LISTENER]
    assert (found["refused"], found["not_understood"], found["rows"]) == (2, 1, {})
    assert "KTLO_TEST_SECRET is not set where ktlo runs" in found["secret"]["what"]
    assert visitor.get("/api/v1/sources").json()[-1]["came"]["refused"] == 2
    page = visitor.page("/sources")
    assert "1 with input turned away" in page
    assert "1 whose deliveries are refused for lack of a secret" in page
    assert "1 webhook refused" in page
    assert "KTLO_TEST_SECRET is not set where ktlo runs" in page
    assert "No source failed" not in page


def delivered(runtime: Runtime, *days_ago: int) -> None:
    write(
        runtime,
        Delivery,
        *(
            blank(
                Delivery,
                source=LISTENER,
                delivery_id=str(number),
                received_at=TODAY - dt.timedelta(days=number),
                status="taken",
                times=1,
                rows=1,
            )
            for number in days_ago
        ),
    )


def test_a_sender_that_fell_silent_is_told_from_one_that_is_well(visitor: Any, runtime: Runtime) -> None:
    delivered(runtime, *range(40, 60))
    found = told(visitor)[LISTENER]
    assert found["status"] == "silent"
    assert found["message"].startswith("Nothing for 40 days; before, something came every 1.0 days")
    assert "1 fell silent" in visitor.page("/sources")
    delivered(runtime, 0)
    found = told(visitor)[LISTENER]
    assert (found["status"], found["delivered_at"][:10]) == ("listening", TODAY.date().isoformat())
    page = visitor.page("/sources")
    assert "deliveries come to 1 of 1 that only listens" in page
    assert "fell silent" not in page


@pytest.mark.parametrize(
    ("days", "quiet", "is_silent"),
    [
        (range(20), 8, False),  # (1 + 8/19)^-19 = 0.0013
        (range(20), 9, True),  # (1 + 9/19)^-19 = 0.0006
        (range(5), 400, False),  # four intervals are no rhythm
        (range(6), 14, False),  # (1 + 14/5)^-5 = 0.0013
        (range(6), 15, True),  # (1 + 15/5)^-5 = 0.00098
        ((0, *range(30, 71)), 29, False),  # 7e-7, but shorter than a silence that ended
    ],
)
def test_a_silence_is_one_when_chance_would_hardly_make_it(days: Any, quiet: int, is_silent: bool) -> None:
    first = dt.date(2026, 1, 1)
    found = silence_of(
        [first + dt.timedelta(days=n) for n in days], first + dt.timedelta(days=days[-1] + quiet)
    )
    assert (found is not None) is is_silent


def test_what_a_check_misses_is_told_when_it_is_asked_for(visitor: Any) -> None:
    assert told(visitor)[LISTENER]["checked"] is None
    checked = told(visitor, source=LISTENER, check=True)[LISTENER]["checked"]
    assert [one["what"] for one in checked["missing"]] == ["webhook_secret"]
    assert told(visitor)[LISTENER]["checked"] == checked


def test_what_was_missing_when_a_source_was_added_is_told_on_sources(visitor: Any) -> None:
    new = {"kind": "cdevents", "options": {"name": "ci"}, "unreachable": "add"}
    assert visitor.post("/api/v1/sources", json=new).status_code == 201
    assert "events are only taken from this machine" in visitor.page("/sources")


def test_what_only_listens_is_not_said_to_be_read_when_it_is_added(visitor: Any) -> None:
    answer = visitor.post("/sources/add", data={"kind": "cdevents", "name": "ci"})
    assert "What is sent to it is taken from now on" in visitor.page(answer.headers["location"])


@pytest.mark.parametrize(
    ("source", "remedy", "status", "words"),
    [
        (LISTENER, "read-again", 400, "cannot be asked for its past"),
        (TRACKER, "replay", 400, "takes no webhooks"),
        ("git:none", "read", 404, "there is no source"),
        (TRACKER, "magic", 422, "remedy"),
    ],
)
def test_what_cannot_be_done_is_said(visitor: Any, source: str, remedy: str, status: int, words: str) -> None:
    answer = visitor.post("/api/v1/sources/mend", params={"source": source, "remedy": remedy})
    assert (answer.status_code, words in answer.text) == (status, True), answer.text


def test_the_command_line_says_and_does_the_same(runtime: Runtime, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from ktlo.cli.main import commands

    runtime.close()
    data = ["--data", str(tmp_path / "data")]
    runner = CliRunner()
    said = runner.invoke(commands(), ["sources", "completeness", TRACKER, *data])
    assert "no rows from" in said.output
    assert f"mend it: ktlo sources mend {TRACKER} read-again" in said.output
    as_json = runner.invoke(commands(), ["sources", "completeness", "--json", *data])
    assert {one["source_id"] for one in json.loads(as_json.stdout)} == {TRACKER, LISTENER}
    mended = runner.invoke(commands(), ["sources", "mend", TRACKER, "read-again", "--json", *data])
    assert mended.exit_code == 1, "it cannot be reached"
    assert json.loads(mended.stdout)["steps"][0]["name"] == TRACKER
