"""GitHub for the tests: its published description, Prism that serves it, and a small stateful forge."""

import os
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from github_forge import Clock, Forge
from github_published import Published, install
from github_runs import Collected, run_once


@pytest.fixture(autouse=True)
def _no_token_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def published() -> Published:
    try:
        return Published(install())
    except LookupError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def prism(published: Published) -> Iterator[str]:
    """Address of a server that checks requests against the description and answers its examples."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = published.modules / ".bin" / "prism"
    process = subprocess.Popen(
        ["node", str(program), "mock", "-h", "127.0.0.1", "-p", str(port), str(published.file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, "Prism ended before it listened"
            try:
                httpx.get(f"{address}/rate_limit", trust_env=False, timeout=60)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def forge(published: Published, clock: Clock) -> Forge:
    return Forge(published, clock)


@pytest.fixture
def collect(forge: Forge) -> Callable[..., Collected]:
    """Run the source against the forge once; fails the test when the run fails."""

    def _collect(into: Collected | None = None, **options: object) -> Collected:
        into = into or Collected()
        failure = run_once(forge, into, **options)
        assert failure is None, failure
        return into

    return _collect
