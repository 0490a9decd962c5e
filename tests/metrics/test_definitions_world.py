"""Every metric against the small world: numbers by hand, filters, groups, buckets, rows, comparisons."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from world import END, NOW, PERIOD, START

from ktlo.errors import UsageError
from ktlo.metrics.ask import Answer, Figure, ask, fetch, rows_behind
from ktlo.metrics.question import Dimension, Grain, Question
from ktlo.metrics.registry import definition, definitions
from ktlo.metrics.remembering import Remembering
from ktlo.store.embedded import EmbeddedStore

GOLDEN = Path(__file__).parents[1] / "golden" / "metrics_world.txt"
GRAINS = {"daily": Grain.DAY, "weekly": Grain.WEEK, "monthly": Grain.MONTH}


@dataclass(frozen=True)
class Expected:
    """One line of the golden table."""

    metric: str
    question: str
    statistic: str
    value: float | None
    n: int
    rows: int | None
    why: str


def _read() -> list[Expected]:
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        if line.strip() and not line.startswith("#"):
            metric, question, statistic, value, n, rows, why = (cell.strip() for cell in line.split("|", 6))
            found.append(
                Expected(
                    metric,
                    question,
                    statistic,
                    None if value == "-" else float(value),
                    int(n),
                    None if rows == "." else int(rows),
                    why,
                )
            )
    return found


TABLE = _read()


def _asked(text: str) -> tuple[Question, str]:
    """The question of a line, and which group or bucket of its answer is meant."""
    if text == "all":
        return PERIOD, ""
    first, _, meant = text.partition(": ")
    if first in GRAINS:
        return replace(PERIOD, grain=GRAINS[first]), meant
    if first.startswith("by "):
        return replace(PERIOD, by=Dimension(first[3:])), meant
    filters = (part.split("=") for part in text.split())
    return replace(PERIOD, only={Dimension(name): tuple(said.split(",")) for name, said in filters}), ""


def _figure(answer: Answer, meant: str) -> Figure:
    if not meant:
        return answer.figures[0]
    found = [figure for figure in answer.figures if meant in (figure.group, f"{figure.start:%Y-%m-%d}")]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    "line", TABLE, ids=[f"{line.metric} {line.question} {line.statistic}" for line in TABLE]
)
def test_a_number_worked_out_by_hand_is_the_number_shown(line: Expected, world_store: EmbeddedStore) -> None:
    defined = definition(line.metric)
    question, meant = _asked(line.question)
    found = _figure(ask(world_store, defined, question), meant).statistics[line.statistic]
    assert found.n == line.n, line.why
    if line.value is None:
        assert found.value is None
        assert found.reason
    else:
        assert found.value == pytest.approx(line.value, rel=1e-5), line.why
        assert found.low is None or found.low <= found.value
        assert found.high is None or found.high >= found.value
    if line.rows is not None:
        assert rows_behind(world_store, defined, question).num_rows == line.rows, line.why


def test_every_metric_is_in_the_golden_table() -> None:
    assert {line.metric for line in TABLE} == set(definitions())


# One metric for each SELECT: the others share its rows.
OF_EACH_KIND = (
    "time_to_restore",
    "downtime",
    "service_levels_met",
    "deployment_frequency",
    "lead_time_for_changes",
    "unattributed_incidents",
    "failed_attempts",
    "bug_net_flow",
    "person_days",
    "hotspots",
    "dependency_age",
    "marker_age",
    "complexity_trend",
    "open_findings",
    "locked_age",
    "libyears",
)


def test_a_group_is_what_the_filter_for_it_gives(world_store: EmbeddedStore) -> None:
    store = Remembering(world_store)
    assert {definition(name).sql for name in OF_EACH_KIND} == {each.sql for each in definitions().values()}
    for defined in map(definition, OF_EACH_KIND):
        for dimension in defined.dimensions:
            grouped = ask(store, defined, replace(PERIOD, by=dimension)).figures
            assert len({figure.group for figure in grouped}) == len(grouped) > 0
            smallest = grouped[-1]
            only = ask(store, defined, replace(PERIOD, only={dimension: (smallest.group,)}))
            assert only.figures[0].statistics == smallest.statistics, f"{defined.name} by {dimension}"


@pytest.mark.parametrize("dimension", list(Dimension))
def test_filters_part_the_rows_behind_a_metric_without_loss_or_repetition(
    dimension: Dimension, world_store: EmbeddedStore
) -> None:
    for defined in map(definition, OF_EACH_KIND):
        if dimension in defined.dimensions:
            rows = fetch(world_store, defined, PERIOD)
            parts = {
                value: len(fetch(world_store, defined, replace(PERIOD, only={dimension: (value,)})))
                for value in rows.groups(dimension.value)
            }
            assert sum(parts.values()) == len(rows), f"{defined.name} by {dimension}: {parts}"


@pytest.mark.parametrize("grain", list(Grain))
@pytest.mark.parametrize(
    ("metric", "statistic"),
    [
        ("incidents", "count"),
        ("bug_net_flow", "opened"),
        ("bug_net_flow", "closed"),
        ("bug_net_flow", "net"),
        ("person_days", "total"),
        ("downtime", "total"),
        ("downtime", "outages"),
    ],
)
def test_the_buckets_of_a_series_add_up_to_the_period(
    metric: str, statistic: str, grain: Grain, world_store: EmbeddedStore
) -> None:
    odd = replace(PERIOD, start=START + dt.timedelta(hours=13), end=END - dt.timedelta(hours=7))
    for question in (PERIOD, odd):
        whole = ask(world_store, definition(metric), question).figures[0].statistics[statistic].value
        series = ask(world_store, definition(metric), replace(question, grain=grain)).figures
        assert [figure.start for figure in series[1:]] == [figure.end for figure in series[:-1]]
        assert (series[0].start, series[-1].end) == (question.start, question.end)
        # A bucket with nothing to report has no value; it adds nothing.
        parts = [figure.statistics[statistic].value or 0.0 for figure in series]
        assert sum(parts) == pytest.approx(whole)


def test_an_outage_without_an_end_is_counted_as_censored_in_the_periods_that_it_reaches(
    world_store: EmbeddedStore,
) -> None:
    def still_open(**changed: object) -> int:
        question = replace(PERIOD, **changed)  # type: ignore[arg-type]
        statistics = ask(world_store, definition("downtime"), question).figures[0].statistics
        assert statistics["total"].censored == statistics["outages"].censored
        return statistics["outages"].censored

    # O4 is last known at noon of 1 February; by then it is not known to have ended.
    assert still_open() == 1
    assert still_open(only={Dimension.SERVICE: ("shop",)}) == 0
    assert still_open(end=END - dt.timedelta(days=1)) == 0


def test_open_bugs_at_the_end_are_those_at_the_start_plus_opened_minus_closed(
    world_store: EmbeddedStore,
) -> None:
    # Records that contradict themselves are left aside: closed before opened, closed nobody knows when.
    only = {Dimension.REPOSITORY: ("acme/shop", "acme/search")}
    question = replace(PERIOD, only=only, grain=Grain.WEEK)
    flow = ask(world_store, definition("bug_net_flow"), question).figures
    ages = ask(world_store, definition("bug_age"), question).figures
    open_before = 1.0  # B1
    for moved, age in zip(flow, ages, strict=True):
        open_now = age.statistics["open"].value
        opened, closed = moved.statistics["opened"].value, moved.statistics["closed"].value
        assert opened is not None
        assert closed is not None
        assert open_now == open_before + opened - closed
        open_before = open_now


def test_the_rows_behind_person_days_and_the_share_add_up_to_the_days(world_store: EmbeddedStore) -> None:
    half_day = replace(PERIOD, start=START + dt.timedelta(hours=12))
    for question in (PERIOD, half_day):
        total = ask(world_store, definition("person_days"), question).figures[0].statistics["total"]
        rows = rows_behind(world_store, definition("person_days"), question)
        assert sum(rows["person_days"].to_pylist()) == pytest.approx(total.value)
        assert rows.num_rows == total.n


def test_a_period_that_has_not_begun_has_no_number(world_store: EmbeddedStore) -> None:
    future = replace(PERIOD, start=NOW + dt.timedelta(days=5), end=NOW + dt.timedelta(days=12))
    for defined in definitions().values():
        if defined.snapshot:
            continue
        headline = ask(world_store, defined, future).headline(defined)
        assert not headline.value, f"{defined.name}: {headline}"
        assert rows_behind(world_store, defined, future).num_rows == 0, defined.name


def test_records_dated_after_the_moment_of_asking_do_not_count(world_store: EmbeddedStore) -> None:
    early = replace(PERIOD, now=START + dt.timedelta(days=7))
    counted = ask(world_store, definition("incidents"), early).headline(definition("incidents"))
    assert (counted.value, counted.n) == (2.0, 2)
    rate = ask(world_store, definition("incidents"), early).figures[0].statistics["per_week"]
    assert rate.value == pytest.approx(2.0)


def test_an_incident_that_ended_without_acknowledgement_is_no_open_one_in_curves_and_comparisons(
    world_store: EmbeddedStore,
) -> None:
    for name in ("time_to_acknowledge", "time_to_mitigate"):
        defined = definition(name)
        rows = fetch(world_store, defined, PERIOD)
        found = ask(world_store, defined, PERIOD).headline(defined)
        assert defined.curve is not None
        curve = defined.curve(rows, PERIOD.window)
        assert (curve.n, curve.censored) == (found.n, found.censored)
    defined = definition("time_to_acknowledge")
    assert defined.compare is not None
    rows = fetch(world_store, defined, PERIOD)
    verdict = defined.compare(rows, PERIOD.window, rows, PERIOD.window)
    assert verdict.difference.n == 2 * ask(world_store, defined, PERIOD).headline(defined).n


def test_a_comparison_is_with_the_period_of_the_same_length_before(world_store: EmbeddedStore) -> None:
    week = replace(PERIOD, start=END - dt.timedelta(days=7))
    verdict = ask(world_store, definition("incidents"), week).comparison
    assert verdict is not None
    assert verdict.difference.n == 1 + 4  # I12; I5, I7, I8, I9


def test_nothing_is_compared_with_a_time_that_was_not_recorded(world_store: EmbeddedStore) -> None:
    # The first incident is of the evening before the period: four weeks without any may be four unrecorded.
    assert ask(world_store, definition("incidents"), PERIOD).comparison is None


def test_freshness_is_that_of_the_sources_that_feed_the_metric(world_store: EmbeddedStore) -> None:
    found = ask(world_store, definition("incidents"), PERIOD).collected_at
    assert found == NOW - dt.timedelta(hours=12)


def test_what_a_metric_does_not_have_is_refused_with_what_it_has(world_store: EmbeddedStore) -> None:
    with pytest.raises(UsageError, match="cannot be grouped by category") as grouped:
        ask(world_store, definition("incidents"), replace(PERIOD, by=Dimension.CATEGORY))
    assert "service" in str(grouped.value.fix)
    with pytest.raises(UsageError, match="cannot be filtered by severity"):
        ask(world_store, definition("ktlo_share"), replace(PERIOD, only={Dimension.SEVERITY: ("sev1",)}))
    with pytest.raises(UsageError, match="too many"):
        ask(
            world_store,
            definition("hotspots"),
            replace(PERIOD, start=END - dt.timedelta(days=700), grain=Grain.DAY),
        )


def test_values_of_filters_are_data_and_never_sql(world_store: EmbeddedStore) -> None:
    nasty = ("x' OR 1=1 --", "\\", "{start:String}", "a\nb", "');DROP TABLE ktlo.incidents_log;--")
    question = replace(PERIOD, only={Dimension.SERVICE: nasty})
    assert ask(world_store, definition("incidents"), question).figures[0].statistics["count"].value == 0


def test_a_page_that_asks_twice_gets_the_same_answer_from_memory(world_store: EmbeddedStore) -> None:
    remembering = Remembering(world_store)
    first = ask(remembering, definition("incidents"), PERIOD)
    assert ask(remembering, definition("incidents"), PERIOD) == first
    narrowed = replace(PERIOD, only={Dimension.SEVERITY: ("sev1",)})
    assert ask(remembering, definition("incidents"), narrowed).figures[0].statistics["count"].value == 3
