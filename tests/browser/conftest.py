"""A real Chromium on a real server over a copy of the house; skipped, with a word why, where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import load_settings

_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)
            # One worker, one Chromium.
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    # Closed with its module: Playwright keeps an event loop running in this thread, which others need.
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no chromium here; on Debian: apt-get install chromium (.ci/run does)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(house_copy: Any, serve: Any) -> Iterator[str]:
    runtime = Runtime(load_settings(house_copy / "ktlo.yaml"), house_copy / "data")
    app = make_app(runtime, Access())
    with serve(app) as url:
        yield url
    app.state.collecting.close()
    runtime.close()


class Watched:
    """A page of the browser that notes what should never happen."""

    def __init__(self, context: Any, site: str) -> None:
        self.page = context.new_page()
        self.site = site
        self.errors: list[str] = []
        self.outside: list[str] = []
        self.page.on(
            "console", lambda said: said.type in ("error", "warning") and self.errors.append(said.text)
        )
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda asked: self._note(asked.url))

    def _note(self, url: str) -> None:
        if not url.startswith((self.site, "data:", "blob:")):
            self.outside.append(url)

    def go(self, path: str) -> Any:
        """Open a path, with its scripts started."""
        answer = self.page.goto(self.site + path)
        assert answer.status == 200, path
        self.page.wait_for_selector("html[data-ready]")
        return self.page


@pytest.fixture
def browse(chromium: Any, site: str) -> Iterator[Any]:
    contexts = []

    def opened(width: int = 1280, **options: Any) -> Watched:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(60_000)
        contexts.append(context)
        return Watched(context, site)

    yield opened
    for context in contexts:
        context.close()
