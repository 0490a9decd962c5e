"""Begins and ends self-observation of one running ktlo: providers, exporters, and what is put before store and state.

Takes the runtime's store and state after the receivers have opened on the unwatched ones; gives what the SDK collects
to the receivers' intakes. Everything is taken back by ``close``.
"""

from __future__ import annotations

import os
import platform
import secrets

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracer
from starlette.types import ASGIApp

from ktlo import __version__
from ktlo.records.telemetry import ITSELF
from ktlo.server.observing.exporting import Measurements, Spans
from ktlo.server.observing.measures import observe
from ktlo.server.observing.requests import Observed
from ktlo.server.observing.state import StateWatch
from ktlo.server.observing.store import ObservedStore
from ktlo.server.receiving import Receiving
from ktlo.server.runtime import Runtime

SPANS_SECONDS = 20.0
SPANS_AT_ONCE = 2048
"""Spans are given to the intake this often, and when there are so many: storing few costs as much as storing many."""
METRICS_SECONDS = 30.0
SCOPE = "ktlo"


class Observing:
    """Observes until it is closed.

    Args:
        runtime: its store, state and tracer are watched from now on.
        receiving: takes what is observed; opened before, on the store that is not watched.
        metrics_seconds: how often metrics are read.
    """

    def __init__(
        self, runtime: Runtime, receiving: Receiving, metrics_seconds: float = METRICS_SECONDS
    ) -> None:
        resource = Resource(
            {
                "service.name": ITSELF,
                "service.version": __version__,
                "service.instance.id": secrets.token_hex(8),
                "process.pid": os.getpid(),
                "process.runtime.name": platform.python_implementation().lower(),
                "process.runtime.version": platform.python_version(),
                "telemetry.sdk.language": "python",
                "telemetry.sdk.name": "opentelemetry",
            }
        )
        traces, metrics, _ = receiving.exports
        self._tracing = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._tracing.add_span_processor(
            BatchSpanProcessor(
                Spans(traces),
                max_queue_size=2 * SPANS_AT_ONCE,
                max_export_batch_size=SPANS_AT_ONCE,
                schedule_delay_millis=SPANS_SECONDS * 1000,
            )
        )
        self._metering = MeterProvider(
            [
                PeriodicExportingMetricReader(
                    Measurements(metrics), export_interval_millis=metrics_seconds * 1000
                )
            ],
            resource=resource,
            shutdown_on_exit=False,
        )
        self._meter = self._metering.get_meter(SCOPE, __version__)
        self._runtime, self._plain = runtime, runtime.store
        tracer = self._tracing.get_tracer(SCOPE, __version__)
        runtime.tracer = tracer
        runtime.store = ObservedStore(self._plain, tracer)
        self._state = StateWatch(runtime.state, tracer)
        observe(self._meter, receiving, self._plain, runtime.folder)
        self.tracer = tracer
        receiving.observes_itself = True

    def watch(self, app: ASGIApp) -> Observed:
        """Put a span and a duration around every request of an application."""
        return Observed(app, self.tracer, self._meter)

    def flush(self) -> None:
        """Give everything that was observed so far to the intakes."""
        self._tracing.force_flush()
        self._metering.force_flush()

    def close(self) -> None:
        """Give away what is left, and watch nothing any more; before the receivers are closed. Idempotent."""
        if self._runtime.store is self._plain:
            return
        self._state.close()
        self._runtime.store, self._runtime.tracer = self._plain, NoOpTracer()
        self._tracing.shutdown()
        self._metering.shutdown()
