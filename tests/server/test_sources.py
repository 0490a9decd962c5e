"""Sources: their state, their input that was turned away, adding by form, reading now, removing."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from ktlo.sources.registry import kinds

INCIDENTS = """number,opened_at,resolved_at,priority,state
A-1,2025-03-04 09:00,2025-03-04 11:00,High,Resolved
A-2,2025-03-13 09:00,2025-03-13 08:00,Low,Resolved
A-3,2025-03-25 09:00,,Low,New
"""
AMBIGUOUS = """id,opened,closed
1,03/04/2025,04/04/2025
2,05/06/2025,06/07/2025
"""


@pytest.fixture
def incidents(tmp_path) -> Path:
    file = tmp_path / "incidents.csv"
    file.write_text(INCIDENTS, encoding="utf-8")
    return file


def fields_of(text: str) -> dict[str, str]:
    """What a browser would send from the mapping form."""
    form = re.search(r'<form class="mapping".*?</form>', text, re.DOTALL)[0]
    sent = {}
    for name, value in re.findall(r'<input type="(?:hidden|text)" name="([^"]+)" value="([^"]*)"', form):
        sent[name] = unescape(value)
    for name, inner in re.findall(r'<select[^>]* name="([^"]+)">(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', inner) or re.search(
            r'<option value="([^"]*)"', inner
        )
        sent[unescape(name)] = unescape(chosen[1])
    return sent


def sources(house) -> list[str]:
    listed = house.get("/api/v1/sources").json()
    return [one["source_id"] for one in listed if one["status"] != "removed"]


def test_sources_say_their_state_freshness_and_rows(house):
    text = house.page("/sources")
    assert "git:acme/shop" in text
    assert "read to its end" in text
    assert re.search(r"commits</a> <b>9</b>", text)


def test_a_source_page_checks_it_and_says_what_the_numbers_lose(house):
    text = house.page("/sources/source?source=git:acme/shop")
    assert "can be read" in text
    assert "What the numbers lose" in text


def test_input_that_was_turned_away_is_shown_escaped_with_its_reason(house, runtime, incidents):
    runtime.add_source("csv", _options(incidents, "incidents"))
    text = house.page("/sources/rejected?source=csv:incidents")
    assert "the end is before the start" in text
    assert "INC-7,&lt;i&gt;odd&lt;/i&gt;" in text
    assert house.get("/sources/rejected.json?source=csv:incidents").json()[0]["place"] == "incidents.csv:7"
    house.post("/sources/remove", data={"source": "csv:incidents"})


def _options(file: Path, name: str) -> dict[str, object]:
    mapping = {"external_id": "number", "detected_at": "opened_at", "resolved_at": "resolved_at"}
    return {"file": str(file), "name": name, "noun": "incidents", "mapping": mapping}


@pytest.mark.parametrize("kind", ["git", "github"])
def test_the_form_of_a_kind_asks_every_option_of_its_configuration(house, kind):
    text = house.page(f"/sources/add?kind={kind}")
    for name in kinds()[kind].config.model_fields:
        assert f'name="{name}"' in text


def test_a_repository_is_added_by_the_form_and_read(house, house_copy):
    answer = house.post(
        "/sources/add", data={"kind": "git", "path": str(house_copy / "shop"), "name": "acme/new"}
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sources/source?source=git%3Aacme%2Fnew&done=added"
    run = house.app.state.collecting.wait(60)
    assert {step.name: step.status for step in run.steps} == {
        "git:acme/new": "complete",
        "effort": "complete",
        "findings": "complete",
    }
    assert "commits</a> <b>2</b>" in house.page("/sources/source?source=git:acme/new")
    house.post("/sources/remove", data={"source": "git:acme/new"})
    assert "git:acme/new" not in sources(house)
    page = house.page("/sources")
    left = page[page.index("No longer read") :]
    assert "stay in all figures" in left
    assert 'name="source" value="git:acme/new"' in left
    assert "commits</a> <b>2</b>" in left
    house.post("/sources/remove", data={"source": "git:acme/new", "records": "forget"})
    assert "git:acme/new" not in house.page("/sources")


def test_a_form_with_a_mistake_is_shown_again_with_what_was_typed(house):
    answer = house.post("/sources/add", data={"kind": "github", "repository": "not a repository"})
    assert answer.status_code == 400
    assert "Expected owner/name" in answer.text
    assert 'value="not a repository"' in answer.text
    assert "--help" not in answer.text
    assert "ktlo.yaml" not in answer.text
    field = next(tag for tag in re.findall(r"<input[^>]*>", answer.text) if 'name="repository"' in tag)
    assert 'aria-invalid="true" aria-describedby="repository-problem"' in field
    assert re.search(r'id="repository-problem">Expected owner/name', answer.text)
    assert answer.text.count("aria-invalid") == 1


@pytest.mark.parametrize("typed", ["{", '"bug"'])
def test_a_mistake_among_further_options_is_in_sight_and_says_how_to_write_it(house, typed):
    answer = house.post(
        "/sources/add", data={"kind": "jira", "url": "https://shop.atlassian.net", "incident_types": typed}
    )
    assert answer.status_code == 400
    assert "<details open>" in answer.text
    said = re.search(r'id="incident_types-problem">([^<]*)', answer.text)
    assert said
    assert "[&#34;one&#34;, &#34;two&#34;]" in said[1]
    assert "--help" not in answer.text


def test_a_secret_typed_instead_of_its_reference_is_refused_and_not_stored(house):
    answer = house.post(
        "/sources/add", data={"kind": "github", "repository": "acme/shop", "token": "ghp_abc"}
    )
    assert answer.status_code == 400
    assert "env:NAME" in answer.text
    assert "github:acme/shop" not in sources(house)


def test_a_kind_that_does_not_exist_gets_a_sentence(house):
    answer = house.post("/sources/add", data={"kind": "fax"}, headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert all(kind in answer.text for kind in ("fax", "csv", "git, github"))


def test_a_file_is_looked_at_and_its_mapping_confirmed_before_it_is_added(house, incidents):
    looked = house.post("/sources/add", data={"kind": "csv", "file": str(incidents)})
    assert looked.status_code == 200
    assert re.search(r"\d incidents from 3 rows", looked.text), re.search(
        r"<h1.*?</h1>", looked.text, re.DOTALL
    )[0]
    assert "csv:incidents" not in sources(house)
    sent = fields_of(looked.text)
    assert json.loads(sent["mapping.detected_at"]) == "opened_at"
    added = house.post("/sources/add", data={**sent, "name": "desk", "confirm": "1"})
    assert added.status_code == 303
    house.app.state.collecting.wait(60)
    assert "csv:desk" in sources(house)
    rows = next(one for one in house.get("/api/v1/sources").json() if one["source_id"] == "csv:desk")
    assert rows["rows"]["incidents"] + rows["rejected"] == 3
    house.post("/sources/remove", data={"source": "csv:desk"})


def test_a_field_that_a_person_takes_out_of_the_mapping_stays_out(house, runtime, incidents):
    sent = fields_of(house.post("/sources/add", data={"kind": "csv", "file": str(incidents)}).text)
    house.post("/sources/add", data={**sent, "name": "lean", "mapping.severity": "", "confirm": "1"})
    assert "severity" not in runtime.entry("csv:lean").options["mapping"]
    house.app.state.collecting.wait(60)
    runtime.remove_source("csv:lean")


def test_dates_that_could_mean_two_things_are_asked_never_guessed(house, tmp_path):
    file = tmp_path / "tickets.csv"
    file.write_text(AMBIGUOUS, encoding="utf-8")
    looked = house.post("/sources/add", data={"kind": "csv", "file": str(file), "noun": "incidents"})
    sent = fields_of(looked.text)
    assert sent["answer.dates"] == ""
    refused = house.post("/sources/add", data={**sent, "confirm": "1"})
    assert refused.status_code == 400
    assert "Answer the questions" in refused.text
    again = house.post("/sources/add", data={**sent, "answer.dates": "day_first"})
    assert '(needed)</span>\n    <select name="answer.dates"' not in again.text


def test_a_file_that_is_not_there_gets_a_sentence(house, tmp_path):
    answer = house.post("/sources/add", data={"kind": "csv", "file": str(tmp_path / "none.csv")})
    assert answer.status_code == 400
    assert "there is no such file" in answer.text


def test_reading_now_shows_the_progress_until_it_is_done(house):
    answer = house.post("/collections", data={"source": "git:acme/shop"})
    assert answer.headers["location"] == "/sources?done=collecting"
    house.app.state.collecting.wait(60)
    fragment = house.page("/fragments/progress")
    assert "git:acme/shop" in fragment
    assert "data-done" in fragment


def test_a_source_that_is_not_there_cannot_be_read_or_removed(house):
    for path in ("/collections", "/sources/remove"):
        answer = house.post(path, data={"source": "git:none"}, headers={"accept": "text/html"})
        assert answer.status_code == 404
        assert "there is no source" in answer.text.lower()


def test_a_source_that_was_never_reached_says_that_nothing_has_come_in_and_what_would_rest_on_it(
    house, runtime
) -> None:
    name = runtime.add_source("jira", {"url": "http://127.0.0.1:1"}).source_id
    text = house.page(f"/sources/source?source={name}")
    assert "Nothing has come in yet, so no number has anything from it." in text
    assert "Nothing that this source knows of" not in text
    rest = re.search(r"<summary>(\d+) metrics would rest on it</summary><p>(.*?)</p>", text)
    assert "Time to restore" in rest[2]
    assert "Bug" in rest[2]
    assert "Deployments" not in rest[2].split(", ")
    house.post("/sources/remove", data={"source": name})


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("jira", ["url", "token", "email"]),
        ("servicenow", ["url", "user", "token"]),
        ("pagerduty", ["token"]),
        ("git", ["path"]),
        ("argocd", ["webhook_secret", "environment"]),
        ("alertmanager", ["url", "token"]),
    ],
)
def test_what_a_source_can_hardly_do_without_is_not_folded_away(house, kind, first):
    text = house.page(f"/sources/add?kind={kind}")
    shown, _, folded = text.partition("More options")
    form = shown.partition('action="/sources/add"')[2]
    assert re.findall(r'<(?:input|select)[^>]* name="(\w+)"', form)[1:] == first
    assert 'name="token"' not in folded or kind == "git"
