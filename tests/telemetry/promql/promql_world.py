"""The samples that ktlo and a real Prometheus are both asked about: a small shop over two hours, every 15 seconds.

Deterministic. Counters restart, a gauge stops and comes back, one is NaN for a while, a histogram has buckets.
"""

from __future__ import annotations

import math
import random

from ktlo.telemetry.promql.labels import Labels, labels_of
from ktlo.telemetry.promql.samples import Fixed, Samples

START = 1_767_225_600_000
"""2026-01-01T00:00:00Z, milliseconds."""
EVERY, COUNT = 15_000, 480
Series = list[tuple[Labels, list[int], list[float]]]
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


def _series() -> Series:
    drawn = random.Random(7)
    times = [START + 123 + i * EVERY + drawn.randrange(-40, 40) for i in range(COUNT)]
    found: Series = []

    def add(name: str, labels: dict[str, str], values: list[float], kept: range | None = None) -> None:
        at = [i for i in range(COUNT) if kept is None or i in kept]
        found.append(
            (labels_of({"__name__": name, **labels}), [times[i] for i in at], [values[i] for i in at])
        )

    for job, instance, restarts in (
        ("api", "a:1", (130, 131, 300)),
        ("api", "b:1", (222,)),
        ("web", "a:2", ()),
        ("web", "c:2", (40, 400)),
    ):
        for code in ("200", "404", "500"):
            total, counted = 0.0, []
            for i in range(COUNT):
                total = (
                    0.0 if i in restarts else total + drawn.randrange(0, 9) * (1 if code == "200" else 0.25)
                )
                counted.append(total)
            add("http_requests_total", {"job": job, "instance": instance, "code": code}, counted)
        load = [3 + math.sin(i / 30) * 2 + drawn.random() for i in range(COUNT)]
        add("queue_length", {"job": job, "instance": instance}, load)
        add(
            "limit",
            {"job": job, "instance": instance, "region": "eu" if job == "api" else "us"},
            [5.0] * COUNT,
        )
    for job in ("api", "web"):
        add("owner", {"job": job, "team": f"{job}-people"}, [1.0] * COUNT)
        cumulative = [0.0] * (len(BOUNDS) + 1)
        kept: list[list[float]] = [[] for _ in cumulative]
        sums: list[float] = []
        total = 0.0
        for i in range(COUNT):
            if job == "web" and i == 250:
                cumulative, total = [0.0] * len(cumulative), 0.0
            for _ in range(drawn.randrange(0, 6)):
                seen = drawn.lognormvariate(-1.5, 1)
                total += seen
                for at, bound in enumerate((*BOUNDS, math.inf)):
                    cumulative[at] += seen <= bound
            for at, value in enumerate(cumulative):
                kept[at].append(value)
            sums.append(total)
        for at, bound in enumerate((*BOUNDS, math.inf)):
            le = "+Inf" if math.isinf(bound) else repr(bound)
            add("latency_seconds_bucket", {"job": job, "le": le}, kept[at])
        add("latency_seconds_sum", {"job": job}, sums)
        add("latency_seconds_count", {"job": job}, kept[-1])
    gone = [float(i % 17) for i in range(COUNT)]
    add("comes_and_goes", {"job": "api", "path": "/a"}, gone, range(200))
    add("comes_and_goes", {"job": "api", "path": "/b"}, gone, range(150, COUNT, 7))
    odd = [math.nan if 200 <= i < 260 else (math.inf if i == 300 else i - 240.5) for i in range(COUNT)]
    add("odd", {"job": "api", "kind": "nan"}, odd)
    add("odd", {"job": "api", "kind": "steady"}, [7.0] * COUNT)
    add(
        "temperature_celsius", {"room": "north wing"}, [20 + 0.01 * i + math.cos(i / 9) for i in range(COUNT)]
    )
    add("temperature_celsius", {"room": "south"}, [25 - 0.02 * i + math.sin(i / 5) for i in range(COUNT)])
    add("built_at_seconds", {"job": "api"}, [START / 1000 - 5e6] * COUNT)
    return found


SERIES = _series()


def source() -> Fixed:
    """The samples for ktlo."""
    return Fixed(Samples.of(SERIES))


def openmetrics() -> str:
    """The same for ``promtool tsdb create-blocks-from openmetrics``."""
    lines = []
    for labels, times, values in SERIES:
        name = dict(labels)["__name__"]
        inside = ",".join(f'{key}="{value}"' for key, value in labels if key != "__name__")
        for at, value in zip(times, values, strict=True):
            text = "NaN" if math.isnan(value) else "+Inf" if math.isinf(value) else repr(value)
            lines.append((name, f"{name}{{{inside}}} {text} {at / 1000:.3f}"))
    return "\n".join(line for _, line in lines) + "\n# EOF\n"
