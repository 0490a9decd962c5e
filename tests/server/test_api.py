"""The API: numbers with their uncertainty, rows as JSON and CSV, SQL that can only read, problems as documents."""

from __future__ import annotations

import csv
import io

import pytest

from ktlo.metrics.registry import definitions


@pytest.mark.parametrize("name", sorted(definitions()))
def test_every_metric_answers_over_every_dimension_it_has(house, name, march):
    for by in ("", *(f"&by={dimension}" for dimension in definitions()[name].dimensions)):
        answer = house.get(f"/api/v1/metrics/{name}?{march}{by}")
        assert answer.status_code == 200, answer.text
        for figure in answer.json()["figures"]:
            for estimate in figure["statistics"].values():
                assert estimate["value"] is not None or estimate["reason"]


def test_half_of_the_incidents_were_restored_within_five_hours(house, march):
    """By hand: 1, 2, 5, 8, 26 hours and one open since; Kaplan-Meier reaches one half at 8 hours at the latest."""
    said = house.get(f"/api/v1/metrics/time_to_restore?{march}").json()["figures"][0]["statistics"]
    assert said["p50"]["value"] in (5 * 3600, 8 * 3600)
    assert (said["p50"]["n"], said["p50"]["censored"]) == (6, 1)


def test_overlapping_outages_count_once(house, march):
    said = house.get(f"/api/v1/metrics/downtime?{march}&service=shop").json()["figures"][0]["statistics"]
    assert said["total"]["value"] == 3 * 3600


def test_four_bugs_were_opened_and_three_closed(house, march):
    said = house.get(f"/api/v1/metrics/bug_net_flow?{march}").json()["figures"][0]["statistics"]
    assert (said["opened"]["value"], said["closed"]["value"], said["net"]["value"]) == (4, 3, 1)


def test_rows_as_csv_defuse_formulas(house, march):
    answer = house.get(f"/api/v1/metrics/bug_age/rows?{march}&format=csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="bug_age.csv"'
    titles = [row["title"] for row in csv.DictReader(io.StringIO(answer.text))]
    assert "'=cmd|' /C calc'!A0" in titles


def test_bytes_that_are_no_text_are_said_with_how_to_show_them(house):
    answer = house.post("/api/v1/query", json={"sql": "SELECT unhex('fffe') AS raw"})
    assert answer.status_code == 400
    assert answer.json()["fix"] == "Show them with hex(…) or toValidUTF8(…)"


def test_sql_answers_and_cannot_write(house):
    said = house.post("/api/v1/query", json={"sql": "SELECT count() AS n FROM ktlo.commits"}).json()
    assert said == {"columns": ["n"], "rows": [[14]]}
    for sql in ("DROP TABLE ktlo.commits_log", "INSERT INTO ktlo.commits_log VALUES (1)", "nonsense"):
        answer = house.post("/api/v1/query", json={"sql": sql})
        assert answer.status_code == 400, sql
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/v1/metrics/mttr", 404, "there is no metric called 'mttr'"),
        ("/api/v1/metrics/time_to_restor", 404, "time_to_restore"),
        ("/api/v1/metrics/ktlo_share?by=severity", 400, "cannot be grouped by severity"),
        ("/api/v1/metrics/ktlo_share?by=mood", 422, ""),
        ("/api/v1/metrics/ktlo_share?from=0001-01-01", 400, "is not a date"),
        ("/api/v1/metrics/ktlo_share?from=99999y", 400, "is not a date"),
        ("/api/v1/metrics/incidents/rows?limit=0", 422, ""),
        ("/api/v1/sources/check?source=none", 404, "there is no source 'none'"),
    ],
)
def test_what_cannot_be_answered_gets_a_problem_document(house, path, status, words):
    answer = house.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert words in f"{problem['title']} {problem['fix']}"
    assert problem["status"] == status


def test_a_correction_of_an_item_that_is_not_there_is_refused(house):
    sent = {"item_kind": "commit", "source": "git:acme/shop", "item_id": "none", "category": "debt"}
    assert house.post("/api/v1/effort/corrections", json=sent).status_code == 404


def test_an_account_is_given_to_a_person(house):
    sent = {"account": "mail:ada@acme.org", "person": "mail:ada@acme.org"}
    assert house.post("/api/v1/effort/people/corrections", json=sent).status_code == 201
    assert house.post("/api/v1/effort/people/corrections", json={**sent, "account": "x"}).status_code == 400


def test_a_source_is_added_checked_and_removed_over_the_api(house, house_copy):
    options = {"path": str(house_copy / "shop"), "name": "acme/api"}
    added = house.post("/api/v1/sources", json={"kind": "git", "options": options})
    assert (added.status_code, added.json()["status"]) == (201, "ready")
    assert house.get("/api/v1/sources/check", params={"source": "git:acme/api"}).json()["status"] == "ready"
    assert house.ask("DELETE", "/api/v1/sources", params={"source": "git:acme/api"}).status_code == 204
    assert house.ask("DELETE", "/api/v1/sources", params={"source": "git:acme/api"}).status_code == 404
