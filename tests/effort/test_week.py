"""The hand-worked week of tests/golden/effort_week.txt, through a real store, line by line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from ktlo.effort.explain import explain
from ktlo.effort.items import ItemKey
from ktlo.records.effort import ItemKind

DAYS = {name: dt.date(2026, 3, 2 + number) for number, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri"))}
PEOPLE = {
    "ada": "Ada Lovelace <ada@acme.org>",
    "grace": "Grace Hopper <grace@acme.org>",
    "dependabot": "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>",
}


def fields(line: str) -> list[str]:
    return [field.strip() for field in line.partition(": ")[2].split("|")]


def put(records: Any, number: int, line: str) -> None:
    when, who, what, item, *rest = fields(line)
    name, _, clock = when.partition(" ")
    moment = dt.datetime.strptime(f"{DAYS[name]} {clock}", "%Y-%m-%d %H:%M%z")
    more = dict(zip(*[iter(" ".join(rest).split())] * 2, strict=True))
    kind, _, name = item.rpartition(" ")
    offset = moment.utcoffset()
    assert offset is not None
    if what in ("commit", "merge"):
        records.commit(
            name,
            PEOPLE[who],
            authored_at=moment,
            authored_offset=int(offset.total_seconds() // 60),
            lines_added=int(more.get("lines", 0)) + int(more.get("locked", 0)),
            co_authors=(PEOPLE[more["with"]],) if "with" in more else (),
            is_merge=what == "merge",
        )
        if "locked" in more:
            records.file(name, "web/package-lock.json", int(more["locked"]))
    elif what == "review":
        records.review(int(name), who, str(number), submitted_at=moment)
    elif what == "opened":
        records.change(int(name), who, created_at=moment, head_sha=more["head"], merge_sha=more["squashed"])
    elif kind == "issue":
        said = {"comment": "commented", "label": "labeled"}[what]
        records.issue_event(name, said, who, str(number), occurred_at=moment)
    else:
        records.incident_event(name, what, who, event_id=str(number), occurred_at=moment)


@pytest.fixture
def week(records: Any, golden_lines: Callable[[str], list[str]]) -> tuple[Any, list[list[str]]]:
    people = {name: {"aliases": [name, f"{name}@acme.org"]} for name in ("ada", "grace")}
    records.configure(people=people)
    lines = golden_lines("effort_week.txt")
    for number, line in enumerate(lines):
        if line.startswith("done: "):
            put(records, number, line)
        elif line.startswith("away: "):
            who, day = fields(line)
            records.time_off(f"{who}@acme.org", DAYS[day], DAYS[day])
    records.issue(9, "", created_at=dt.datetime(2025, 1, 1, tzinfo=dt.UTC))
    records.change(1, "", created_at=dt.datetime(2025, 1, 1, tzinfo=dt.UTC), head_sha="h2", merge_sha="h2")
    records.incident("OUT-1")
    records.derive()
    return records, [fields(line) for line in lines if line.startswith("part: ")]


def test_the_week_adds_up_as_worked_by_hand(week: tuple[Any, list[list[str]]]) -> None:
    records, expected = week
    rows = records.rows("SELECT day, person, item_id, person_days, activities FROM ktlo.effort")
    found = {
        (row["day"], row["person"], row["item_id"]): (row["person_days"], ", ".join(row["activities"]))
        for row in rows
    }
    assert found == {
        (DAYS[day], f"{who}@acme.org", item): (pytest.approx(float(days), abs=1e-6), done)
        for day, who, item, _, days, done in expected
    }


def test_parts_are_explained_with_the_hours_worked_by_hand(week: tuple[Any, list[list[str]]]) -> None:
    records, expected = week
    kinds = {
        row["item_id"]: row for row in records.rows("SELECT item_kind, source, item_id FROM ktlo.verdicts")
    }
    for day, who, item, hours, days, _ in (
        line for line in expected if line[2] in ("a4", "9", "OUT-1", "p1", "a6")
    ):
        row = kinds[item]
        key = ItemKey(ItemKind(row["item_kind"]), row["source"], item)
        told = explain(records.store, records.settings.effort, key)
        [one] = [part for part in told.days if (part.day, part.person) == (DAYS[day], f"{who}@acme.org")]
        assert one.part.hours == pytest.approx(float(hours))
        assert one.part.person_days == pytest.approx(float(days), abs=1e-6)
        assert one.is_day_off == (who == "ada" and day == "Fri")
        whole = one.part.person_days + sum(other.person_days for other in one.others)
        assert whole == pytest.approx(min(1, one.hours / one.hours_per_day))
