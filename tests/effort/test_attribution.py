"""How a day is split: never more than one person-day, nothing lost, whatever the order."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.effort.activity import Activity
from ktlo.effort.attribution import DAY_OFF, Absence, activity_hours, attribute
from ktlo.settings import EffortSettings

SETTINGS = EffortSettings()
TUESDAY = dt.date(2026, 3, 3)


@dataclass(frozen=True)
class Trace:
    person: str = "ada"
    day: dt.date = TUESDAY
    item_id: str = "a1"
    activity: Activity = Activity.COMMIT
    lines: int = 0


TRACES = st.lists(
    st.builds(
        Trace,
        person=st.sampled_from(["ada", "grace"]),
        day=st.sampled_from([TUESDAY, TUESDAY + dt.timedelta(1)]),
        item_id=st.sampled_from(["a1", "a2", "a3", "9"]),
        activity=st.sampled_from(list(Activity)),
        lines=st.integers(0, 1_000_000),
    ),
    min_size=1,
    max_size=25,
)


def table(traces: list[Trace]) -> pa.Table:
    fixed = {"item_kind": "commit", "source": "git:shop", "repository": "shop", "service": "", "team": "",
             "category": "feature", "layer": "none"}  # fmt: skip
    rows = [
        fixed
        | {
            "person": t.person,
            "day": t.day,
            "item_id": t.item_id,
            "activity": t.activity.value,
            "lines": t.lines,
        }
        for t in traces
    ]
    return pa.Table.from_pylist(rows)


def parts(traces: list[Trace], settings: EffortSettings = SETTINGS) -> dict[tuple[str, dt.date, str], float]:
    rows = attribute(table(traces), settings).to_pylist()
    return {(row["person"], row["day"], row["item_id"]): row["person_days"] for row in rows}


def days(found: dict[tuple[str, dt.date, str], float]) -> dict[tuple[str, dt.date], float]:
    total: dict[tuple[str, dt.date], float] = {}
    for (person, day, _), part in found.items():
        total[person, day] = total.get((person, day), 0.0) + part
    return total


@given(TRACES)
def test_nobodys_day_is_longer_than_one_person_day(traces: list[Trace]) -> None:
    assert all(0 < whole <= 1 + 1e-9 for whole in days(parts(traces)).values())


@given(TRACES)
def test_a_full_day_is_split_without_loss_and_a_short_one_keeps_its_length(traces: list[Trace]) -> None:
    found = days(parts(traces))
    uncapped = days(parts(traces, EffortSettings(hours_per_day=24, commit_hours=0.01, commit_hours_per_doubling=0.0,
        review_hours=0.01, change_hours=0.01, comment_hours=0.01, triage_hours=0.01, incident_hours=0.01)))  # fmt: skip
    assert set(found) == set(uncapped)
    for day, whole in days(parts(traces, EffortSettings(hours_per_day=0.001))).items():
        assert whole == pytest.approx(1)
        assert found[day] <= whole + 1e-9


@given(TRACES, st.randoms(use_true_random=False))
def test_the_order_of_traces_changes_nothing(traces: list[Trace], rng: random.Random) -> None:
    assert parts(rng.sample(traces, len(traces))) == parts(traces)


@given(
    TRACES,
    st.builds(
        Trace, item_id=st.just("new"), activity=st.sampled_from(list(Activity)), lines=st.integers(0, 999)
    ),
)
def test_more_work_on_a_day_never_raises_the_part_of_another_item(traces: list[Trace], more: Trace) -> None:
    before, after = parts(traces), parts([*traces, more])
    for key, part in before.items():
        assert after[key] <= part + 1e-12


@given(TRACES)
def test_work_that_is_seen_twice_counts_once(traces: list[Trace]) -> None:
    once = [t for t in traces if t.activity not in (Activity.COMMENT, Activity.INCIDENT)]
    if once:
        assert parts(once + once) == parts(once)


def test_two_accounts_of_one_person_share_one_day() -> None:
    # A join leaves a dictionary in which the person stands twice: the day must be one all the same.
    work = table([Trace(item_id="a1", lines=1 << 20), Trace(item_id="a2", lines=1 << 20)])
    person = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(["ada", "ada"]))
    work = work.set_column(work.schema.get_field_index("person"), "person", person)
    assert sum(row["person_days"] for row in attribute(work, SETTINGS).to_pylist()) == pytest.approx(1)


def test_author_and_co_author_of_one_commit_wrote_it_once() -> None:
    [part] = attribute(table([Trace(), Trace(activity=Activity.CO_AUTHOR)]), SETTINGS).to_pylist()
    assert (part["person_days"], part["activities"]) == (1 / 8, ["commit"])


def test_comments_count_each_and_labels_once() -> None:
    comments = [Trace(activity=Activity.COMMENT)] * 4
    labels = [Trace(activity=Activity.TRIAGE)] * 4
    [part] = attribute(table(comments + labels), SETTINGS).to_pylist()
    assert part["person_days"] == pytest.approx((4 * 0.25 + 0.1) / 8)


@pytest.mark.parametrize(
    ("activity", "lines", "hours"),
    [
        (Activity.COMMIT, 0, 1.0),
        (Activity.COMMIT, 1, 1.5),
        (Activity.COMMIT, 7, 2.5),
        (Activity.COMMIT, 1023, 6.0),
        (Activity.COMMIT, -5, 1.0),
        (Activity.AUTHORED, 7, 2.5),
        (Activity.MERGE, 1023, 0.1),
        (Activity.REVIEW, 1023, 1.0),
        (Activity.OPENED, 1023, 0.5),
        (Activity.COMMENT, 0, 0.25),
        (Activity.TRIAGE, 0, 0.1),
        (Activity.INCIDENT, 0, 1.0),
        (Activity.RESPONDED, 0, 1.0),
    ],
)
def test_hours_by_activity(activity: Activity, lines: int, hours: float) -> None:
    code = np.array([list(Activity).index(activity)])
    assert activity_hours(code, np.array([lines]), SETTINGS)[0] == pytest.approx(hours)


def test_work_on_a_day_off_counts_and_is_marked() -> None:
    rows = attribute(table([Trace(), Trace(person="grace")]), SETTINGS, {Absence("ada", TUESDAY)}).to_pylist()
    assert {row["person"]: row["activities"] for row in rows} == {
        "ada": ["commit", DAY_OFF],
        "grace": ["commit"],
    }
    assert all(row["person_days"] == 1 / 8 for row in rows)


def test_an_activity_that_weighs_nothing_leaves_no_row() -> None:
    assert attribute(table([Trace(activity=Activity.REVIEW)]), EffortSettings(review_hours=0)).num_rows == 0
