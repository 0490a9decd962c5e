"""All metrics of services as something to read: what they mean, who reports them, how many series they are."""

from __future__ import annotations

from dataclasses import dataclass

from ktlo.report.charts import COUNT, Heading, Row, Table, written
from ktlo.report.pieces import Answer, Known
from ktlo.report.services import Href, stretch_text
from ktlo.store.protocol import Queryable
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.metrics_catalogue import MOST, MOST_SERVICES, Guilt, Metric, guilty, metrics
from ktlo.wording import counted


@dataclass(frozen=True, slots=True)
class MetricsView:
    """The list of metrics.

    Attributes:
        answer: first line.
        table: metrics.
        cardinality: the metrics of most series with the guilty label.
        known: what it rests on.
        is_empty: nothing was reported.
        earlier: where the page before is; empty on the first.
        later: where the next page is; empty on the last.
    """

    answer: Answer
    table: Table
    cardinality: Table
    known: Known
    is_empty: bool
    earlier: str
    later: str


def all_metrics(
    store: Queryable, of: Interval, service: str, text: str, href: Href, page: int = 1
) -> MetricsView:
    """Metrics with points in a stretch; of one service when it is named, with a text in the name when one is given."""
    listed = metrics(store, of, service, text, page)
    found = listed.metrics
    fresh = sum(each.fresh for each in found)
    said = "No service reported a metric"
    if found:
        reporting = {name for each in found for name in each.services}
        many = max(each.reporting for each in (*found, *listed.largest))
        most = max(many, len(reporting))
        services = f"{counted(most, 'services')} {'reports' if most == 1 else 'report'}"
        if many > MOST_SERVICES:
            services = f"At least {counted(many, 'services')} report"
        said = f"{services} {counted(listed.among, 'metrics')} as {written(listed.series, COUNT)} series"
        if listed.pages > 1:
            said += f"; this is page {listed.page:,} of {listed.pages:,}"
    judged = guilty(store, of, listed.largest)
    where = " of this page" if listed.pages > 1 else ""
    change = (
        f"{written(fresh, COUNT)} series{where} began within the last day of the stretch" if found else ""
    )
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
            sample=f"{listed.series:,} series",
            missing=(f"{MOST:,} metrics by name are on a page; a part of the name finds any.",)
            if listed.pages > 1
            else (),
            source="OpenTelemetry specification, Prometheus and OpenMetrics compatibility",
        ),
        not found and not service and not text.strip(),
        _page(href, service, text, listed.page - 1) if listed.page > 1 else "",
        _page(href, service, text, listed.page + 1) if listed.page < listed.pages else "",
    )  # fmt: skip


def _page(href: Href, service: str, text: str, page: int) -> str:
    return href("/metrics/all", {"service": service, "q": text.strip(), "page": str(page)})


def _row(each: Metric, href: Href) -> Row:
    return Row(
        (
            each.family.prometheus,
            each.family.prometheus_type,
            each.family.unit,
            each.description,
            ", ".join(each.services)
            + (
                f" and {each.reporting - len(each.services):,} more" if each.reporting > MOST_SERVICES else ""
            ),
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
