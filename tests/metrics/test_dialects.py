"""Metrics as other products define them: by hand, and that the causes of a difference add up to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dialects_world
import pytest
from dialects_world import FORTNIGHT
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.errors import NotFoundError, UsageError
from ktlo.metrics.ask import ask
from ktlo.metrics.dialects.explain import (
    COMPARED,
    Explained,
    compared,
    dialect_named,
    explain,
    explained,
    say,
)
from ktlo.metrics.dialects.facts import Deployed, Facts, Harm, Merged, Solved
from ktlo.metrics.dialects.recipe import Aspect, Dialect, banded
from ktlo.metrics.dialects.statistics import (
    DAY,
    half_up,
    interpolated_median,
    lower_median,
    median_of_daily_medians,
    started,
    whole,
)
from ktlo.metrics.question import Dimension, Question
from ktlo.metrics.registry import definition
from ktlo.store.embedded import EmbeddedStore

GOLDEN = Path(__file__).parents[1] / "golden" / "dialects.txt"


def by_hand() -> list[tuple[str, str, float, str]]:
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    cells = [
        [cell.strip() for cell in line.split("|")] for line in lines if line and not line.startswith("#")
    ]
    return [(metric, dialect, float(value), shown) for metric, dialect, value, shown, _ in cells]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Explained]]:
    store = EmbeddedStore(tmp_path_factory.mktemp("fortnight"))
    store.migrate()
    dialects_world.fill(store)
    answers = {name: explain(store, metric, FORTNIGHT) for name, metric in COMPARED.items()}
    answers["elsewhere"] = explain(
        store,
        COMPARED["time_to_restore"],
        Question(
            FORTNIGHT.start, FORTNIGHT.end, FORTNIGHT.now, {Dimension.SERVICE: ("other",)}, by=Dimension.TEAM
        ),
    )
    for name, metric in COMPARED.items():
        defined = definition(metric.own)
        figures = ask(store, defined, FORTNIGHT).figures[0].statistics
        own = figures["per_week" if name == "deployment_frequency" else defined.headline].value
        assert answers[name].own.measured.value == pytest.approx(own), f"{name} is not ktlo's own number"
        alone = {told.dialect: (told.measured, told.shown) for told in answers[name].told}
        assert say(store, metric, FORTNIGHT) == alone, f"{name} without causes is another number"
    yield answers
    store.close()


@pytest.mark.parametrize(("metric", "dialect", "value", "shown"), by_hand())
def test_every_number_is_as_worked_out_by_hand(
    found: dict[str, Explained], metric: str, dialect: str, value: float, shown: str
) -> None:
    told = next(one for one in found[metric].told if one.dialect == dialect)
    assert told.measured.value == pytest.approx(value, rel=1e-9)
    assert told.shown.text == shown


def test_every_dialect_of_every_metric_is_in_the_golden_table() -> None:
    expected = {(name, dialect.value) for name, metric in COMPARED.items() for dialect in metric.spoken}
    assert {(metric, dialect) for metric, dialect, _, _ in by_hand()} == expected


# When a bug was opened and closed, until when it is known, whether it is over: what ktlo counts, and what DevLake does.
LIVES: list[tuple[float, float | None, float, bool, float | None, float | None]] = [
    (10, 40, 500, True, 30, 30),
    (10, 300, 500, True, 290, None),  # closed after the period
    (10, 90, 60, True, 50, 80),  # closed after its source last told: open for ktlo
    (10, 60, 60, True, 50, 50),  # closed at the moment at which it last told
    (20, 20, 500, True, 0, 0),
    (10, None, 500, False, 490, None),
    (10, None, 60, False, 50, None),
    (10, None, 500, True, None, None),  # over, and nobody says since when
    (50, 40, 500, True, None, -10),  # closed before it was opened
    (0, 40, 500, True, 40, 40),  # the first moment of the period is in it
    (100, 400, 500, True, None, None),  # the first moment after it is not
    (-5, 0, 500, True, None, 5),
    (-5, 100, 500, True, None, None),
]


@pytest.mark.parametrize(("opened", "closed", "known", "is_over", "ktlo", "devlake"), LIVES)
def test_a_bug_counts_by_its_own_life(
    opened: float,
    closed: float | None,
    known: float,
    is_over: bool,
    ktlo: float | None,
    devlake: float | None,
) -> None:
    one = Solved(
        "t", "1", "bug", "", opened * DAY, None if closed is None else closed * DAY, is_over, known * DAY
    )
    asked = Question(*(dt.datetime.fromtimestamp(day * DAY, dt.UTC) for day in (0, 100, 1000)))
    told = {
        each.dialect: each
        for each in explained(Facts(bugs=(one,)), COMPARED["bug_time_to_close"], asked).told
    }
    for dialect, days in ((Dialect.KTLO, ktlo), (Dialect.DEVLAKE, devlake)):
        assert [row.amount for row in told[dialect].measured.rows] == ([] if days is None else [days * DAY])
    assert all(
        row.is_open is not (closed is not None and closed <= known)
        for row in told[Dialect.KTLO].measured.rows
    )


def test_each_cause_names_its_rows(found: dict[str, Explained]) -> None:
    gitlab = next(one for one in found["time_to_restore"].told if one.dialect is Dialect.GITLAB)
    causes = {cause.aspects: cause for cause in gitlab.causes}
    left_out = causes[(Aspect.POPULATION,)]
    assert [row.external_id for row in left_out.went] == ["I3"]
    assert [row.external_id for row in left_out.came] == ["I5"]
    assert [(was.amount, row.amount) for was, row in causes[(Aspect.CLOCK,)].changed] == [(3600.0, 14400.0)]
    assert [row.external_id for row in causes[(Aspect.WINDOW,)].came] == ["I4"]
    total = sum(cause.difference or 0.0 for cause in gitlab.causes)
    assert gitlab.difference == pytest.approx(total) == pytest.approx(95040 - 259200)


def test_a_filter_narrows_every_dialect_and_what_remains_of_nothing_is_not_zero(
    found: dict[str, Explained],
) -> None:
    shown = {one.dialect: one for one in found["elsewhere"].told}
    assert all(one.measured.value is None and one.measured.reason for one in shown.values())
    assert shown[Dialect.FOURKEYS].shown.text.startswith("One year")
    assert shown[Dialect.DEVLAKE].shown.text == "N/A in the panel; 0 in the monthly chart"
    assert all(one.difference is None for name, one in shown.items() if name is not Dialect.KTLO)


def test_without_deployments_gitlab_divides_by_one_and_others_say_zero() -> None:
    harm = Harm("p", "I", "I", "", "resolved", 10.0, None, 20.0, 20.0, "", 1e9)
    told = explained(Facts((), (harm, harm)), COMPARED["change_failure_rate"], _question(0, 100))
    shown = {one.dialect: one for one in told.told}
    assert shown[Dialect.GITLAB].shown.text.startswith("200%")
    assert shown[Dialect.MIDDLEWARE].shown.text.startswith("0%")
    assert all(one.measured.value is None for one in told.told)


@pytest.mark.parametrize(
    ("value", "band"), [(0.04, "elite"), (0.05, "high"), (0.1, "medium"), (0.15, "low"), (9.0, "low")]
)
def test_a_value_at_a_limit_is_in_the_worse_band_unless_the_limit_is_inside(value: float, band: str) -> None:
    assert banded(value, (0.05, 0.10, 0.15)) == band
    assert banded(0.15, (0.05, 0.10, 0.15), inclusive=True) == "medium"


def test_what_there_is_not_is_said_with_what_there_is() -> None:
    with pytest.raises(NotFoundError) as unknown:
        compared("mood")
    assert "time_to_restore" in unknown.value.fix
    with pytest.raises(UsageError) as stranger:
        dialect_named("jira")
    assert "gitlab" in stranger.value.fix
    assert compared("mttr").name == "time_to_restore"


def test_rounding_goes_the_way_of_each_product() -> None:
    assert (whole(59 * 60.0, 3600), whole(-90.0, 60), whole(119.999, 60)) == (0.0, -60.0, 60.0)
    assert (started(1.0, 60), started(60.0, 60), started(0.0, 60)) == (60.0, 60.0, 0.0)
    assert (half_up(0.25, 0.1), half_up(-2.5), half_up(2.4)) == (pytest.approx(0.3), -3.0, 2.0)
    assert (lower_median([4.0, 1.0, 3.0, 2.0]), interpolated_median([4.0, 1.0, 3.0, 2.0])) == (2.0, 2.5)
    ten_of_one_day = [1.0] * 10 + [100.0]
    assert median_of_daily_medians(ten_of_one_day, [0.0] * 10 + [86400.0]) == pytest.approx(50.5)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=12))
def test_the_lower_median_is_the_largest_value_of_a_percent_rank_up_to_one_half(values: list[int]) -> None:
    n = len(values)
    ranks = {value: (sum(other < value for other in values) / (n - 1) if n > 1 else 0.0) for value in values}
    assert lower_median([float(value) for value in values]) == max(v for v in values if ranks[v] <= 0.5)


def _question(start: float, end: float) -> Question:
    moments = [dt.datetime.fromtimestamp(each, dt.UTC) for each in (start, end, 40 * 86400.0)]
    return Question(*moments)


_MOMENT = st.integers(0, 30 * 24 * 60).map(lambda minute: minute * 60.0)
_MAYBE = st.none() | _MOMENT
_SHA = st.sampled_from(["", *(digit * 40 for digit in "abcdef")])
_NAME = st.integers(0, 10**6).map(str)


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Any rows, sensible or not, within a month."""
    few = st.integers(0, 7)
    deployed = []
    for number in range(draw(few)):
        began = draw(_MOMENT)
        deployed.append(
            Deployed(
                "forge", str(number), "shop", "", draw(st.sampled_from(["", "acme/shop"])), "", draw(_SHA),
                draw(st.sampled_from(["success", "failure", "unknown", "inactive", "in_progress"])),
                draw(st.booleans()), draw(st.booleans()), began, draw(st.none() | st.just(began + 60)),
                draw(st.booleans()), began, draw(st.booleans()), draw(_MAYBE),
            )
        )  # fmt: skip
    incidents = [
        Harm(
            "pager", str(number), "down", "", draw(st.sampled_from(["open", "resolved", "cancelled"])), draw(_MOMENT),
            draw(_MAYBE), draw(_MAYBE), draw(_MAYBE), draw(_SHA), 40 * 86400.0,
        )
        for number in range(draw(few))
    ]  # fmt: skip
    changes = [
        Merged(
            "forge", str(number), "change", "", draw(st.sampled_from(["", "acme/shop"])), draw(_MOMENT),
            draw(_MOMENT), draw(_SHA), tuple(draw(st.lists(_SHA, max_size=2))), draw(_MAYBE), draw(_MAYBE),
            draw(_MAYBE),
        )
        for number in range(draw(few))
    ]  # fmt: skip
    bugs = [
        Solved("t", str(number), "bug", "", draw(_MOMENT), draw(_MAYBE), draw(st.booleans()), 40 * 86400.0)
        for number in range(draw(few))
    ]
    made = {digit * 40: draw(_MOMENT) for digit in "abcd"}
    return Facts(tuple(deployed), tuple(incidents), tuple(changes), made, tuple(bugs))


@pytest.mark.parametrize("name", list(COMPARED))
@settings(max_examples=40, deadline=None)
@given(rows=facts(), period=st.tuples(st.integers(0, 20), st.integers(1, 15)))
def test_the_causes_add_up_to_the_difference_and_their_rows_lead_from_one_to_the_other(
    name: str, rows: Facts, period: tuple[int, int]
) -> None:
    start = period[0] * 86400.0
    answer = explained(rows, COMPARED[name], _question(start, start + period[1] * 86400.0))
    own = answer.own.measured
    for told in answer.told[1:]:
        kept = {row.key: row.amount for row in own.rows}
        for cause in told.causes:
            for row in cause.went:
                del kept[row.key]
            kept |= {row.key: row.amount for row in cause.came}
            kept |= {row.key: row.amount for _, row in cause.changed}
        assert kept == {row.key: row.amount for row in told.measured.rows}
        swapped = [aspect for cause in told.causes for aspect in cause.aspects]
        assert len(swapped) == len(set(swapped))
        if own.value is None or told.measured.value is None:
            assert told.difference is None or not told.causes
        else:
            assert told.difference == pytest.approx(told.measured.value - own.value, abs=1e-6)
