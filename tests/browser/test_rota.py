"""The Rota page in a real browser: planned with progress, published, and never wider than a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import load_settings

ROTA = """
rota:
  people: {ada: {name: Ada}, bob: {name: Bob}, cyd: {name: Cyd}, dan: {name: Dan}}
  rotas: {checkout: {members: [ada, bob, cyd, dan], time_zone: Europe/Berlin}}
"""


@pytest.fixture(scope="module")
def site(house_copy: Any, serve: Any) -> Iterator[str]:
    file = house_copy / "ktlo.yaml"
    file.write_text(file.read_text(encoding="utf-8") + ROTA, encoding="utf-8")
    runtime = Runtime(load_settings(file), house_copy / "data")
    app = make_app(runtime, Access())
    with serve(app) as url:
        yield url
    app.state.collecting.close()
    runtime.close()


def test_a_rota_is_planned_and_put_in_force_by_two_clicks(browse: Any) -> None:
    watched = browse()
    page = watched.go("/rota")
    page.fill("input[name=weeks]", "6")
    page.click("#plan button")
    # The page loads itself anew when the search is over.
    page.wait_for_selector("#draft svg .mark")
    page.click("text=Put the draft in force")
    page.wait_for_selector("#duties svg .mark")
    assert "is primary until" in page.inner_text("h1")
    page.wait_for_load_state()  # before the script listens nothing hears the mouse
    page.locator("#duties svg:visible .mark").first.hover()
    assert "primary: Mon" in page.inner_text(".tip")
    assert watched.errors == []
    assert watched.outside == []


def test_on_a_phone_nothing_is_wider_than_the_screen(browse: Any) -> None:
    watched = browse(width=390)
    page = watched.go("/rota")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert watched.errors == []
