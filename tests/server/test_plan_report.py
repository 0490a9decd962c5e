"""The report to the business as page, twin, API and documents, for the quarter in which everything happened."""

from __future__ import annotations

import re
from typing import Any


def test_page_twin_and_api_are_about_one_quarter(house: Any) -> None:
    page = house.page("/plan/report?quarter=2025-Q1")
    twin = house.get("/plan/report.json?quarter=2025-Q1").json()
    api = house.get("/api/v1/plan/report?quarter=2025-Q1").json()
    assert twin["quarter"] == api["quarter"] == "2025-Q1"
    assert api["next_quarter"] == "2025-Q2"
    assert twin["answer"]["said"] == api["lead"]
    assert api["lead"] in page
    assert twin["sentences"] == api["sentences"]
    assert api["bugs_opened"] == 4
    assert api["bugs_closed"] == 3
    assert api["incidents"]["value"] == 6
    assert "/plan/report.pdf?quarter=2025-Q1" in page


def test_without_a_quarter_the_newest_complete_one_before_the_records_end_is_told(house: Any) -> None:
    assert house.get("/plan/report.json").json()["quarter"] == "2025-Q1"


def test_documents_come_in_three_forms_and_the_pdf_has_one_page(house: Any) -> None:
    for form, kind in (("pdf", "application/pdf"), ("html", "text/html"), ("md", "text/markdown")):
        answer = house.get(f"/plan/report.{form}?quarter=2025-Q1")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert f"ktlo-2025-Q1.{form}" in answer.headers["content-disposition"]
        if form == "pdf":
            assert len(re.findall(rb"/Type\s*/Page\b", answer.content)) == 1
    assert house.get("/plan/report.docx?quarter=2025-Q1").status_code == 404


def test_what_is_no_quarter_and_what_has_not_begun_is_refused_in_words(house: Any) -> None:
    assert "is no quarter" in house.get("/plan/report?quarter=soon").text
    later = house.get("/plan/report?quarter=2199-Q1")
    assert later.status_code in (400, 422)
    assert "has not begun" in later.text


def test_a_quarter_without_records_says_so(house: Any) -> None:
    page = house.page("/plan/report?quarter=2019-Q2")
    assert "Nothing is recorded in the second quarter of 2019" in page


def test_a_budget_that_was_in_force_is_held_against_the_quarter(house: Any) -> None:
    said = house.post("/api/v1/plan/budgets", json={"share": 0.01, "since": "2024-12-01", "why": "test"})
    assert said.status_code == 201
    told = house.get("/plan/report.json?quarter=2025-Q1").json()["answer"]["change"]
    house.ask("DELETE", "/api/v1/plan/budgets/2024-12-01")
    assert "udgeted were 1%" in told
