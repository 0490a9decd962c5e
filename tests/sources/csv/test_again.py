"""Reading again: nothing when nothing changed, the same records when it did, and what vanished when told so."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ktlo.sources.csv import CsvConfig, CsvSource, collection

from .conftest import House

Write = Callable[[str, str | bytes], Path]
MAPPING = {"external_id": "id", "detected_at": "opened", "resolved_at": "resolved"}
HEAD = "id,opened,resolved\n"
LOG = {"external_id": "id", "state": "state", "event_at": "at"}
LOG_HEAD = "id,state,at\n"


def ids(house: House) -> list[str]:
    return [
        row["external_id"]
        for row in house.rows("SELECT external_id FROM ktlo.incidents ORDER BY external_id")
    ]


def test_an_unchanged_file_is_not_even_opened(house: House, write: Write) -> None:
    path = write("i.csv", HEAD + "A,2026-01-01,\n")
    assert house.read(file=str(path), noun="incidents", mapping=MAPPING).rows == 1
    times = path.stat().st_mtime_ns
    path.write_bytes(b"\x00" * path.stat().st_size)  # would fail if it were read
    os.utime(path, ns=(times, times))
    outcome = house.read(file=str(path), noun="incidents", mapping=MAPPING)
    assert (outcome.status, outcome.rows) == ("complete", 0)


def test_a_touched_file_with_the_same_content_brings_nothing(house: House, write: Write) -> None:
    path = write("i.csv", HEAD + "A,2026-01-01,\n")
    house.read(file=str(path), noun="incidents", mapping=MAPPING)
    os.utime(path, ns=(1, 1))
    assert house.read(file=str(path), noun="incidents", mapping=MAPPING).rows == 0


def test_a_grown_file_is_read_again_and_changes_only_what_changed(house: House, write: Write) -> None:
    path = write("i.csv", HEAD + "A,2026-01-01,\n")
    house.read(file=str(path), noun="incidents", mapping=MAPPING)
    path.write_text(HEAD + "A,2026-01-01,2026-01-02\nB,2026-01-03,\n")
    house.read(file=str(path), noun="incidents", mapping=MAPPING)
    rows = house.rows(
        "SELECT external_id AS id, state, toString(observed_until) AS until FROM ktlo.incidents ORDER BY id"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("A", "resolved", "2026-01-03 00:00:00.000000"),
        ("B", "open", "2026-01-03 00:00:00.000000"),
    ]


def test_a_changed_mapping_reads_an_unchanged_file_again(house: House, write: Write) -> None:
    path = write("i.csv", HEAD + "A,2026-01-01,2026-01-02\n")
    house.read(file=str(path), noun="incidents", mapping=MAPPING | {"resolved_at": "opened"})
    house.read(file=str(path), noun="incidents", mapping=MAPPING)
    assert house.rows("SELECT toString(toDate(resolved_at)) AS day FROM ktlo.incidents") == [
        {"day": "2026-01-02"}
    ]


def test_rows_that_vanish_stay_unless_the_file_is_said_to_be_complete(house: House, write: Write) -> None:
    path = write("i.csv", HEAD + "A,2026-01-01,\nB,2026-01-01,\n")
    house.read(file=str(path), noun="incidents", mapping=MAPPING)
    path.write_text(HEAD + "B,2026-01-01,\n")
    house.read(file=str(path), noun="incidents", mapping=MAPPING)
    assert ids(house) == ["A", "B"]

    house.read(file=str(path), noun="incidents", mapping=MAPPING, complete=True)
    path.write_text(HEAD + "C,2026-01-01,\n")
    house.read(file=str(path), noun="incidents", mapping=MAPPING, complete=True)
    assert ids(house) == ["A", "C"]  # A left before the file was said to be complete


def test_nothing_is_removed_while_a_row_cannot_be_read(house: House, write: Write) -> None:
    path = write("i.csv", HEAD + "A,2026-01-01,\nB,2026-01-01,\n")
    house.read(file=str(path), noun="incidents", mapping=MAPPING, complete=True)
    path.write_text(HEAD + "A,2026-01-01,\nB;2026-01-01\n")
    house.read(file=str(path), noun="incidents", mapping=MAPPING, complete=True)
    assert ids(house) == ["A", "B"]
    path.write_text(HEAD + "A,2026-01-01,\nC,2026-01-01,\n")
    house.read(file=str(path), noun="incidents", mapping=MAPPING, complete=True)
    assert ids(house) == ["A", "C"]


def test_a_list_continues_at_the_row_where_it_was_interrupted(
    house: House, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "BATCH_ROWS", 3)
    path = write("i.csv", HEAD + "".join(f"I{n:02},2026-01-01,\n" for n in range(10)))
    source = CsvSource(CsvConfig(file=str(path), noun="incidents", mapping=MAPPING))  # type: ignore[arg-type]

    async def two_batches() -> dict[str, object]:
        batches = source.collect({})
        await anext(batches)
        second = await anext(batches)
        await batches.aclose()  # type: ignore[attr-defined]
        assert second.cursor is not None
        return dict(second.cursor)

    cursor = asyncio.run(two_batches())
    assert cursor["rows"] == 6
    house.state.set_cursor(source.source_id, cursor)
    assert house.run(source).rows == 4
    assert ids(house) == ["I06", "I07", "I08", "I09"]
    assert house.run(source).rows == 0


def test_a_log_that_grows_moves_the_incidents_on(house: House, write: Write) -> None:
    first = "A,New,2026-01-01 10:00\nA,Resolved,2026-01-01 12:00\nB,New,2026-01-01 13:00\n"
    path = write("log.csv", LOG_HEAD + first)
    options = {"file": str(path), "noun": "incidents", "shape": "events", "mapping": LOG}
    house.read(**options)
    path.write_text(LOG_HEAD + first + "A,Active,2026-01-02 10:00\n")
    house.read(**options)
    rows = house.rows(
        "SELECT external_id AS id, state, reopen_count AS n, resolved_at FROM ktlo.incidents ORDER BY id"
    )
    assert [(row["id"], row["state"], row["n"], row["resolved_at"]) for row in rows] == [
        ("A", "open", 1, None),
        ("B", "open", 0, None),
    ]
    assert house.rows("SELECT count() AS n FROM ktlo.incident_events WHERE incident_id = 'A'") == [{"n": 3}]


def test_a_history_that_gets_shorter_leaves_no_event_behind(house: House, write: Write) -> None:
    path = write(
        "log.csv", LOG_HEAD + "A,New,2026-01-01 10:00\nA,Odd,2026-01-01 11:00\nA,Resolved,2026-01-01 12:00\n"
    )
    options = {"file": str(path), "noun": "incidents", "shape": "events", "mapping": LOG}
    house.read(**options)
    assert house.rows("SELECT count() AS n FROM ktlo.incident_events") == [{"n": 3}]
    path.write_text(LOG_HEAD + "A,New,2026-01-01 10:00\nA,Resolved,2026-01-01 12:00\n")
    house.read(**options)
    kinds = house.rows("SELECT kind FROM ktlo.incident_events ORDER BY event_id")
    assert [row["kind"] for row in kinds] == ["detected", "resolved"]


def test_an_item_that_vanishes_from_a_complete_log_takes_its_history_along(
    house: House, write: Write
) -> None:
    path = write("log.csv", LOG_HEAD + "A,New,2026-01-01 10:00\nB,New,2026-01-01 11:00\n")
    options = {"file": str(path), "noun": "incidents", "shape": "events", "mapping": LOG, "complete": True}
    house.read(**options)
    path.write_text(LOG_HEAD + "B,New,2026-01-01 11:00\n")
    house.read(**options)
    assert ids(house) == ["B"]
    assert house.rows("SELECT DISTINCT incident_id AS id FROM ktlo.incident_events") == [{"id": "B"}]


def test_monthly_files_are_one_log(house: House, write: Write) -> None:
    path = write("log-2026-01.csv", LOG_HEAD + "A,New,2026-01-31 10:00\n")
    write("log-2026-02.csv", LOG_HEAD + "A,Resolved,2026-02-01 10:00\n")
    house.read(file=str(path.parent / "log-*.csv"), noun="incidents", shape="events", mapping=LOG)
    assert house.rows("SELECT source, state FROM ktlo.incidents") == [
        {"source": "csv:log", "state": "resolved"}
    ]
