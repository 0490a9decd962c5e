"""Every ten seconds what the engine counted becomes one OTLP request, and each function's idea of slow is renewed.

Names, units and attributes of everything that is sent are in README.md. A body covers the time since the
one before, as delta; its points carry `code.*`, the route, the service that asked, and for calls the
function that called.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from ktlo_instrument import otlp, requests
from ktlo_instrument.clock import Clock
from ktlo_instrument.coverage import Coverage
from ktlo_instrument.detail import Details
from ktlo_instrument.pure import NEVER, OTHER, OUTSIDE
from ktlo_instrument.quantiles import History
from ktlo_instrument.settings import Settings
from ktlo_instrument.sites import Sites
from ktlo_instrument.version import VERSION

SCOPE = ("ktlo-instrument", VERSION)
_chance = random.Random()  # noqa: S311 - our own: the application may have seeded the shared one
TOKENS = 5
"""Calls of one function that may be told between two folds."""
MOST_RECORDS = 50
"""Coverage records in one body."""


class Folding:
    """Turns counts into bodies.

    Args:
        sites: the functions and their engine.
        details: calls that told.
        resource: attributes of this process.
        settings: limits.
        coverage: who is told which functions were called.
    """

    def __init__(
        self,
        sites: Sites,
        details: Details,
        resource: Mapping[str, Any],
        settings: Settings,
        coverage: Coverage | None = None,
    ) -> None:
        self.sites = sites
        self.details = details
        self.resource = dict(resource)
        self.settings = settings
        self.coverage = coverage
        self.history = History()
        self.lost: dict[str, int] = {"told routes": requests.overflowed}
        self._monotonic = Clock.seconds()
        self._armed = 0
        self._labels: dict[tuple[int, int, int], bytes] = {}

    def fold(self) -> list[tuple[str, bytes]]:
        """Paths and bodies of what came since the last time."""
        rows = self.sites.engine.drain()
        active = self.sites.engine.active()
        now, passed = Clock.wall(), Clock.seconds() - self._monotonic
        # The wall clock may have jumped: what is told is that so much time passed, until now.
        start = now - max(1, int(passed * 1e9))
        self._monotonic += passed
        bodies: list[tuple[str, bytes]] = []
        metrics = self._metrics(rows, active, start, now)
        if metrics:
            bodies.append(("/v1/metrics", otlp.metrics_request(self.resource, SCOPE, metrics)))
        records = self.details.take()
        if records:
            bodies.append(("/v1/logs", otlp.logs_request(self.resource, SCOPE, records)))
        self._learn(rows, passed)
        if self.coverage is not None:
            self.coverage.called(row[0] for row in rows)
            self.coverage.called(active)
        return bodies

    def coverage_bodies(self) -> list[tuple[str, bytes]]:
        """Paths and bodies of what is new about functions that never ran."""
        records = self.coverage.records() if self.coverage is not None else []
        parts = (records[start : start + MOST_RECORDS] for start in range(0, len(records), MOST_RECORDS))
        return [("/v1/logs", otlp.logs_request(self.resource, SCOPE, part)) for part in parts]

    def after_fork(self) -> None:
        """In a child: its own time begins."""
        self._monotonic = Clock.seconds()
        self.lost.clear()

    def _metrics(
        self, rows: list[Any], active: Mapping[int, tuple[int, int]], start: int, now: int
    ) -> list[bytes]:
        calls: list[bytes] = []
        errors: list[bytes] = []
        shapes: dict[str, list[bytes]] = {"duration": [], "self_duration": [], "active_duration": []}
        for site, request, _, wall_ns, self_ns, active_ns, wall, own, running, failed, callers in rows:
            for caller, number in callers.items():
                labels = self._label(7, site, request) + self._caller(caller)
                calls.append(otlp.number_point(labels, start, now, number))
            for kind, number in failed.items():
                labels = self._label(7, site, request) + otlp.attributes(7, {"error.type": kind})
                errors.append(otlp.number_point(labels, start, now, number))
            labels = self._label(1, site, request)
            for name, total, histogram in (
                ("duration", wall_ns, wall),
                ("self_duration", self_ns, own),
                ("active_duration", active_ns, running),
            ):
                if histogram:
                    shapes[name].append(otlp.histogram_point(labels, start, now, float(total), *histogram))
        found: list[bytes] = []
        if calls:
            found.append(otlp.count("ktlo.function.calls", "Calls by calling function.", "{call}", calls))
        if errors:
            found.append(otlp.count("ktlo.function.errors", "Calls that raised.", "{error}", errors))
        for name, points in shapes.items():
            if points:
                found.append(otlp.histogram(f"ktlo.function.{name}", _ABOUT[name], "ns", points))
        if active:
            now_points = [
                otlp.number_point(self._label(7, site, 0), start, now, both[0])
                for site, both in active.items()
            ]
            most_points = [
                otlp.number_point(self._label(7, site, 0), start, now, both[1])
                for site, both in active.items()
            ]
            about = "Calls that run at this moment."
            found.append(otlp.gauge("ktlo.function.active", about, "{call}", now_points))
            about = "Most calls that ran at once since the last report."
            found.append(otlp.gauge("ktlo.function.active.max", about, "{call}", most_points))
        lost = self._lost(start, now)
        if lost:
            found.append(otlp.count("ktlo.instrument.dropped", "Not told, and why.", "{item}", lost))
        return found

    def _lost(self, start: int, now: int) -> list[bytes]:
        """What was not told since the last time, by reason."""
        sums = {
            "details": self.details.dropped,
            "functions": self.sites.overflowed,
            "routes": requests.overflowed,
            "bodies": self.lost.get("bodies", 0),
            "coverage": self.coverage.beyond + self.coverage.monitor.beyond if self.coverage else 0,
        }
        points = []
        for reason, total in sums.items():
            before = self.lost.get("told " + reason, 0)
            if total > before:
                labels = otlp.attributes(7, {"reason": reason})
                points.append(otlp.number_point(labels, start, now, total - before))
            self.lost["told " + reason] = total
        return points

    def _label(self, field: int, site: int, request: int) -> bytes:
        """Attributes of a function for a kind of request; made once."""
        key = (field, site, request >> 1)
        known = self._labels.get(key)
        if known is None:
            function = self.sites.of(site)
            given: dict[str, Any] = {"code.function.name": function.name}
            if function.path:
                given["code.file.path"] = function.path
                given["code.line.number"] = function.line
            route, caller = requests.kind_of(request)
            if route:
                given["http.route"] = route
            if caller:
                given["ktlo.caller.service"] = caller
            known = otlp.attributes(field, given)
            if len(self._labels) > 20_000:
                self._labels.clear()
            self._labels[key] = known
        return known

    def _caller(self, caller: int) -> bytes:
        if caller == OUTSIDE:
            return b""
        name = "_OTHER" if caller == OTHER else self.sites.of(caller).name
        return otlp.attributes(7, {"ktlo.caller.function": name})

    def _learn(self, rows: list[Any], passed: float) -> None:
        """Renew what is slow, and let functions tell again."""
        settings = self.settings
        self.history.decay(passed)
        for row in rows:
            self.history.add(row[0], row[6])
        floor = settings.slow_floor_ms * 1e6
        for index in {row[0] for row in rows}:
            site = self.sites.sites[index]
            if not settings.detail:
                site.limit, site.left, site.tokens = NEVER, NEVER, 0
                continue
            site.limit = self.history.limit(index, settings.slow_quantile, settings.slow_factor, floor)
            site.tokens = TOKENS
            if settings.sample <= 0:
                site.left = NEVER
            elif not 0 < site.left <= 2 * settings.sample:
                site.left = _chance.randint(1, 2 * settings.sample)


_ABOUT = {
    "duration": "Time from entry to exit.",
    "self_duration": "The same without instrumented functions that were called, and without waiting.",
    "active_duration": "Time in which a coroutine or generator ran, with what it called.",
}
