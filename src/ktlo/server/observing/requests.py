"""A span and a duration for each request of pages and API: named by method and route, never by what stands in the URL.

Names: OpenTelemetry semantic conventions for HTTP server spans and ``http.server.request.duration``. Paths and query
strings are left out on purpose: both may hold names and keys. Static files and health checks are not observed.
"""

from __future__ import annotations

import time

from opentelemetry.metrics import Meter
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ktlo.server.tracing import traced

_UNOBSERVED = ("/static/", "/api/v1/health")
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_BOUNDARIES = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Advised by the conventions, seconds."""


class _Headers(Getter[Scope]):
    """Reads a header of an ASGI scope, for the propagator."""

    def get(self, carrier: Scope, key: str) -> list[str] | None:
        """Values of one header."""
        wanted = key.lower().encode()
        return [value.decode("latin-1") for name, value in carrier["headers"] if name == wanted] or None

    def keys(self, carrier: Scope) -> list[str]:
        """Names of all headers."""
        return [name.decode("latin-1") for name, _ in carrier["headers"]]


class Observed:
    """ASGI application around another; outermost, so that refusals are seen too.

    Args:
        app: what is observed.
        tracer: makes the spans.
        meter: makes the histogram.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer, meter: Meter) -> None:
        self._app = app
        self._tracer = tracer
        self._propagator, self._headers = TraceContextTextMapPropagator(), _Headers()
        self._durations = meter.create_histogram(
            "http.server.request.duration",
            "s",
            "Duration of HTTP server requests.",
            explicit_bucket_boundaries_advisory=_BOUNDARIES,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and tell how it went."""
        if scope["type"] != "http" or scope["path"].startswith(_UNOBSERVED):
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        status = 0

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        begun = time.perf_counter()
        told: dict[str, str | int] = {
            "http.request.method": method,
            "url.scheme": scope.get("scheme", "http"),
        }
        parent = self._propagator.extract(scope, getter=self._headers)
        with traced(self._tracer, method, told, SpanKind.SERVER, parent) as span:
            try:
                await self._app(scope, receive, watched_send)
            finally:
                if route := route_of(scope):
                    told["http.route"] = route
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)
                if status:
                    told["http.response.status_code"] = status
                    span.set_attribute("http.response.status_code", status)
                if status >= 500:
                    span.set_status(Status(StatusCode.ERROR))
                self._durations.record(time.perf_counter() - begun, told)


def route_of(scope: Scope) -> str:
    """The template of the route that a request took, ``/api/v1/logs/{id}``; empty when it took none."""
    route = scope.get("route")
    template: str = getattr(route, "path_format", "")
    if not template:
        return ""
    # A router that was included knows its routes without the prefix: that is what the path has before them.
    asked: str = scope["path"]
    written = template
    for name, value in scope.get("path_params", {}).items():
        written = written.replace(f"{{{name}}}", str(value))
    prefix = asked.removesuffix(written) if asked.endswith(written) else ""
    return prefix + template
