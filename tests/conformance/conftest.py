"""The backends that the conformance suite runs against, each with what it is capable of."""

from __future__ import annotations

import contextlib
import enum
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ktlo.store.clickhouse import PASSWORD_VARIABLE, ClickHouseStore
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.engine_store import EngineStore
from ktlo.store.readonly import Limits

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))  # otlp_requests

FACE = Path(__file__).with_name("http_face.py")
LIMITS = Limits(seconds=1.0, memory=300 << 20, answer=8 << 20)


class Capability(enum.StrEnum):
    """What a backend can do beyond the protocol."""

    EXCLUSIVE = enum.auto()  # a second store on the same place is refused
    SHARED = enum.auto()  # a second store on the same place is let in and sees the same rows


@dataclass(frozen=True)
class Backend:
    """One backend under test; ``open`` may be called again, to open the same place anew."""

    name: str
    open: Callable[[], EngineStore]
    capabilities: frozenset[Capability]


@contextlib.contextmanager
def embedded(folder: Path) -> Iterator[Backend]:
    yield Backend(
        "embedded", lambda: EmbeddedStore(folder / "store", LIMITS), frozenset({Capability.EXCLUSIVE})
    )


@contextlib.contextmanager
def http_face(folder: Path) -> Iterator[Backend]:
    """clickhouse-connect against the real engine behind a thin face, in a process of its own."""
    command = [sys.executable, str(FACE), str(folder / "engine")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        port = process.stdout.readline().strip()
        os.environ[PASSWORD_VARIABLE] = "open sesame"
        try:
            yield Backend(
                "http-face",
                lambda: ClickHouseStore(f"http://ktlo@127.0.0.1:{port}/ktlo", limits=LIMITS),
                frozenset({Capability.SHARED}),
            )
        finally:
            del os.environ[PASSWORD_VARIABLE]
            process.stdin.close()


@contextlib.contextmanager
def real_server(_: Path) -> Iterator[Backend]:
    """The server of ``KTLO_CLICKHOUSE_URL``; its database ``ktlo`` is made and filled, so give an empty one."""
    url = os.environ["KTLO_CLICKHOUSE_URL"]
    cluster = os.environ.get("KTLO_CLICKHOUSE_CLUSTER", "")
    yield Backend(
        "server",
        lambda: ClickHouseStore(url, cluster=cluster, limits=LIMITS),
        frozenset({Capability.SHARED}),
    )


SERVERS = [real_server] if "KTLO_CLICKHOUSE_URL" in os.environ else []


@pytest.fixture(scope="module", params=[embedded, http_face, *SERVERS], ids=lambda made: made.__name__)
def backend(request, tmp_path_factory) -> Iterator[Backend]:
    with request.param(tmp_path_factory.mktemp("backend")) as opened:
        yield opened


@pytest.fixture(scope="module")
def store(backend) -> Iterator[EngineStore]:
    opened = backend.open()
    opened.migrate()
    yield opened
    opened.close()
