"""From records to pieces of work: what belongs together, what counts once, what is known when."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from load_columns import filed
from load_columns import parts as columns

from ktlo.effort.items import ItemKey, WorkItem
from ktlo.errors import UsageError
from ktlo.metrics.question import Dimension, Question
from ktlo.planning.demand import WorkClass
from ktlo.planning.load import fit_demand, read_history
from ktlo.planning.load.asking import content_key
from ktlo.planning.load.assembling import Assembly
from ktlo.planning.load.classes import PLACE
from ktlo.planning.load.filed import Part, Tracked
from ktlo.planning.load.history import Days, History
from ktlo.planning.load.linking import Roots
from ktlo.planning.load.unfiled import Outage
from ktlo.planning.load.weeks import day_of, monday, weeks_of_days
from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.collection import Collection
from ktlo.records.effort import ItemKind
from ktlo.server.runtime import Runtime
from ktlo.settings import load_settings
from ktlo.store.protocol import Queryable

GOLDEN = Path(__file__).parents[2] / "golden" / "load_links.tsv"
ROWS = [
    line.rstrip("\n").split("\t")
    for line in GOLDEN.read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def item(
    kind: str, name: str, repository: str, title: str = "", body: str = "", shas: tuple[str, ...] = ()
) -> WorkItem:
    return WorkItem(
        item_kind=ItemKind(kind),
        source="s",
        item_id=name,
        repository=repository,
        title=title,
        body=body,
        shas=shas,
    )


@pytest.mark.parametrize("row", ROWS, ids=[row[1] for row in ROWS])
def test_a_fix_belongs_to_what_the_golden_table_says(row: list[str]) -> None:
    kind, name, repository, title, body, root = row
    own = item(kind, name, repository, title, body)
    changes = [item("change", "acme/shop#20", "acme/shop", "totals", "closes #11", ("c20",))]
    roots = Roots(
        [
            (ItemKey(ItemKind.ISSUE, "s", "acme/shop#11"), "acme/shop"),
            (ItemKey(ItemKind.ISSUE, "s", "PAY-7"), ""),
            (ItemKey(ItemKind.INCIDENT, "s", "INC-9"), ""),
        ],
        changes if kind == "commit" else [*changes, own],
    )
    found = roots.of(own)
    assert f"{found.item_kind.value} {found.item_id}" == root


def seconds(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()


def tracked(name: str, opened: str, closed: str = "", **given: object) -> Tracked:
    known = Tracked(
        key=ItemKey(ItemKind.ISSUE, "s", name), repository="acme/shop", service="shop", group="",
        work_class=WorkClass.BUG, arrived=seconds(opened), ended=seconds(closed) if closed else float("nan"),
        known_until=seconds("2026-06-01"), is_over=bool(closed),
    )  # fmt: skip
    return dataclasses.replace(known, **given)  # type: ignore[arg-type]


def part(kind: str, name: str, day: str, hours: float, repository: str = "acme/shop") -> Part:
    return Part(
        key=ItemKey(ItemKind(kind), "s", name), day=day_of(dt.date.fromisoformat(day)), work_class=WorkClass.BUG,
        repository=repository, service="shop", group="", hours=hours,
    )  # fmt: skip


def assembled(
    issues: list[Tracked],
    parts: list[Part],
    roots: dict[str, str] | None = None,
    outages: list[Outage] | None = None,
) -> History:
    linked = {
        ItemKey(ItemKind.COMMIT, "s", commit): ItemKey(ItemKind.ISSUE, "s", issue)
        for commit, issue in (roots or {}).items()
    }
    began = {one.key: one.day * 86400.0 + 36000 for one in parts if one.key.item_kind is ItemKind.COMMIT}
    every = np.arange(day_of(dt.date(2026, 1, 5)), day_of(dt.date(2026, 3, 30)))
    days = Days(
        every, np.zeros_like(every), np.full(every.size, 8.0), np.zeros(every.size), np.zeros(every.size)
    )
    made = Assembly(filed(issues), outages or [], columns(parts), linked, began, {}, bool(outages))
    return made.history(days, [""], {})


FIVE = [tracked(f"{n}", f"2026-01-{5 + n:02d}", f"2026-01-{8 + n:02d}") for n in range(5)]


def test_a_commit_that_closes_an_issue_is_no_second_item_and_its_hours_are_the_issues() -> None:
    history = assembled(
        FIVE, [part("commit", "c1", "2026-01-07", 3.0), part("issue", "1", "2026-01-06", 0.5)], {"c1": "1"}
    )
    assert len(history.items) == 5
    assert history.item_hours().tolist() == [0.0, 3.5, 0.0, 0.0, 0.0]


def test_where_issues_are_filed_a_fix_that_closes_none_has_hours_but_is_no_item() -> None:
    history = assembled(FIVE, [part("commit", "c1", "2026-01-20", 3.0)])
    assert history.counts(None, PLACE[WorkClass.BUG]).sum() == 5
    assert history.hours().sum() == 3.0
    assert history.item_hours().sum() == 0.0


def test_before_the_tracker_and_where_there_is_none_a_fix_is_an_item() -> None:
    fixes = [part("commit", "c1", "2026-01-05", 3.0), part("commit", "c2", "2026-01-20", 2.0, "acme/other")]
    late = [dataclasses.replace(one, arrived=one.arrived + 20 * 86400) for one in FIVE]
    history = assembled(late, fixes)
    assert len(history.items) == 7
    assert sorted(history.item_hours().tolist())[-2:] == [2.0, 3.0]


def test_two_reports_are_no_tracker() -> None:
    fixes = [part("commit", f"c{n}", "2026-01-20", 1.0) for n in range(4)]
    assert len(assembled(FIVE[:2], fixes).items) == 6


def test_a_duplicate_is_no_arrival_once_it_is_known_to_be_one() -> None:
    twice = [*FIVE, tracked("9", "2026-01-12", "2026-02-11", is_duplicate=True)]
    history = assembled(twice, [])
    bug = PLACE[WorkClass.BUG]
    assert history.counts(None, bug).sum() == 5
    week = int(weeks_of_days(day_of(dt.date(2026, 2, 2))))
    assert history.known_before(week).counts(None, bug).sum() == 6


def outage(name: str, start: str, end: str = "", incident: str = "") -> Outage:
    return Outage(
        ItemKey(ItemKind.INCIDENT, "s", f"outage {name}"), incident, "shop", "", seconds(start),
        seconds(end) if end else float("nan"), seconds("2026-06-01"),
    )  # fmt: skip


def test_overlapping_outages_are_one_stretch_and_belong_to_the_incident_of_their_time() -> None:
    incident = tracked(
        "INC-1", "2026-01-12T08:30", "2026-01-12T12:00", work_class=WorkClass.INCIDENT,
        key=ItemKey(ItemKind.INCIDENT, "s", "INC-1"),
    )  # fmt: skip
    stretches = [
        outage("a", "2026-01-12T08:00", "2026-01-12T10:00"),
        outage("b", "2026-01-12T09:00", "2026-01-12T11:00"),
        outage("c", "2026-02-03T00:00", "2026-02-03T01:00"),
    ]
    history = assembled([incident], [], outages=stretches)
    hours, ended = history.downtime_hours()
    assert history.counts(None, PLACE[WorkClass.INCIDENT]).sum() == 2
    assert sorted(hours.tolist()) == [1.0, 3.0]
    assert ended.all()


def test_an_outage_that_lasts_counts_until_the_end_of_the_history_and_as_not_ended() -> None:
    history = assembled([], [], outages=[outage("a", "2026-03-29T00:00")])
    hours, ended = history.downtime_hours()
    assert hours.tolist() == [24.0]
    assert not ended.any()


def test_weeks_that_are_not_complete_are_left_out() -> None:
    history = assembled([tracked("1", "2026-01-07")], [part("issue", "1", "2026-04-01", 1.0)])
    assert monday(history.first_week) == dt.date(2026, 1, 5)
    assert monday(history.end_week) == dt.date(2026, 3, 30)


@pytest.fixture(scope="module")
def house(house_copy: Path) -> Iterator[Runtime]:
    opened = Runtime(load_settings(house_copy / "ktlo.yaml"), house_copy / "data")
    yield opened
    opened.close()


NOW = dt.datetime(2025, 4, 1, tzinfo=dt.UTC)
MARCH = Question(dt.datetime(2025, 3, 1, tzinfo=dt.UTC), NOW, NOW)


def test_the_house_has_its_bugs_incidents_and_downtime(house: Runtime) -> None:
    history = read_history(house.store, MARCH, house.settings)
    assert history.weeks == 3  # the newest record is of Friday the 28th, so that its week is not complete
    assert history.counts(None, PLACE[WorkClass.INCIDENT]).tolist() == [2, 1, 2]
    assert history.counts(None, PLACE[WorkClass.BUG])[0] >= 2
    hours, _ = history.downtime_hours()
    assert sorted(hours[hours > 0].tolist()) == [1.0, 3.0]


def test_a_filter_by_service_keeps_its_work_and_a_grouping_gives_both(house: Runtime) -> None:
    shop = dataclasses.replace(MARCH, only={Dimension.SERVICE: ("shop",)})
    only = read_history(house.store, shop, house.settings)
    assert only.counts(None, PLACE[WorkClass.INCIDENT]).sum() == 3
    both = read_history(house.store, dataclasses.replace(MARCH, by=Dimension.SERVICE), house.settings)
    assert {"shop", "search"} <= set(both.groups)


def test_a_load_has_no_severity_to_be_asked_by(house: Runtime) -> None:
    with pytest.raises(UsageError, match="severity"):
        read_history(
            house.store, dataclasses.replace(MARCH, only={Dimension.SEVERITY: ("2 - High",)}), house.settings
        )


def test_a_month_of_history_says_what_it_cannot_say(house: Runtime) -> None:
    demand = fit_demand(house.store, MARCH, house.settings, weeks=13, draws=200, seed=1)
    again = fit_demand(house.store, MARCH, house.settings, weeks=13, draws=200, seed=1)
    assert demand.start == dt.date(2025, 3, 24)
    assert any("3 complete weeks" in note for note in demand.notes)
    for one, other in zip(demand.classes, again.classes, strict=True):
        assert np.array_equal(one.rate, other.rate)
        assert np.array_equal(one.work_hours, other.work_hours)
    (incidents,) = [c for c in demand.classes if c.work_class is WorkClass.INCIDENT]
    assert 0.1 < float(np.median(incidents.downtime_probability)) < 0.8


def test_an_empty_period_has_no_classes_and_names_them(house: Runtime) -> None:
    before = Question(dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 3, 1, tzinfo=dt.UTC), NOW)
    demand = fit_demand(house.store, before, house.settings, weeks=13, draws=50, seed=1)
    assert demand.classes == ()
    assert demand.weeks == 0
    assert any("No incidents, bugs" in note for note in demand.notes)


def test_records_that_end_before_the_history_does_are_remarked_on() -> None:
    burst = [tracked(f"{n}", f"2026-01-{5 + n % 14:02d}", f"2026-01-{20 + n % 5}") for n in range(42)]
    (note,) = assembled(burst, []).notes
    assert note.startswith("No bugs arrived in the last 10 weeks, although 21.0 a week did until 12 Jan 2026")
    assert assembled(FIVE, []).notes == ()


class Overheard:
    """A store, with what it answered."""

    def __init__(self, store: Queryable) -> None:
        self._store = store
        self.answers: list[pa.Table] = []

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        self.answers.append(self._store.query(sql, params))
        return self.answers[-1]


def test_rows_come_in_one_order_so_that_the_same_seed_gives_the_same_draws(house: Runtime) -> None:
    overheard = Overheard(house.store)
    read_history(overheard, MARCH, house.settings)
    ordered = (
        ("kind", "source", "item_id"),
        ("day", "item_kind", "source", "item_id", "team"),
        ("week", "person"),
    )
    for names in ordered:
        (answer,) = [
            each
            for each in overheard.answers
            if {*names} <= {*each.column_names} and not {"title", "body"} & {*each.column_names}
        ]
        rows = answer.select(names).to_pylist()
        assert len(rows) > 5
        assert rows == sorted(rows, key=lambda row: [str(value) for value in row.values()])


def test_what_a_load_is_remembered_by_holds_no_sum_of_fractions(house: Runtime) -> None:
    """Such a sum depends on the order of its rows: the same records were read anew on some later visits."""
    state, *_ = content_key(house.store, MARCH, house.settings)
    assert "spent" in state
    assert not re.search(r"\d\.\d|\de-?\d", state)


def test_what_the_store_holds_is_asked_once_until_something_is_written(
    house: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, query = [], house.store.query
    monkeypatch.setattr(
        house.store, "query", lambda sql, params=None: asked.append(sql) or query(sql, params)
    )

    def key() -> tuple[str, int]:
        asked.clear()
        return content_key(house.store, MARCH, house.settings)[0], len(asked)

    first, _ = key()
    assert key() == (first, 0)
    started = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    run = Collection(
        source="s", started_at=started, finished_at=started, status="complete", rows=7, rejected=0, message=""
    )
    house.store.insert(TABLES["collections"], to_arrow([run], Collection))
    after, times = key()
    assert (after != first, times) == (True, 1)
    monkeypatch.setattr(house.store, "mark", lambda: None)
    assert [key()[1], key()[1]] == [1, 1]
