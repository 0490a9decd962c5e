"""Reports over HTTP: the same numbers as the pages, in three forms, for the same question."""

from __future__ import annotations

import re

import pytest


@pytest.mark.parametrize(
    ("form", "media", "begins"),
    [
        ("md", "text/markdown; charset=utf-8", b"# "),
        ("html", "text/html; charset=utf-8", b"<!doctype html>"),
        ("pdf", "application/pdf", b"%PDF"),
    ],
)
def test_a_report_is_written_in_each_form(house, march, form, media, begins):
    answer = house.get(f"/report.{form}?{march}")
    assert answer.status_code == 200, answer.text[:300]
    assert answer.headers["content-type"] == media
    assert answer.content.startswith(begins)
    assert answer.headers["content-disposition"].endswith(f'.{form}"')


def test_a_report_says_what_the_pages_say(house, march):
    text = house.get(f"/report.md?{march}&service=shop").text
    said = house.get(f"/reliability.json?{march}&service=shop").json()["answer"]["said"]
    assert said in text


def test_a_form_that_does_not_exist_gets_the_choices(house):
    answer = house.get("/report.doc")
    assert answer.status_code == 404
    assert "md, html, pdf" in answer.text


def test_a_report_of_a_wrong_question_is_refused(house):
    assert house.get("/report.md?from=soon").status_code == 400


def test_the_overview_links_its_reports_with_the_present_question(house, march):
    assert "/report.pdf?from=2025-03-01" in house.page(f"/?{march}")


def test_every_part_of_a_report_has_an_id_of_its_own_and_refers_to_one_that_is_there(house, march):
    text = house.get(f"/report.html?{march}").text
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    referred = {one for said in re.findall(r'aria-labelledby="([^"]+)"', text) for one in said.split()}
    assert referred | set(re.findall(r"url\(#([^)]+)\)", text)) <= set(ids)
