"""A store with traces that were worked out by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import TRACES

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))
sys.path.insert(0, str(Path(__file__).parent))

from otlp_requests import Said, request, segment

CHECKOUT, SEARCH = "c" * 32, "5" * 32


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Iterator[EmbeddedStore]:
    folder = tmp_path_factory.mktemp("telemetry")
    opened = EmbeddedStore(folder / "store")
    opened.migrate()
    file = folder / "one.segment"
    file.write_bytes(
        segment(
            request(
                "web",
                Said("1" * 16, "GET /checkout", 0, 100, trace_id=CHECKOUT, attributes={"user.id": 7}),
                Said("2" * 16, "charge", 40, 50, parent="1" * 16, kind=3, trace_id=CHECKOUT),
                Said("6" * 16, "GET /search", 5000, 20, trace_id=SEARCH, attributes={"q": "two words"}),
                resource={"k8s.pod.name": "web-1"},
            ),
            request(
                "pay",
                Said("3" * 16, "POST /charge", 45, 40, parent="2" * 16, trace_id=CHECKOUT, error=True,
                     events=[("exception", {"exception.type": "Declined"})]),
                Said("4" * 16, "GET /health", 60_000, 1, trace_id="f" * 32),
            ),
            request(
                "worker",
                Said("7" * 16, "tick", 100, 5, kind=1, trace_id="7" * 32),
                resource={"deployment.environment.name": "staging"},
            ),
        )
    )  # fmt: skip
    opened.load(TRACES, file, "one")
    yield opened
    opened.close()
