"""The plan in the browser and over HTTP: one decision, its link, its twin, scenarios, and what was meant."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import pytest

TO = "to=2025-04-30"


@pytest.fixture(autouse=True)
def patient(house):
    """However busy the machine is, a page shows its plan; the page that waits has its own test."""
    house.app.state.preparing.patience = 120.0


def test_a_plan_that_takes_long_shows_that_it_is_under_way_and_is_there_later(house):
    preparing = house.app.state.preparing
    preparing.patience = 0.0
    page = house.page(f"/plan?{TO}&seed=99")
    while "being fitted" in page:
        assert re.search(r'data-refresh="(/plan/ready[^"]*)"', page)
        time.sleep(0.1)
        page = house.page(f"/plan?{TO}&seed=99")
        preparing.patience = 120.0
    assert "What each share costs" in page
    asked = (house.page(f"/plan/ready?{TO}&seed=99") for _ in range(200))
    assert any("data-done" in answer for answer in asked)


def test_the_page_answers_in_words_and_its_twin_and_the_api_say_the_same(house):
    page = house.page(f"/plan?{TO}")
    twin = house.get(f"/plan.json?{TO}").json()
    api = house.get(f"/api/v1/plan?from=all&{TO}").json()
    assert twin["answer"]["said"] in page.replace("&#39;", "'")
    assert twin["plan"] == api
    assert api["said"] == twin["answer"]["said"]
    for sentence in twin["sentences"]:
        assert sentence.replace("'", "&#39;") in page
    assert [option["share"] for option in api["options"]] == [
        row["cells"][1]
        for row in next(x for x in twin["listings"] if x["name"] == "plan-options")["table"]["rows"]
    ]


def test_the_same_records_terms_and_seed_give_the_same_bytes(house):
    asked = f"/api/v1/plan?from=all&{TO}&demand=120&downtime_hour=900&seed=7"
    assert house.get(asked).content == house.get(asked).content
    from ktlo.planning.budget import asking
    from ktlo.planning.load import asking as load_asking

    before = house.get(asked).content
    for remembered in (asking._plans, asking._measured, load_asking._loads):
        remembered._answers.clear()
    assert house.get(asked).content == before
    assert house.get(asked.replace("seed=7", "seed=8")).content != before


def test_a_slider_changes_the_answer_and_the_link_says_what_was_changed(house):
    fragment = house.page(f"/plan/what-if?{TO}&demand=200&people=1")
    assert "<html" not in fragment
    assert "People 1; demand 200 % of today" in fragment
    assert "plan-curve-wide" in fragment
    page = house.page(f"/plan?{TO}&demand=200&people=1")
    assert "People 1; demand 200 % of today" in page
    assert re.search(r'name="demand"[^>]*value="200"', page)
    more, today = (
        house.get(f"/api/v1/plan?from=all&{TO}{changed}").json()["loads"] for changed in ("&demand=300", "")
    )
    assert more[0]["hours"]["mean"] == pytest.approx(3 * today[0]["hours"]["mean"])


def test_a_slider_finds_its_load_in_memory_and_simulates_one_quick_decision(house, monkeypatch):
    """How long that takes is measured by benchmarks/plan_simulation.py."""
    from ktlo.planning.budget import asking, plan
    from ktlo.planning.load import asking as load_asking

    house.page(f"/plan/what-if?{TO}")
    done = Counter()

    def counted(module, name):
        real = getattr(module, name)

        def count(*given, **said):
            done[name] += 1
            return real(*given, **said)

        monkeypatch.setattr(module, name, count)

    for module, name in (
        (load_asking, "read_load"), (asking, "debt_load"), (asking, "measured_lately"),
        (asking, "decide"), (asking, "decide_quickly"), (plan, "simulate"),
    ):  # fmt: skip
        counted(module, name)
    for demand in range(112, 152, 5):
        house.page(f"/plan/what-if?{TO}&demand={demand}")
    assert done == {"decide_quickly": 8, "simulate": 8}


def test_what_is_left_as_it_is_does_not_lengthen_the_link(house):
    page = house.page(f"/plan?{TO}&demand=100&upkeep=0")
    assert "What if:" not in page


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("downtime_hour=-5", "downtime_hour"),
        ("downtime_hour=1e12", "downtime_hour"),
        ("labour_hour=0", "labour_hour"),
        ("share=120", "share"),
        ("demand=lots", "demand"),
        ("weeks=70", "weeks"),
        ("weeks=2.5", "weeks"),
        ("people=nan", "people"),
    ],
)
def test_absurd_values_are_refused_with_their_name_and_a_way_out(house, given, told):
    for path in ("/api/v1/plan", "/plan.json", "/plan/what-if"):
        answer = house.get(f"{path}?{TO}&{given}")
        assert answer.status_code in (400, 422), path
        assert told in answer.text
    assert "Traceback" not in house.get(f"/plan?{given}", headers={"accept": "text/html"}).text


def test_an_unknown_price_is_told_with_its_break_even_and_a_given_one_is_counted(house):
    without = house.get(f"/api/v1/plan?from=all&{TO}").json()
    assert {"downtime", "waiting"} <= set(without["unknown_prices"])
    assert all("downtime" not in option["parts"] for option in without["options"])
    given = house.get(f"/api/v1/plan?from=all&{TO}&downtime_hour=1000&waiting_week=5").json()
    assert given["unknown_prices"] == []
    assert all(option["parts"]["downtime"] >= 0 for option in given["options"])


def test_the_curve_is_there_as_csv(house):
    rows = list(csv.DictReader(io.StringIO(house.get(f"/plan.csv?{TO}").text)))
    assert len(rows) > 30
    assert float(rows[0]["Share of the team's hours"]) == 0


def test_a_scenario_is_saved_compared_shared_exported_and_deleted(house):
    saved = house.post(
        "/plan/scenarios",
        data={
            "to": "2025-04-30",
            "people": "4",
            "demand": "150",
            "name": "busy spring",
            "note": "two launches",
        },
    )
    assert saved.status_code == 303
    page = house.page(f"/plan/scenarios?{TO}&done=scenario_saved")
    assert "busy spring" in page
    assert "two launches" in page
    link = re.search(r'href="(/plan\?[^"]*people=4[^"]*)"', page)
    assert link
    assert parse_qs(urlsplit(link[1].replace("&amp;", "&")).query)["demand"] == ["150"]
    compared = house.get(f"/plan/scenarios.json?{TO}").json()
    assert compared[0]["plan"]["optimum"]["share"] == pytest.approx(
        house.get(f"/api/v1/plan?from=all&{TO}&people=4&demand=150").json()["optimum"]["share"]
    )
    table = list(csv.reader(io.StringIO(house.get(f"/plan/scenarios.csv?{TO}").text)))
    assert [row[0] for row in table[1:]] == ["As things are", "busy spring"]
    assert "busy spring" in house.get(f"/plan/scenarios.md?{TO}").text
    assert house.get("/api/v1/plan/scenarios").json()[0]["name"] == "busy spring"
    assert house.post("/plan/scenarios/delete", data={"name": "busy spring"}).status_code == 303
    assert house.get("/api/v1/plan/scenarios").json() == []
    assert house.post("/plan/scenarios/delete", data={"name": "busy spring"}).status_code == 404


def test_a_scenario_without_a_name_is_refused(house):
    assert house.post("/plan/scenarios", data={"name": "  "}).status_code in (400, 422)
    assert house.post(
        "/api/v1/plan/scenarios", json={"name": "x", "terms": {"demand": "-3"}}
    ).status_code in (400, 422)


def test_hostile_names_are_shown_as_text(house):
    name = '<script>alert("1")</script>'
    house.post("/api/v1/plan/scenarios", json={"name": name, "note": "=1+1"})
    page = house.page("/plan/scenarios")
    assert "<script>alert" not in page
    assert "'=1+1" in house.get("/plan/scenarios.csv").text
    house.post("/plan/scenarios/delete", data={"name": name})


def test_a_budget_in_force_is_compared_and_each_quarter_is_held_against_it(house):
    assert (
        house.post(
            "/plan/budgets", data={"share": "35", "since": "2025-01-01", "why": "agreed", "author": "Ada"}
        ).status_code
        == 303
    )
    plan = house.get(f"/api/v1/plan?from=all&{TO}").json()
    assert [option["share"] for option in plan["options"] if "in_force" in option["why"]] == [0.35]
    quarters = {q["start"]: q for q in house.get(f"/api/v1/plan/history?from=all&{TO}").json()}
    first = quarters["2025-01-01"]
    assert first["budget"] == pytest.approx(0.35)
    assert first["verdict"] in ("within", "above", "below", "not_told")
    page = house.page(f"/plan/history?{TO}")
    assert "agreed" in page
    assert "Ada" in page
    twin = house.get(f"/plan/history.json?{TO}").json()
    assert [q["said"] for q in twin["quarters"]] == twin["sentences"]
    # A newer word for the same day counts; taking it back leaves none.
    house.post("/plan/budgets", data={"share": "20", "since": "2025-01-01"})
    assert [b["share"] for b in house.get("/api/v1/plan/budgets").json()] == [0.2]
    assert house.post("/plan/budgets/withdraw", data={"since": "2025-01-01"}).status_code == 303
    assert house.get("/api/v1/plan/budgets").json() == []


@pytest.mark.parametrize(
    ("share", "since"), [("140", "2025-01-01"), ("x", "2025-01-01"), ("20", "soon"), ("20", "1492-10-12")]
)
def test_what_is_no_budget_is_refused(house, share, since):
    answer = house.post("/plan/budgets", data={"share": share, "since": since})
    assert answer.status_code in (400, 422)
    assert house.get("/api/v1/plan/budgets").json() == []


def test_the_json_of_a_plan_holds_nothing_that_json_does_not_know(house):
    json.loads(house.get(f"/plan.json?{TO}").text, parse_constant=pytest.fail)
