"""What needs a browser: keys in a waterfall, and logs that arrive while one looks."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ktlo.receivers.spool import length_prefix
from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import load_settings
from ktlo.store.streams import LOGS, TRACES

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

from otlp_requests import TEN, Said, request, segment
from signal_requests import log, logs

TRACE = "b1" * 16


@pytest.fixture(scope="module")
def running(house_copy: Any) -> Iterator[Runtime]:
    opened = Runtime(load_settings(house_copy / "ktlo.yaml"), house_copy / "data")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def write(running: Runtime, tmp_path_factory: Any) -> Any:
    file, written = tmp_path_factory.mktemp("live") / "segment", [0]

    def append(*bodies: str) -> None:
        now = (time.time_ns() - TEN) / 1e6
        body = logs("till", *(log(one, now) for one in bodies)).SerializeToString()
        file.write_bytes(length_prefix(len(body)) + body)
        written[0] += 1
        running.store.load(LOGS, file, f"live-{written[0]}")

    return append


@pytest.fixture(scope="module")
def site(running: Runtime, serve: Any, tmp_path_factory: Any) -> Iterator[str]:
    now = (time.time_ns() - TEN) / 1e6 - 60_000
    file = tmp_path_factory.mktemp("trace") / "segment"
    file.write_bytes(segment(request("web", Said("a" * 16, "GET /", now, 900, trace_id=TRACE), *(
        Said(f"{n:016x}", f"step {n}", now + n, 0.5, parent="a" * 16, trace_id=TRACE, error=n in (300, 700))
        for n in range(1, 800)
    ))))  # fmt: skip
    running.store.load(TRACES, file, "browser")
    app = make_app(running, Access())
    with serve(app) as url:
        yield url
    app.state.collecting.close()


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.closest('[data-d]')?.id ?? ''"))


def test_keys_go_from_line_to_line_and_from_error_to_error_and_fold(browse):
    watched = browse()
    page = watched.go(f"/trace?id={TRACE}")
    page.keyboard.press("j")
    assert focused(page) == f"s-{'a' * 16}"
    page.keyboard.press("n")
    assert focused(page) == f"s-{300:016x}"
    page.keyboard.press("n")
    assert focused(page) == f"s-{700:016x}"
    page.keyboard.press("p")
    assert focused(page) == f"s-{300:016x}"
    page.evaluate("document.querySelector('[data-d=\"0\"] a').focus()")
    page.keyboard.press("h")
    assert page.locator("[data-waterfall] li:visible[data-d='1']").count() == 0
    page.keyboard.press("n")
    assert focused(page) == f"s-{300:016x}", "an error is unfolded to be shown"
    assert (watched.errors, watched.outside) == ([], [])


def test_logs_are_shown_as_they_arrive_each_once_and_wait_while_paused(browse, write):
    watched = browse()
    page = watched.go("/logs/live?query=service:till")
    write("first", "second")
    page.wait_for_selector("text=Following: 2 came")
    page.click("[data-live-pause]")
    write("third")
    page.wait_for_timeout(1500)
    assert page.locator("[data-live] > li").count() == 2
    page.click("[data-live-pause]")
    page.wait_for_selector("text=Following: 3 came")
    shown = page.locator("[data-live] > li .body").all_inner_texts()
    assert (shown[0], sorted(shown)) == ("third", ["first", "second", "third"])
    assert (watched.errors, watched.outside) == ([], [])


@pytest.mark.parametrize("width", [1280, 390])
def test_what_is_told_of_a_span_leaves_the_line_where_it_was_clicked(browse, width):
    watched = browse()
    page = watched.go(f"/trace?id={TRACE}")
    page.set_viewport_size({"width": width, "height": 800})
    for number in (9, 3):
        line = page.locator("a[data-detail]").nth(number)
        line.scroll_into_view_if_needed()
        before = line.bounding_box()["y"]
        line.click()
        page.wait_for_selector(f".is-chosen a[href='{line.get_attribute('href')}']")
        assert abs(line.bounding_box()["y"] - before) < 2
        assert page.locator(".span-detail").count() == 1
        told = page.locator(".span-detail").bounding_box()
        beside = told["x"] > line.bounding_box()["x"] + 100
        assert beside == (width == 1280)
        assert f"span={number:016x}" in page.url
    lines = page.locator("a[data-detail]").count()
    page.click("[data-close-detail]")
    assert page.locator(".span-detail, .is-chosen").count() == 0
    assert page.locator("a[data-detail]").count() == lines
    assert (watched.errors, watched.outside) == ([], [])
