"""OpenTelemetry's names as Prometheus has them.

Rules: OpenTelemetry specification, "Prometheus and OpenMetrics compatibility": characters that Prometheus 2 does not
allow become ``_``, the unit in words and ``_total`` for counters are appended, ``_ratio`` for gauges of unit 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNITS = {
    "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds",
    "ns": "nanoseconds", "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes",
    "TiBy": "tibibytes", "KBy": "kilobytes", "kBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes",
    "TBy": "terabytes", "bit": "bits", "m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts",
    "g": "grams", "Cel": "celsius", "Hz": "hertz", "%": "percent",
}  # fmt: skip
_PER = {
    "s": "second",
    "m": "minute",
    "min": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "mo": "month",
    "y": "year",
}
_OTHER = re.compile(r"[^a-zA-Z0-9_:]")
_LABEL_OTHER = re.compile(r"[^a-zA-Z0-9_]")
_MANY = re.compile(r"__+")
_BRACED = re.compile(r"\{[^}]*\}")
_KEPT_SUFFIXES = ("_total", "_bucket", "_count", "_sum", "_created", "_info")


def label_name(attribute: str) -> str:
    """An attribute's key as a label: ``http.route`` becomes ``http_route``."""
    name = _LABEL_OTHER.sub("_", attribute)
    return f"key_{name}" if name[:1].isdigit() else name


def unit_words(unit: str) -> str:
    """A UCUM unit as the suffix of a name: ``By/s`` becomes ``bytes_per_second``; empty for none."""
    main, _, per = _BRACED.sub("", unit).strip().partition("/")
    words = [] if main in ("", "1") else [_UNITS.get(main, _LABEL_OTHER.sub("_", main))]
    if per:
        words += ["per", _PER.get(per, _UNITS.get(per, _LABEL_OTHER.sub("_", per)))]
    return "_".join(words).strip("_")


def metric_name(name: str, unit: str, kind: str, *, monotonic: bool) -> str:
    """A metric's name in Prometheus, without the suffixes of histograms.

    Args:
        name: OTLP's.
        unit: UCUM.
        kind: type of the metric.
        monotonic: for a sum, whether it only grows.
    """
    said = _MANY.sub("_", _OTHER.sub("_", name)).strip("_") if _OTHER.search(name) else name
    said = f"_{said}" if said[:1].isdigit() else said
    is_counter = kind == "sum" and monotonic
    # Prometheus' own names come with their suffixes; a bucket must not become a bucket_total.
    if said.endswith(_KEPT_SUFFIXES) and not (is_counter and said.endswith("_total")):
        return said
    stem = said.removesuffix("_total") if is_counter else said
    suffix = unit_words(unit)
    parts = stem.split("_")
    if suffix and not stem.endswith(suffix) and not all(word in parts for word in suffix.split("_")):
        stem = f"{stem}_{suffix}"
    if unit.strip() == "1" and kind == "gauge" and "ratio" not in parts:
        stem = f"{stem}_ratio"
    return f"{stem}_total" if is_counter else stem


@dataclass(frozen=True, slots=True)
class Family:
    """All series of one metric.

    Attributes:
        name: OTLP's.
        kind: gauge, sum, histogram, exponential_histogram or summary.
        unit: UCUM.
        temporality: cumulative, delta or empty.
        monotonic: for a sum, whether it only grows.
    """

    name: str
    kind: str
    unit: str
    temporality: str
    monotonic: bool

    @property
    def prometheus(self) -> str:
        """Its name in Prometheus, without the suffixes of histograms."""
        return metric_name(self.name, self.unit, self.kind, monotonic=self.monotonic)

    @property
    def prometheus_type(self) -> str:
        """Its type as Prometheus' metadata call it."""
        if self.kind == "sum":
            return "counter" if self.monotonic else "gauge"
        return "histogram" if self.kind == "exponential_histogram" else self.kind

    def exposed(self) -> tuple[Exposed, ...]:
        """The metrics that a person can ask for, under both names."""
        parts: tuple[tuple[str, str], ...] = (("", "value"),)
        if self.kind == "histogram":
            parts = (("_bucket", "bucket"), ("_count", "count"), ("_sum", "sum"))
        elif self.kind == "exponential_histogram":
            parts = (("", "native"), ("_count", "count"), ("_sum", "sum"))
        elif self.kind == "summary":
            parts = (("", "quantile"), ("_count", "count"), ("_sum", "sum"))
        return tuple(Exposed(self, self.prometheus + s, self.name + s, part) for s, part in parts)


@dataclass(frozen=True, slots=True)
class Exposed:
    """A metric as PromQL sees it.

    Attributes:
        family: what it is a part of.
        name: in Prometheus' letters.
        raw: in OpenTelemetry's, for ``{"http.server.request.duration_count"}``.
        part: value, bucket, count, sum, native or quantile.
    """

    family: Family
    name: str
    raw: str
    part: str
