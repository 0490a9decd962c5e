"""Debt of code that never ran, on its pages: evidence, rows, the way to Never executed, and how it is dismissed."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "planning" / "debt"))

from unused_world import fill

from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings


@pytest.fixture
def shop(tmp_path, visiting, monkeypatch):
    # What was watched in autumn 2026 is looked at within the 90 days that are looked back.
    monkeypatch.setattr("ktlo.telemetry.unused.WINDOW", dt.timedelta(days=20_000))
    runtime = Runtime(Settings(), tmp_path / "data")
    fill(runtime.store, tmp_path)
    yield visiting(make_app(runtime, Access()))
    runtime.close()


def test_an_entry_has_its_page_its_rows_and_can_be_dismissed(shop):
    (entry,) = shop.get("/api/v1/debt?kind=unused").json()["entries"]
    assert entry["title"] == "1 function of src/shop/cart.py never ran"
    page = shop.page(f"/debt/entry?key={entry['key']}")
    assert "gone (22)" in page
    assert "no proof that nothing needs it" in page
    assert 'href="/functions/never?service=shop&amp;text=cart.py"' in page
    assert "1, 2" in page, "the versions that were watched, in the rows behind it"
    rows = shop.get(f"/api/v1/debt/entries/{entry['key']}/rows?format=csv").text
    assert rows.splitlines()[0].startswith("at,module,function,line,watched_from,versions")
    assert "never ran" in shop.page("/debt?kind=unused")
    said = {"status": "accepted", "reason": "the yearly report", "expires": "2099-01-01", "author": "Ada"}
    answer = shop.post(f"/api/v1/debt/entries/{entry['key']}/standing", json=said)
    assert (answer.status_code, answer.json()["standing"]["status"]) == (200, "accepted")
    assert shop.get("/api/v1/debt?kind=unused").json()["entries"] == []
