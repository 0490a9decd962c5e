"""A running ktlo on a copy of the house, asked without a network."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import load_settings

sys.path.insert(0, str(Path(__file__).parent))


class Visitor:
    """Asks an application as a browser or a program would."""

    def __init__(self, app: Any, portal: BlockingPortal) -> None:
        self.app = app
        self._portal = portal
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:5856")

    @property
    def cookies(self) -> httpx.Cookies:
        return self._client.cookies

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            return await self._client.request(method, path, **given)

        answer: httpx.Response = self._portal.call(send)
        return answer

    def get(self, path: str, **given: Any) -> httpx.Response:
        return self.ask("GET", path, **given)

    def start(self, path: str) -> Future[httpx.Response]:
        """The answer to a request that is under way; who cancels it goes away."""
        return self._portal.start_task_soon(self._client.get, path)

    def post(self, path: str, **given: Any) -> httpx.Response:
        return self.ask("POST", path, **given)

    def page(self, path: str) -> str:
        """The text of a page that is there."""
        answer = self.get(path, headers={"accept": "text/html"})
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.text


@pytest.fixture(scope="module")
def runtime(house_copy: Path) -> Iterator[Runtime]:
    opened = Runtime(load_settings(house_copy / "ktlo.yaml"), house_copy / "data")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as opened:
        yield opened


@pytest.fixture(scope="session")
def visiting(portal: BlockingPortal) -> Callable[[Any], Visitor]:
    """Makes a visitor of an application."""
    return lambda app: Visitor(app, portal)


@pytest.fixture(scope="module")
def house(runtime: Runtime, portal: BlockingPortal) -> Iterator[Visitor]:
    app = make_app(runtime, Access())
    yield Visitor(app, portal)
    app.state.collecting.close()


@pytest.fixture
def guarded(runtime: Runtime, portal: BlockingPortal) -> Visitor:
    """The same ktlo behind a token."""
    return Visitor(make_app(runtime, Access("s3cret-token")), portal)
