"""Items that two sources hold are said to be counted twice, and one of the two can be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ktlo.server.app import make_app
from ktlo.server.runtime import Records, Runtime
from ktlo.server.security import Access
from ktlo.server.twice import find_twice
from ktlo.settings import Settings

FIRST = (
    "incident id,title,opened at,resolved at\n"
    "INC-1,Shop is slow,2026-09-01 10:00,2026-09-01 11:00\n"
    "INC-2,Shop is down,2026-09-02 10:00,2026-09-02 11:00\n"
    "INC-3,Mail is late,2026-09-03 10:00,2026-09-03 11:00\n"
)
AGAIN = (
    "incident id,title,opened at,resolved at\n"
    "INC-2,Shop is down,2026-09-02 08:00,2026-09-02 09:00\n"  # another time zone
    "INC-3,Something else,2026-09-03 10:00,2026-09-03 11:00\n"  # another team's number 3
    "INC-1,Shop is slow,2025-09-01 10:00,2025-09-01 11:00\n"  # another year's number 1
)
ALONE = "incident id,title,opened at,resolved at\nINC-9,Disk is full,2026-09-09 10:00,2026-09-09 11:00\n"


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    opened = Runtime(Settings(), tmp_path / "data")
    mapping = {
        "external_id": "incident id",
        "title": "title",
        "detected_at": "opened at",
        "resolved_at": "resolved at",
    }
    for name, text in (("a", FIRST), ("b", AGAIN), ("c", ALONE)):
        file = tmp_path / f"{name}.csv"
        file.write_text(text, encoding="utf-8")
        opened.add_source("csv", {"file": str(file), "noun": "incidents", "mapping": mapping})
    yield opened
    opened.close()


@pytest.fixture
def visitor(runtime: Runtime, visiting: Any) -> Iterator[Any]:
    app = make_app(runtime, Access())
    app.state.collecting.start()
    app.state.collecting.wait(60)
    yield visiting(app)
    app.state.collecting.close()


def test_the_same_incident_in_two_files_is_said_with_both_names_and_the_ways_out(
    visitor: Any, runtime: Runtime
) -> None:
    (found,) = find_twice(runtime.store)
    assert (found.one, found.other, found.items) == ("csv:a", "csv:b", 1)
    assert found.words == "1 incident of csv:a is also in csv:b (INC-2): counted twice."
    page = visitor.page("/sources")
    assert "1 incident of csv:a is also in csv:b (INC-2): counted twice" in page
    assert "items counted twice" in page
    assert page.count('<button class="button small">Forget csv:') == 2
    by_name = {one["source_id"]: one for one in visitor.get("/sources.json").json()}
    assert [one["other"] for one in by_name["csv:b"]["twice"]] == ["csv:a"]
    assert by_name["csv:c"]["twice"] == []
    health = visitor.get("/api/v1/sources/check", params={"source": "csv:a"}).json()
    assert health["status"] == "limited"
    assert "also in csv:b, so counted twice" in [one["cost"] for one in health["missing"]]
    assert "counted twice" in visitor.page("/sources/source?source=csv:a")
    assert "counted twice" not in visitor.page("/sources/source?source=csv:c")


def test_forgetting_one_of_the_two_mends_it(visitor: Any, runtime: Runtime) -> None:
    visitor.post("/sources/remove", data={"source": "csv:b", "records": "forget"})
    assert find_twice(runtime.store) == []
    assert "counted twice" not in visitor.page("/sources")


def test_records_of_a_source_that_is_no_longer_read_count_and_are_told_everywhere(
    visitor: Any, runtime: Runtime
) -> None:
    runtime.remove_source("csv:b", Records.KEEP)
    assert len(find_twice(runtime.store)) == 1
    for path in ("/sources.json", "/api/v1/sources"):
        by_name = {one["source_id"]: one for one in visitor.get(path).json()}
        assert by_name["csv:b"]["status"] == "removed"
        assert "ktlo sources remove csv:b --forget" in by_name["csv:b"]["message"]
    page = visitor.page("/sources")
    assert page.count('aria-labelledby="removed-') == 1
    assert page.count('aria-labelledby="source-') == 2


def test_what_was_found_is_kept_until_rows_came(
    visitor: Any, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    query = runtime.store.query

    def heard(sql: str, params: Any = None) -> Any:
        asked.append(sql)
        return query(sql, params)

    def searches() -> int:
        return sum("INNER JOIN" in sql and "a.external_id = b.external_id" in sql for sql in asked)

    assert len(find_twice(runtime.store)) == 1
    monkeypatch.setattr(runtime.store, "query", heard)
    assert len(find_twice(runtime.store)) == 1
    assert "counted twice" in visitor.page("/sources")
    assert searches() == 0
    file = tmp_path / "b.csv"
    file.write_text(AGAIN.replace("Shop is down", "Shop is down once more"), encoding="utf-8")
    visitor.app.state.collecting.start()
    visitor.app.state.collecting.wait(60)
    assert find_twice(runtime.store) == []
    assert searches() == 1
