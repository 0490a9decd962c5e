"""The messages of Prometheus remote write 1.0, as protobuf classes.

Field numbers are those of prometheus/prompb (remote.proto, types.proto); they are declared here so that no compiler is
needed.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_TYPES = {
    "string": 9, "double": 1, "int64": 3, "uint64": 4, "uint32": 13, "sint32": 17, "sint64": 18, "int32": 5,
}  # fmt: skip

_MESSAGES: dict[str, tuple[tuple[int, str, str], ...]] = {
    "Label": ((1, "name", "string"), (2, "value", "string")),
    "Sample": ((1, "value", "double"), (2, "timestamp", "int64")),
    "Exemplar": ((1, "labels", "*Label"), (2, "value", "double"), (3, "timestamp", "int64")),
    "BucketSpan": ((1, "offset", "sint32"), (2, "length", "uint32")),
    "Histogram": (
        (1, "count_int", "uint64|count"), (2, "count_float", "double|count"), (3, "sum", "double"),
        (4, "schema", "sint32"), (5, "zero_threshold", "double"), (6, "zero_count_int", "uint64|zero_count"),
        (7, "zero_count_float", "double|zero_count"), (8, "negative_spans", "*BucketSpan"),
        (9, "negative_deltas", "*sint64"), (10, "negative_counts", "*double"), (11, "positive_spans", "*BucketSpan"),
        (12, "positive_deltas", "*sint64"), (13, "positive_counts", "*double"), (14, "reset_hint", "int32"),
        (15, "timestamp", "int64"), (16, "custom_values", "*double"),
    ),
    "TimeSeries": (
        (1, "labels", "*Label"), (2, "samples", "*Sample"), (3, "exemplars", "*Exemplar"),
        (4, "histograms", "*Histogram"),
    ),
    "MetricMetadata": (
        (1, "type", "int32"), (2, "metric_family_name", "string"), (4, "help", "string"), (5, "unit", "string"),
    ),
    "WriteRequest": ((1, "timeseries", "*TimeSeries"), (3, "metadata", "*MetricMetadata")),
}  # fmt: skip
"""Fields by message: number, name, and type; ``*`` repeats, ``|`` names the oneof it belongs to."""

_PACKAGE = "ktlo.prometheus"


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="ktlo/prometheus.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        oneofs: list[str] = []
        for number, called, told in fields:
            kind, _, oneof = told.removeprefix("*").partition("|")
            field = message.field.add(name=called, number=number, label=3 if told.startswith("*") else 1)
            if kind in _TYPES:
                field.type = _TYPES[kind]
            else:
                field.type, field.type_name = 11, f".{_PACKAGE}.{kind}"
            if oneof:
                if oneof not in oneofs:
                    oneofs.append(oneof)
                    message.oneof_decl.add(name=oneof)
                field.oneof_index = oneofs.index(oneof)
    return file


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_file())


def _message(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


WriteRequest = _message("WriteRequest")
"""``prometheus.WriteRequest``."""
Histogram = _message("Histogram")
"""``prometheus.Histogram``: a native one."""
