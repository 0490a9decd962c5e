"""Spans of services whose versions change, made from a plan of stretches, for the tests of what follows from them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from otlp_requests import Said, request

MINUTE = 60_000.0
"""In the milliseconds of :class:`otlp_requests.Said`."""


@dataclass(frozen=True)
class Ran:
    """A version that answered calls of an operation in every minute of a stretch (minutes after TEN).

    Attributes:
        took: milliseconds of the fastest and the slowest call.
        failing: share of calls that fail.
        resource: more attributes of its resource.
    """

    version: str
    first: int
    after: int
    calls: int = 2
    took: tuple[float, float] = (10, 30)
    failing: float = 0
    instances: int = 1
    name: str = "GET /"
    resource: Mapping[str, Any] = field(default_factory=dict)


def reports(service: str, ran: Iterable[Ran], seed: int = 1, environment: str = "production"):
    """Trace requests, one a version."""
    rnd = random.Random(f"{service}{seed}")
    for each in ran:
        for instance in range(each.instances):
            spans = [
                Said(
                    rnd.randbytes(8).hex(),
                    each.name,
                    start=minute * MINUTE + rnd.random() * (MINUTE - 100),
                    took=rnd.uniform(*each.took),
                    trace_id=rnd.randbytes(16).hex(),
                    error=rnd.random() < each.failing,
                )
                for minute in range(each.first, each.after)
                for _ in range(each.calls)
            ]
            yield request(
                service,
                *spans,
                resource={
                    "service.version": each.version,
                    "deployment.environment.name": environment,
                    "service.instance.id": f"{service}-{each.version}-{instance}",
                    **each.resource,
                },
            )
