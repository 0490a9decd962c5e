"""Requests traced with OpenTelemetry, when its SDK is installed: which span runs now, and which service asked.

When the application configured no tracer provider of its own, one is made that reports to the same
endpoint, and the instrumentations that are installed are switched on, as `opentelemetry-instrument` does.
Without the SDK nothing happens.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ktlo_instrument.requests import CURRENT, OPENED, kind_of, number_of
from ktlo_instrument.settings import Settings, complain

CALLER_KEYS = ("service.name", "caller.service", "peer.service")
"""Baggage entries in which a caller may say who it is (W3C Baggage)."""


def current_span() -> tuple[int, int] | None:
    """Identifiers of trace and span of this context, when the application uses OpenTelemetry."""
    module = sys.modules.get("opentelemetry.trace")
    if module is None:
        return None
    try:
        context = module.get_current_span().get_span_context()
        return (context.trace_id, context.span_id) if context.is_valid else None
    except Exception:
        return None


def install(settings: Settings, resource: Mapping[str, Any]) -> None:
    """Trace requests when the SDK is there and nobody else does."""
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
    except Exception:
        return
    try:
        if type(trace.get_tracer_provider()).__name__ != "ProxyTracerProvider":
            provider: Any = trace.get_tracer_provider()
        else:
            provider = _provider(TracerProvider, settings, resource)
            trace.set_tracer_provider(provider)
            _switch_on()
        provider.add_span_processor(_Requests())
    except Exception as problem:
        complain(f"requests are not traced: {type(problem).__name__}")


def _provider(kind: Any, settings: Settings, resource: Mapping[str, Any]) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    kept = {name: value for name, value in resource.items() if not name.startswith("telemetry.sdk")}
    provider = kind(resource=Resource.create(kept))
    headers = {"authorization": f"Bearer {settings.key}"} if settings.key else None
    exporter = OTLPSpanExporter(
        endpoint=settings.endpoint.rstrip("/") + "/v1/traces", headers=headers, timeout=5
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _switch_on() -> None:
    """Every installed instrumentation; one that does not fit the installed library says so itself and is left out."""
    from importlib.metadata import entry_points

    found: Any = entry_points()
    group = "opentelemetry_instrumentor"
    points = found.select(group=group) if hasattr(found, "select") else found.get(group, ())
    for point in points:
        try:
            point.load()().instrument(skip_dep_check=False)
        except Exception:
            complain(f"OpenTelemetry's instrumentation of {point.name} could not be switched on")


class _Requests:
    """A span processor: while a server or consumer span runs, its route and caller are the current kind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """A span begins."""
        try:
            if span.parent is None or span.parent.is_remote:
                OPENED.set(_opener())
            if getattr(span.kind, "name", "") not in ("SERVER", "CONSUMER"):
                return
            given = span.attributes or {}
            route = str(given.get("http.route") or given.get("messaging.destination.name") or "")
            traced = bool(span.get_span_context().trace_flags & 1)
            CURRENT.set(number_of(route, _caller(parent_context), traced))
        except Exception:
            pass

    def on_end(self, span: Any) -> None:
        """A span ends: what this context does next belongs to no request."""
        try:
            if getattr(span.kind, "name", "") in ("SERVER", "CONSUMER") and kind_of(CURRENT.get(0)) != (
                "",
                "",
            ):
                CURRENT.set(0)
        except Exception:
            pass

    def _on_ending(self, span: Any) -> None:
        """Nothing."""

    def shutdown(self) -> None:
        """Nothing is kept."""

    def force_flush(self, timeout_millis: int = 0) -> bool:
        """Nothing is kept."""
        return True


def _opener() -> Any:
    """Code of the frame that opens a span: the first outside of OpenTelemetry's own."""
    at: Any = sys._getframe(2)
    while at is not None:
        path = at.f_code.co_filename.replace("\\", "/")
        if "/opentelemetry/" not in path and not path.endswith("/contextlib.py"):
            return at.f_code
        at = at.f_back
    return None


def _caller(context: Any) -> str:
    from opentelemetry import baggage

    for name in CALLER_KEYS:
        value = baggage.get_baggage(name, context)
        if value:
            return unquote(str(value))
    return ""
