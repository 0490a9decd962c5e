"""The form of a webhook of one's own in a real browser: what it shows of a sample of many items, on a phone, too."""

from __future__ import annotations

import json

ITEM = {
    "title": "Slow checkout",
    "status": "resolved",
    "created_at": "2026-09-01T10:00:00Z",
    "resolved_at": "2026-09-01T10:30:00Z",
}


def test_a_long_sample_says_how_many_are_shown_and_fits_a_phone(browse):
    watched = browse(width=390)
    page = watched.go("/sources/webhook")
    items = [{"id": f"a{number}", **ITEM} for number in range(57)]
    page.locator("[name=sample]").fill(json.dumps({"alerts": items}))
    page.locator("button[name=guess]").click()
    page.get_by_text("20 of 57 shown").wait_for()
    assert page.get_by_text("57 records would come in").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.wait_for_load_state("networkidle")  # the preview of the sample alone may still be on its way
    page.locator("[name='map.detected_at']").fill("nowhere")
    page.get_by_text("No records would come in").wait_for()
    assert page.locator(".notice.bad").get_by_text("20 of 57 shown").is_visible()
    assert watched.errors == []
    assert watched.outside == []
