"""The rolling plan: what comes first, how large a step is, what is left out, and how many a week."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.metrics.question import Dimension, Question
from ktlo.planning import updates
from ktlo.planning.updates import Past, Stride, plan_updates, stride_of

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
OLD = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
QUESTION = Question(NOW - dt.timedelta(days=90), NOW, NOW)


def locked(package: str, version: str, newer: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """A locked version of two years ago, and newer ones, each half a year after the one before."""
    dates = tuple((OLD + dt.timedelta(days=182 * (n + 1))).isoformat() for n in range(len(newer)))
    return {
        "repository": "acme/shop", "path": "uv.lock", "ecosystem": "PyPI", "package": package, "version": version,
        "relation": "direct", "scope": "production", "service": "shop", "team": "Storefront", "newer": newer,
        "newer_at": dates, "released_at": OLD if newer else None, "unknown": "" if newer else "no index", **more,
    }  # fmt: skip


def finding(package: str, rule: str, level: str, version: str, fixed: str, **more: Any) -> dict[str, Any]:
    return {
        "repository": "acme/shop", "path": "uv.lock", "ecosystem": "PyPI", "package": package, "version": version,
        "rule": rule, "level": level, "fixed_version": fixed, **more,
    }  # fmt: skip


def stretch(package: str, version: str, since: int, until: int | None) -> dict[str, Any]:
    return {
        "repository": "acme/shop", "path": "uv.lock", "ecosystem": "PyPI", "package": package, "version": version,
        "since_at": OLD + dt.timedelta(days=since), "since_sha": f"{package}-{since}",
        "until_at": None if until is None else OLD + dt.timedelta(days=until),
    }  # fmt: skip


class Records:
    """Answers the questions of the plan from lists."""

    def __init__(self, rows=(), findings=(), past=(), runs=()) -> None:
        self._answers = {
            updates._LOCKED: list(rows), updates._FINDINGS: list(findings),
            updates._PAST: list(past), updates._RUNS: list(runs),
        }  # fmt: skip

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        return pa.Table.from_pylist(self._answers[sql])


def planned(per_week: int = 5, **records: Any) -> list[tuple[str, str, int]]:
    plan = plan_updates(Records(**records), QUESTION, per_week)
    return [(one.package, one.target, one.week) for one in plan.updates]


@pytest.mark.parametrize(
    ("version", "target", "stride"),
    [
        ("1.2.3", "1.2.4", Stride.PATCH), ("1.2.3", "1.3.0", Stride.MINOR), ("1.2.3", "2.0.0", Stride.MAJOR),
        ("0.2.3", "0.3.0", Stride.MAJOR), ("0.2.3", "0.2.4", Stride.PATCH), ("1.2", "1.2.0.post1", Stride.PATCH),
        ("2023.7", "2024.2", Stride.MAJOR), ("v1.2.3", "v1.2.9", Stride.PATCH),
    ],
)  # fmt: skip
def test_how_large_a_step_is(version: str, target: str, stride: Stride) -> None:
    assert stride_of(version, target) is stride


def test_the_smallest_step_there_is_comes_first() -> None:
    assert planned(rows=[locked("left", "1.2.3", ("1.2.4", "1.2.5", "1.3.0", "2.0.0"))]) == [
        ("left", "1.2.5", 1)
    ]
    assert planned(rows=[locked("left", "1.2.3", ("1.3.0", "1.4.0", "2.0.0"))]) == [("left", "1.4.0", 1)]
    assert planned(rows=[locked("left", "1.2.3", ("2.0.0",))]) == [("left", "2.0.0", 1)]


def test_what_ends_a_finding_comes_first_and_goes_no_further_than_it_must() -> None:
    rows = [locked("calm", "1.0.0", ("1.0.1",)), locked("left", "1.0.0", ("1.0.1", "1.1.0", "2.0.0"))]
    found = [finding("left", "CVE-1", "medium", "1.0.0", "1.0.5")]
    assert planned(rows=rows, findings=found) == [("left", "1.1.0", 1), ("calm", "1.0.1", 1)]


def test_one_step_ends_all_findings_of_a_package() -> None:
    found = [
        finding("left", "CVE-1", "low", "1.0.0", "1.0.5"), finding("left", "CVE-2", "high", "1.0.0", "1.9.0"),
        finding("left", "CVE-3", "low", "1.0.0", "1.10.0"),
    ]  # fmt: skip
    plan = plan_updates(Records(rows=[locked("left", "1.0.0")], findings=found), QUESTION, 5)
    (one,) = plan.updates
    assert (one.target, one.level) == ("1.10.0", "high")
    assert one.ends == ("CVE-1", "CVE-2", "CVE-3")
    assert one.libyears is None, "without dates nothing is gained that could be told"


def test_worse_findings_come_first() -> None:
    rows = [locked(name, "1.0.0") for name in ("a", "b", "c")]
    found = [
        finding(name, f"CVE-{name}", level, "1.0.0", "2.0.0")
        for name, level in (("a", "low"), ("b", "critical"), ("c", "high"))
    ]
    assert [one[0] for one in planned(rows=rows, findings=found)] == ["b", "c", "a"]


def test_what_no_version_ends_is_told() -> None:
    plan = plan_updates(
        Records(
            rows=[locked("left", "1.0.0", ("1.0.1",))],
            findings=[finding("left", "CVE-1", "high", "1.0.0", "")],
        ),
        QUESTION,
        5,
    )
    assert plan.updates == ()
    assert plan.stuck[0].rules == ("CVE-1",)


def test_a_finding_of_another_version_of_the_package_is_not_this_one_s() -> None:
    rows = [locked("left", "1.0.0"), locked("left", "3.0.0")]
    found = [finding("left", "CVE-1", "high", "1.0.0", "2.0.0")]
    assert planned(rows=rows, findings=found) == [("left", "2.0.0", 1)]


def test_transitive_packages_are_left_to_what_asks_for_them_unless_they_end_a_finding() -> None:
    rows = [locked("deep", "1.0.0", ("1.0.1",), relation="transitive")]
    assert planned(rows=rows) == []
    assert planned(rows=rows, findings=[finding("deep", "CVE-1", "low", "1.0.0", "1.0.1")]) == [
        ("deep", "1.0.1", 1)
    ]


def test_smaller_steps_come_before_larger_ones_and_more_gain_before_less() -> None:
    rows = [
        locked("major", "1.0.0", ("2.0.0", "2.1.0", "2.2.0")), locked("minor", "1.0.0", ("1.1.0",)),
        locked("little", "1.0.0", ("1.0.1",)), locked("much", "1.0.0", ("1.0.1", "1.0.2", "1.0.3")),
        locked("tool", "1.0.0", ("1.0.1",), scope="development"),
    ]  # fmt: skip
    assert [one[0] for one in planned(rows=rows)] == ["much", "little", "minor", "major", "tool"]


def test_a_package_whose_updates_were_taken_back_waits() -> None:
    rows = [locked("calm", "1.2.0", ("1.2.1",)), locked("wild", "1.2.0", ("1.2.1",))]
    past = [
        stretch("calm", "1.0.0", 0, 100), stretch("calm", "1.1.0", 100, 200), stretch("calm", "1.2.0", 200, None),
        stretch("wild", "1.0.0", 0, 100), stretch("wild", "1.1.0", 100, 110), stretch("wild", "1.0.0", 110, 200),
        stretch("wild", "1.2.0", 200, None),
    ]  # fmt: skip
    plan = plan_updates(Records(rows=rows, past=past), QUESTION, 5)
    assert [(one.package, one.past) for one in plan.updates] == [
        ("calm", Past(updates=2)), ("wild", Past(updates=2, taken_back=1)),
    ]  # fmt: skip
    assert "1 of 2 earlier updates were taken back" in plan.updates[1].why


def test_failed_runs_of_the_build_count_against_a_package() -> None:
    rows = [locked("calm", "1.1.0", ("1.1.1",)), locked("wild", "1.1.0", ("1.1.1",))]
    past = [
        stretch("calm", "1.0.0", 0, 100), stretch("calm", "1.1.0", 100, None),
        stretch("wild", "1.0.0", 0, 90), stretch("wild", "1.1.0", 90, None),
    ]  # fmt: skip
    runs = [
        {"repository": "acme/shop", "sha": "calm-100", "failed": 0},
        {"repository": "acme/shop", "sha": "wild-90", "failed": 1},
    ]
    plan = plan_updates(Records(rows=rows, past=past, runs=runs), QUESTION, 5)
    assert [(one.package, one.past.failed, one.past.judged) for one in plan.updates] == [
        ("calm", 0, 1), ("wild", 1, 1),
    ]  # fmt: skip


def test_two_versions_side_by_side_are_no_update() -> None:
    past = [stretch("left", "1.0.0", 0, None), stretch("left", "2.0.0", 50, None)]
    plan = plan_updates(Records(rows=[locked("left", "1.0.0", ("1.0.1",))], past=past), QUESTION, 5)
    assert plan.updates[0].past == Past()


@given(st.integers(1, 7), st.integers(0, 40))
def test_no_week_holds_more_than_it_may_and_none_is_skipped(per_week: int, packages: int) -> None:
    rows = [locked(f"p{number:02}", "1.0.0", ("1.0.1",)) for number in range(packages)]
    weeks = [week for _, _, week in planned(per_week, rows=rows)]
    assert len(weeks) == packages
    assert weeks == sorted(weeks)
    assert all(weeks.count(week) == per_week for week in set(weeks[:-1]) - set(weeks[-1:]))
    assert set(weeks) == set(range(1, max(weeks, default=0) + 1))


def test_each_repository_has_its_own_weeks() -> None:
    rows = [
        locked("left", "1.0.0", ("1.0.1",)), locked("right", "1.0.0", ("1.0.1",)),
        locked("left", "1.0.0", ("1.0.1",), repository="acme/search"),
    ]  # fmt: skip
    assert sorted(week for _, _, week in planned(1, rows=rows)) == [1, 1, 2]


def test_filters_hold() -> None:
    rows = [locked("left", "1.0.0", ("1.0.1",)), locked("right", "1.0.0", ("1.0.1",), team="Discovery")]
    asked = Question(QUESTION.start, NOW, NOW, only={Dimension.TEAM: ("Discovery",)})
    assert [one.package for one in plan_updates(Records(rows=rows), asked, 5).updates] == ["right"]


@pytest.mark.parametrize(
    ("past", "risk"), [(Past(), 0.5), (Past(updates=2), 0.25), (Past(updates=2, taken_back=1), 0.5)]
)
def test_few_updates_say_little(past: Past, risk: float) -> None:
    """The rule of succession: (1 + 1 bad) of (2 + 2)."""
    assert past.risk == risk
