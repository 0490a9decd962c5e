"""All metrics of services as something to read: what they mean, who reports them, how many series they are."""

from __future__ import annotations

from dataclasses import dataclass

from ktlo.report.charts import COUNT, Heading, Row, Table, written
from ktlo.report.pieces import Answer, Known
from ktlo.report.services import Href, stretch_text
from ktlo.store.protocol import Queryable
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.metrics_catalogue import MOST, Guilt, Metric, guilty, metrics


@dataclass(frozen=True, slots=True)
class MetricsView:
    """The list of metrics.

    Attributes:
        answer: first line.
        table: metrics.
        cardinality: the metrics of most series with the guilty label.
        known: what it rests on.
        is_empty: nothing was reported.
    """

    answer: Answer
    table: Table
    cardinality: Table
    known: Known
    is_empty: bool


def all_metrics(store: Queryable, of: Interval, service: str, href: Href) -> MetricsView:
    """Every metric with points in a stretch; of one service when it is named."""
    everything = metrics(store, of)
    found = [each for each in everything if not service or service in each.services]
    series, fresh = sum(each.series for each in found), sum(each.fresh for each in found)
    services = {name for each in found for name in each.services}
    said = "No service reported a metric"
    if found:
        reporting = "1 service reports" if len(services) == 1 else f"{len(services)} services report"
        said = f"{reporting} {len(found):,} metrics as {written(series, COUNT)} series"
    judged = guilty(store, of, found)
    change = f"{written(fresh, COUNT)} series began within the last day of the stretch" if found else ""
    return MetricsView(
        Answer("What do the services measure?", said, change=f"{change + '; ' if change else ''}{stretch_text(of)}"),
        Table(
            (
                Heading("Metric"), Heading("Type"), Heading("Unit"), Heading("What it is"), Heading("Services"),
                Heading("Series", COUNT), Heading("Newest point"),
            ),
            tuple(_row(each, href) for each in found),
        ),
        _cardinality(judged, href),
        Known(
            definition="Metrics with a point in the stretch, named as Prometheus has them. A series is one metric of"
            " one resource with one set of attributes.",
            sample=f"{series:,} series",
            missing=(f"Only the first {MOST:,} metrics are listed.",) if len(everything) >= MOST else (),
            source="OpenTelemetry specification, Prometheus and OpenMetrics compatibility",
        ),
        not everything,
    )  # fmt: skip


def _row(each: Metric, href: Href) -> Row:
    return Row(
        (
            each.family.prometheus,
            each.family.prometheus_type,
            each.family.unit,
            each.description,
            ", ".join(each.services),
            each.series,
            each.newest,
        ),
        href("/metrics", {"q": each.suggested}),
    )


def _cardinality(judged: list[Guilt], href: Href) -> Table:
    return Table(
        (
            Heading("Metric"), Heading("Series", COUNT), Heading("New in a day", COUNT), Heading("Guilty label"),
            Heading("Its values", COUNT), Heading("It says"),
        ),
        tuple(
            Row(
                (
                    each.metric.family.prometheus,
                    each.metric.series,
                    each.metric.fresh,
                    each.label or "none: one series a resource",
                    each.distinct or None,
                    ("who reports" if each.is_resource else "what is measured") if each.label else "",
                ),
                href("/metrics", {"q": f"count by (job) ({_countable(each.metric)})"}),
            )
            for each in judged
        ),
    )  # fmt: skip


def _countable(metric: Metric) -> str:
    suffix = "_count" if metric.family.kind in ("histogram", "summary", "exponential_histogram") else ""
    return metric.family.prometheus + suffix
