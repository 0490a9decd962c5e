"""The little of OpenTelemetry's protobuf that is sent: delta sums, gauges, exponential histograms and log records.

Written by hand so that the library needs nothing: opentelemetry-proto 1.x, `metrics.proto`, `logs.proto`,
`common.proto`. Every function gives the bytes of one message.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

DELTA = 1
_MOST_DEPTH = 8


def varint(number: int) -> bytes:
    """An unsigned number of up to 64 bits."""
    number &= 0xFFFFFFFFFFFFFFFF
    if number < 128:
        return bytes((number,))
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def zigzag(number: int) -> bytes:
    """A signed number of 32 bits (`sint32`)."""
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def part(field: int, content: bytes) -> bytes:
    """A field that holds bytes, text or a message."""
    return varint(field << 3 | 2) + varint(len(content)) + content


def text(field: int, content: str) -> bytes:
    """A field that holds text; lone surrogates become question marks."""
    return part(field, content.encode("utf-8", "replace")) if content else b""


def whole(field: int, number: int) -> bytes:
    """A field that holds a varint."""
    return varint(field << 3) + varint(number)


def fixed(field: int, number: int) -> bytes:
    """A field of type `fixed64`."""
    return varint(field << 3 | 1) + struct.pack("<Q", number & 0xFFFFFFFFFFFFFFFF)


def double(field: int, number: float) -> bytes:
    """A field of type `double`."""
    return varint(field << 3 | 1) + struct.pack("<d", number)


def value(given: Any, depth: int = 0) -> bytes:
    """An `AnyValue`: text, truth, number, list or map."""
    if isinstance(given, bool):
        return whole(2, given)
    if isinstance(given, int):
        return whole(3, given) if -(1 << 63) <= given < 1 << 63 else part(1, str(given).encode())
    if isinstance(given, float):
        return double(4, given)
    if isinstance(given, (list, tuple)) and depth < _MOST_DEPTH:
        return part(5, b"".join(part(1, value(each, depth + 1)) for each in given))
    if isinstance(given, dict) and depth < _MOST_DEPTH:
        return part(6, attributes(1, given, depth + 1))
    return part(1, str(given).encode("utf-8", "replace"))


def attributes(field: int, given: Mapping[str, Any], depth: int = 0) -> bytes:
    """Repeated `KeyValue`s."""
    return b"".join(part(field, text(1, key) + part(2, value(each, depth))) for key, each in given.items())


def number_point(labels: bytes, start: int, at: int, number: int) -> bytes:
    """A `NumberDataPoint`; `labels` are its attributes (field 7), times are nanoseconds since 1970."""
    return labels + fixed(2, start) + fixed(3, at) + fixed(6, number)


def histogram_point(
    labels: bytes, start: int, at: int, total: float, scale: int, offset: int, counts: list[int]
) -> bytes:
    """An `ExponentialHistogramDataPoint`; `labels` are its attributes (field 1)."""
    buckets = varint(1 << 3) + zigzag(offset) + part(2, b"".join(map(varint, counts)))
    return (
        labels
        + fixed(2, start)
        + fixed(3, at)
        + fixed(4, sum(counts))
        + double(5, total)
        + varint(6 << 3)
        + zigzag(scale)
        + part(8, buckets)
    )


def _metric(name: str, about: str, unit: str, field: int, data: bytes) -> bytes:
    return text(1, name) + text(2, about) + text(3, unit) + part(field, data)


def gauge(name: str, about: str, unit: str, points: Iterable[bytes]) -> bytes:
    """A `Metric` of current values."""
    return _metric(name, about, unit, 5, b"".join(part(1, each) for each in points))


def count(name: str, about: str, unit: str, points: Iterable[bytes]) -> bytes:
    """A `Metric` of a monotonic sum, by delta."""
    data = b"".join(part(1, each) for each in points) + whole(2, DELTA) + whole(3, 1)
    return _metric(name, about, unit, 7, data)


def histogram(name: str, about: str, unit: str, points: Iterable[bytes]) -> bytes:
    """A `Metric` of exponential histograms, by delta."""
    data = b"".join(part(1, each) for each in points) + whole(2, DELTA)
    return _metric(name, about, unit, 10, data)


def metrics_request(resource: Mapping[str, Any], scope: tuple[str, str], metrics: Iterable[bytes]) -> bytes:
    """An `ExportMetricsServiceRequest`."""
    return _request(resource, scope, metrics)


def logs_request(resource: Mapping[str, Any], scope: tuple[str, str], records: Iterable[bytes]) -> bytes:
    """An `ExportLogsServiceRequest`."""
    return _request(resource, scope, records)


def _request(resource: Mapping[str, Any], scope: tuple[str, str], entries: Iterable[bytes]) -> bytes:
    scoped = part(1, text(1, scope[0]) + text(2, scope[1])) + b"".join(part(2, each) for each in entries)
    return part(1, part(1, attributes(1, resource)) + part(2, scoped))


def log_record(
    at: int,
    severity: tuple[int, str],
    body: str,
    event: str,
    given: Mapping[str, Any],
    trace: tuple[int, int] | None,
) -> bytes:
    """A `LogRecord`.

    Args:
        at: nanoseconds since 1970.
        severity: number and text.
        body: one sentence.
        event: its `event_name`.
        given: attributes.
        trace: identifiers of trace and span.
    """
    record = fixed(1, at) + whole(2, severity[0]) + text(3, severity[1]) + part(5, value(body))
    record += attributes(6, given)
    if trace is not None:
        record += part(9, trace[0].to_bytes(16, "big")) + part(10, trace[1].to_bytes(8, "big"))
    return record + fixed(11, at) + text(12, event)
