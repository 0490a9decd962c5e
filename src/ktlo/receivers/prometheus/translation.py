"""A write request of Prometheus as OTLP's metrics.

``job`` becomes ``service.name`` (with ``service.namespace`` before a slash), ``instance`` becomes
``service.instance.id``, ``otel_scope_name`` and ``otel_scope_version`` the scope. Names stay as they are, so that
rules and dashboards still find them. What a series is follows from its name (``_total``, ``_bucket``, ``_count``,
``_sum``: a cumulative sum, else a gauge) and not from metadata, which comes apart from samples and would make two
series of one. Classic histograms and summaries stay the series that they are. Source: OpenTelemetry specification,
"Prometheus and OpenMetrics Compatibility".
"""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from ktlo.receivers.otlp.accepting import LATEST, TOO_LATE
from ktlo.receivers.prometheus.native import CUSTOM, UnfitError, fill

_SUMS = ("_total", "_bucket", "_count", "_sum")
_STALE = struct.pack("<Q", 0x7FF0000000000002)
"""The NaN that says that a series has ended (prometheus/model/value)."""
_MS = 1_000_000
_TRACE_DIGITS, _SPAN_DIGITS = 32, 16
_CUMULATIVE = 2
_NO_VALUE = 1
_MOST_KNOWN = 20_000

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Told:
    """Metadata of a metric family.

    Attributes:
        help: description.
        unit: as OpenMetrics names it.
    """

    help: str
    unit: str


class Families:
    """What metadata said of metric families; lost when the process ends, and told again within a minute."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Told] = OrderedDict()

    def learn(self, metadata: Any) -> None:
        """Remember the metadata of a request."""
        for one in metadata:
            self._known[one.metric_family_name] = Told(one.help[:2000], one.unit[:100])
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)

    def of(self, name: str) -> Told | None:
        """What is known of a metric, by its own name or its family's."""
        told = self._known.get(name)
        for suffix in _SUMS:
            if told is None and name.endswith(suffix):
                told = self._known.get(name.removesuffix(suffix))
        return told


@dataclass(slots=True)
class Translated:
    """A request in OTLP.

    Attributes:
        request: what it became.
        rejected: samples that became nothing, by reason.
        left_out: exemplars that became nothing, by reason.
    """

    request: ExportMetricsServiceRequest
    rejected: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)


def translate(written: Any, families: Families) -> Translated:
    """Turn a ``WriteRequest`` into an ``ExportMetricsServiceRequest``; the same bytes give the same."""
    families.learn(written.metadata)
    translation = _Translation(families)
    exemplars: list[tuple[Labels, Any]] = []
    for series in written.timeseries:
        labels = tuple((label.name, label.value) for label in series.labels)
        translation.add(labels, series)
        exemplars += [(labels, one) for one in series.exemplars]
    for labels, exemplar in exemplars:
        translation.add_exemplar(labels, exemplar)
    return translation.made


class _Translation:
    """One request on its way."""

    def __init__(self, families: Families) -> None:
        self.made = Translated(ExportMetricsServiceRequest())
        self._families = families
        self._scopes: dict[tuple[str, str, str, str], Any] = {}
        self._resources: dict[tuple[str, str], Any] = {}
        self._metrics: dict[tuple[int, str, str], Any] = {}
        self._last: dict[Labels, Any] = {}

    def add(self, labels: Labels, series: Any) -> None:
        """Add the samples and native histograms of a series."""
        said = dict(labels)
        name = said.get("__name__", "")
        amount = len(series.samples) + len(series.histograms)
        if not amount:
            return
        if not name:
            self.made.rejected["a series without a name (__name__)"] += amount
            return
        scope = self._scope(said)
        rest = [(key, value) for key, value in labels if key not in _CONSUMED and value]
        for sample in series.samples:
            at = self._moment(sample.timestamp)
            if at is None:
                continue
            point = self._points(scope, name, "sum" if name.endswith(_SUMS) else "gauge").add(
                time_unix_nano=at
            )
            if struct.pack("<d", sample.value) == _STALE:
                point.flags = _NO_VALUE
            else:
                point.as_double = sample.value
            _put(point.attributes, rest)
            self._last[labels] = point
        for native in series.histograms:
            self._add_native(scope, name, rest, labels, native)

    def _add_native(self, scope: Any, name: str, rest: Any, labels: Labels, native: Any) -> None:
        at = self._moment(native.timestamp)
        if at is None:
            return
        points = self._points(
            scope, name, "histogram" if native.schema == CUSTOM else "exponential_histogram"
        )
        point = points.add(time_unix_nano=at)
        try:
            if struct.pack("<d", native.sum) == _STALE:
                point.flags = _NO_VALUE
            else:
                fill(point, native)
        except UnfitError as error:
            del points[-1]
            self.made.rejected[str(error)] += 1
            return
        _put(point.attributes, rest)
        self._last[labels] = point

    def add_exemplar(self, labels: Labels, exemplar: Any) -> None:
        """Tie an exemplar to the last point of its series."""
        point = self._last.get(labels)
        if point is None:
            self.made.left_out["an exemplar without a sample of its series in the same request"] += 1
            return
        into = point.exemplars.add(as_double=exemplar.value)
        if 0 < exemplar.timestamp <= LATEST // _MS:
            into.time_unix_nano = exemplar.timestamp * _MS
        for label in exemplar.labels:
            if label.name == "trace_id" and _is_hex(label.value, _TRACE_DIGITS):
                into.trace_id = bytes.fromhex(label.value)
            elif label.name == "span_id" and _is_hex(label.value, _SPAN_DIGITS):
                into.span_id = bytes.fromhex(label.value)
            else:
                _put(into.filtered_attributes, [(label.name, label.value)])

    def _moment(self, milliseconds: int) -> int | None:
        if milliseconds <= 0:
            self.made.rejected["a time before 1970"] += 1
            return None
        if milliseconds > LATEST // _MS:
            self.made.rejected[TOO_LATE] += 1
            return None
        return milliseconds * _MS

    def _scope(self, said: dict[str, str]) -> Any:
        job, instance = said.get("job", ""), said.get("instance", "")
        scope, version = said.get("otel_scope_name", ""), said.get("otel_scope_version", "")
        found = self._scopes.get((job, instance, scope, version))
        if found is not None:
            return found
        resource = self._resources.get((job, instance))
        if resource is None:
            resource = self._resources[job, instance] = self.made.request.resource_metrics.add()
            namespace, _, service = job.rpartition("/")
            told = {
                "service.name": service,
                "service.namespace": namespace,
                "service.instance.id": instance,
            }
            _put(resource.resource.attributes, [(key, value) for key, value in told.items() if value])
        found = resource.scope_metrics.add()
        found.scope.name, found.scope.version = scope, version
        self._scopes[job, instance, scope, version] = found
        return found

    def _points(self, scope: Any, name: str, kind: str) -> Any:
        key = (id(scope), name, kind)
        of_kind = self._metrics.get(key)
        if of_kind is None:
            metric = scope.metrics.add(name=name)
            told = self._families.of(name)
            if told is not None:
                metric.description, metric.unit = told.help, told.unit
            of_kind = getattr(metric, kind)
            of_kind.SetInParent()
            if kind != "gauge":
                of_kind.aggregation_temporality = _CUMULATIVE
            if kind == "sum":
                of_kind.is_monotonic = True
            self._metrics[key] = of_kind
        return of_kind.data_points


_CONSUMED = frozenset(("__name__", "job", "instance", "otel_scope_name", "otel_scope_version"))


def _put(into: Any, values: list[tuple[str, str]]) -> None:
    for key, value in values:
        into.add(key=key).value.string_value = value


def _is_hex(text: str, digits: int) -> bool:
    return len(text) == digits and all(one in "0123456789abcdefABCDEF" for one in text)
