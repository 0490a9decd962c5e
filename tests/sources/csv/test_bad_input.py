"""Bad files end in a sentence that says what, where and what to do; good rows around bad ones come in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ktlo.errors import UserError
from ktlo.sources.csv import propose

from .conftest import House

Write = Callable[[str, str | bytes], Path]
MAPPING = {"external_id": "id", "detected_at": "opened", "resolved_at": "resolved", "title": "title"}
HEAD = "id,opened,resolved,title\n"


def ids(house: House) -> list[str]:
    return [
        row["external_id"]
        for row in house.rows("SELECT external_id FROM ktlo.incidents ORDER BY external_id")
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf\r\n\r\n", "the file is empty"),
        (HEAD.encode(), "there is a header, but no row below it"),
        (b"PK\x03\x04" + b"x" * 500, "an Excel workbook or a zip file"),
        (b"\x1f\x8b" + b"x" * 500, "compressed with gzip"),
        (bytes(range(256)) * 40, "a binary file"),
    ],
    ids=["empty", "only a mark", "header only", "xlsx", "gzip", "binary"],
)
def test_a_file_that_is_no_table_is_refused_with_what_it_is(
    write: Write, content: bytes, sentence: str
) -> None:
    path = write("incidents.csv", content)
    with pytest.raises(UserError, match=sentence) as raised:
        propose(path)
    assert str(path) in str(raised.value)
    assert raised.value.fix


def test_a_missing_file_is_said_by_the_collection_too(house: House, tmp_path: Path) -> None:
    outcome = house.read(file=str(tmp_path / "gone.csv"), noun="incidents", mapping=MAPPING)
    assert outcome.status == "failed"
    assert outcome.message.endswith("gone.csv: there is no such file. Check the path.")


def test_a_pipe_is_not_waited_for(house: House, tmp_path: Path) -> None:
    pipe = tmp_path / "incidents.csv"
    os.mkfifo(pipe)
    with pytest.raises(UserError, match="a pipe or a device, not a file"):
        propose(pipe)
    outcome = house.read(file=str(pipe), noun="incidents", mapping=MAPPING)
    assert "a pipe or a device, not a file" in outcome.message


def test_json_nested_without_end_costs_its_own_line_only(house: House, write: Write) -> None:
    good = b'{"id": "1", "opened": "2026-01-01"}\n'
    deep = b'{"x": ' * 50_000 + b"\n"
    outcome = house.read(
        file=str(write("i.jsonl", good + deep + good.replace(b"1", b"2", 1))),
        noun="incidents",
        form="json_lines",
        mapping={"external_id": "id", "detected_at": "opened"},
    )
    assert (outcome.status, outcome.rejected) == ("complete", 1)
    assert ids(house) == ["1", "2"]


def test_a_json_list_nested_without_end_is_refused_in_words(write: Write) -> None:
    with pytest.raises(UserError, match="the file is not JSON"):
        propose(write("i.json", b"[" * 100_000))


def test_the_wrong_delimiter_names_the_right_one(house: House, write: Write) -> None:
    path = write("i.csv", "id;opened;resolved;title\n1;2026-01-01;;x\n")
    outcome = house.read(file=str(path), noun="incidents", mapping=MAPPING)
    assert outcome.status == "failed"
    assert "with the delimiter ',' the header has one column; with ';' it would have 4" in outcome.message
    assert "Set `delimiter: ';'`" in outcome.message


def test_a_column_that_is_not_there_is_named_with_those_that_are(house: House, write: Write) -> None:
    path = write("i.csv", "id,begin\n1,2026-01-01\n")
    outcome = house.read(file=str(path), noun="incidents", mapping=MAPPING)
    assert "there is no column 'opened' for detected_at; columns: id, begin" in outcome.message


def test_good_rows_come_in_and_each_bad_one_is_listed_with_row_value_and_reason(
    house: House, write: Write
) -> None:
    long = "x" * 300
    path = write(
        "i.csv",
        HEAD
        + "A,2026-01-01 10:00,2026-01-01 11:00,fine\n"
        + "B,13/01/2026,,mixed formats\n"
        + "C,2026-01-02 10:00,2026-01-01 10:00,ends before it starts\n"
        + "D,,,no start\n"
        + ",2026-01-02,,no key\n"
        + "F,2026-01-02\n"
        + "G,2026-01-02,,too,many\n"
        + f"H,{long},,not a date\n"
        + "I,2106-02-07,,in the future\n"
        + "J,1970-01-01,,an empty epoch\n"
        + "K,2026-01-02,,nul \x00 byte\n"
        + "L,2026-01-03,,fine too\n",
    )
    outcome = house.read(file=str(path), noun="incidents", mapping=MAPPING)
    assert (outcome.status, outcome.rejected) == ("complete", 10)
    assert ids(house) == ["A", "L"]
    complaints = "\n".join(house.complaints())
    for said in (
        "i.csv:3: detected_at: '13/01/2026' in column 'opened': it could have the day or the month first",
        "i.csv:4: resolved_at '2026-01-01 10:00' is before detected_at '2026-01-02 10:00'. Mend the row.",
        "i.csv:5: detected_at is empty. Fill in when it began.",
        "i.csv:6: external_id is empty: the row has no key. Give it one.",
        "i.csv:7: the row has 2 cells and the header 4.",
        "i.csv:8: the row has 5 cells and the header 4. Quote cells that hold the delimiter.",
        f"i.csv:9: detected_at: '{'x' * 79}…' in column",
        "i.csv:10: detected_at: '2106-02-07' is in the future.",
        "i.csv:11: detected_at: '1970-01-01' is before 1990.",
        "i.csv:12: column 'title' holds a NUL byte.",
    ):
        assert said in complaints


def test_a_quote_that_is_never_closed_costs_only_its_own_row(house: House, write: Write) -> None:
    path = write(
        "i.csv", HEAD + 'A,2026-01-01,,ok\nB,2026-01-01,,"never closed\nC,2026-01-02,,ok\nD,2026-01-02,,ok\n'
    )
    house.read(file=str(path), noun="incidents", mapping=MAPPING)
    assert ids(house) == ["A", "C", "D"]
    assert house.complaints() == [
        "i.csv:3: a quote is opened and never closed (unexpected end of data). Mend the row."
    ]


def test_a_later_quote_does_not_hide_one_that_was_never_closed(house: House, write: Write) -> None:
    path = write(
        "i.csv",
        HEAD + 'A,2026-01-01,,"open\nB,2026-01-02,,x\nC,2026-01-02,,"ok, really"\nD,2026-01-02,,5" disk\n',
    )
    house.read(file=str(path), noun="incidents", mapping=MAPPING)
    assert ids(house) == ["B", "C", "D"]
    assert len(house.complaints()) == 1


def test_cells_of_ten_megabytes_line_breaks_and_formulas_stay_what_they_are(
    house: House, write: Write
) -> None:
    path = write(
        "issues.csv",
        'id,created,title,body\n1,2026-01-01,=1+1,"'
        + "a line of a log that somebody pasted\n" * 300_000
        + '"\n2,2026-01-01,@SUM(A1),"two\nlines"\n',
    )
    mapping = {"external_id": "id", "created_at": "created", "title": "title", "body": "body"}
    outcome = house.read(file=str(path), noun="issues", mapping=mapping)
    assert outcome.rejected == 0
    rows = house.rows("SELECT title, length(body) AS size, body FROM ktlo.issues ORDER BY external_id")
    assert [(row["title"], row["size"]) for row in rows] == [("=1+1", 4000), ("@SUM(A1)", 9)]
    assert rows[1]["body"] == "two\nlines"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_the_encoding_is_found(encoding: str, house: House, write: Write) -> None:
    text = HEAD + "".join(f"{n},2026-01-{n:02} 10:00,,Prüfung für Straße {n}\n" for n in range(1, 20))
    proposal = propose(write("incidents.csv", text.encode(encoding)))
    house.read(**proposal.options)
    assert house.rows("SELECT title FROM ktlo.incidents WHERE external_id = '7'") == [
        {"title": "Prüfung für Straße 7"}
    ]


def test_damaged_bytes_are_replaced_and_reported_not_lost(house: House, write: Write) -> None:
    path = write("i.csv", HEAD.encode() + b"A,2026-01-01,,caf\xe9\nB,2026-01-01,,caf\xc3\xa9\n")
    outcome = house.read(file=str(path), noun="incidents", mapping=MAPPING)
    assert outcome.rejected == 0
    assert house.rows("SELECT title FROM ktlo.incidents ORDER BY external_id") == [
        {"title": "caf\ufffd"},
        {"title": "café"},
    ]
    assert "column 'title' holds bytes that are not utf-8-sig; they were replaced" in house.complaints()[0]


def test_the_same_row_twice_is_one_and_of_differing_rows_the_newer_wins(house: House, write: Write) -> None:
    path = write(
        "i.csv",
        "id,opened,updated,title\n"
        "A,2026-01-01,2026-01-02,same\n"
        "A,2026-01-01,2026-01-02,same\n"
        "B,2026-01-01,2026-01-05,newer\n"
        "B,2026-01-01,2026-01-03,older\n"
        "C,2026-01-01,2026-01-03,older\n"
        "C,2026-01-01,2026-01-05,newer\n",
    )
    mapping = {"external_id": "id", "detected_at": "opened", "updated_at": "updated", "title": "title"}
    outcome = house.read(file=str(path), noun="incidents", mapping=mapping)
    assert outcome.rejected == 2
    titles = house.rows("SELECT external_id AS id, title FROM ktlo.incidents ORDER BY id")
    assert [(row["id"], row["title"]) for row in titles] == [("A", "same"), ("B", "newer"), ("C", "newer")]
    assert house.complaints() == [
        "i.csv:5: 'B' is already in i.csv:4, which is newer and was kept. Remove one.",
        "i.csv:6: 'C' is again in i.csv:7, which is newer and was taken. Remove one.",
    ]


def test_what_is_incomplete_comes_in_with_a_warning(house: House, write: Write) -> None:
    path = write(
        "i.csv",
        "id,opened,resolved,state\n"
        "A,2026-01-01 10:00,,Resolved\n"
        "B,2026-01-01 10:00,2026-01-01 11:00,In Progress\n"
        "C,2026-01-01 10:00,,Frobnicated\n"
        "D,2026-01-09 10:00,,New\n",
    )
    mapping = {"external_id": "id", "detected_at": "opened", "resolved_at": "resolved", "state": "state"}
    outcome = house.read(file=str(path), noun="incidents", mapping=mapping)
    assert outcome.rejected == 0
    rows = house.rows(
        "SELECT external_id AS id, state, resolved_at, observed_until FROM ktlo.incidents ORDER BY id"
    )
    assert [(row["state"], row["resolved_at"]) for row in rows] == [
        ("resolved", None), ("open", None), ("open", None), ("open", None),
    ]  # fmt: skip
    # A was over at an unknown time: it was known to be open at its start and no longer.
    assert [f"{row['observed_until']:%d}" for row in rows] == ["01", "09", "09", "09"]
    assert [line.split(". ")[0] for line in house.complaints()] == [
        "i.csv:2: A: it is ended, but not when: its duration is left open",
        "i.csv:3: B: it is open, yet has resolved_at, which was left out",
        "i.csv:4: C: the state 'Frobnicated' is not known: it counts as open unless dates say otherwise",
    ]


def test_values_of_a_list_beyond_those_that_are_kept_are_told_at_the_row(house: House, write: Write) -> None:
    people = [f"p{number}" for number in range(1_200)]
    many = json.dumps({"id": "1", "opened": "2026-01-01", "people": people})
    few = json.dumps({"id": "2", "opened": "2026-01-01", "people": people[:1_000]})
    mapping = {"external_id": "id", "detected_at": "opened", "responders": "people"}
    path = write("incidents.jsonl", f"{few}\n{many}\n")
    house.read(file=str(path), noun="incidents", mapping=mapping)
    assert house.rows("SELECT length(responders) AS n FROM ktlo.incidents") == [{"n": 1_000}] * 2
    assert house.rows("SELECT place, reason, is_kept FROM ktlo.rejections") == [
        {
            "place": "incidents.jsonl:2",
            "reason": "1: responders holds 1,200 values: the first 1,000 are kept.",
            "is_kept": True,
        }
    ]


def test_people_named_over_the_rows_of_a_log_are_told_where_they_are_too_many(
    house: House, write: Write
) -> None:
    rows = [
        f"1,2026-01-01T10:{minute:02d}:00Z,open,{people}"
        for minute, people in enumerate(
            ["|".join(f"p{number}" for number in range(start, start + 700)) for start in (0, 500)]
        )
    ]
    path = write("log.csv", "\n".join(["id,at,status,people", *rows]) + "\n")
    mapping = {"external_id": "id", "event_at": "at", "state": "status", "responders": "people"}
    house.read(file=str(path), noun="incidents", shape="events", mapping=mapping)
    assert house.rows("SELECT length(responders) AS n FROM ktlo.incidents") == [{"n": 1_000}]
    [told] = house.rows("SELECT reason, is_kept FROM ktlo.rejections")
    assert told == {"reason": "1: responders holds 1,200 values: the first 1,000 are kept.", "is_kept": True}


def test_a_list_with_a_gap_of_megabytes_is_read_at_once(house: House, write: Write) -> None:
    path = write("incidents.csv", "id,opened,people\n1,2026-01-01,ada" + " " * 4_000_000 + "x | grace\n")
    mapping = {"external_id": "id", "detected_at": "opened", "responders": "people"}
    house.read(file=str(path), noun="incidents", mapping=mapping)
    [found] = house.rows("SELECT responders[2] AS second FROM ktlo.incidents")
    assert found == {"second": "grace"}


def test_a_bad_file_among_good_ones_is_listed_and_the_others_come_in(house: House, write: Write) -> None:
    write("i-1.csv", HEAD + "A,2026-01-01,,x\n")
    write("i-2.csv", "")
    path = write("i-3.csv", HEAD + "B,2026-01-01,,x\n")
    outcome = house.read(file=str(path.parent / "i-*.csv"), noun="incidents", mapping=MAPPING)
    assert outcome.status == "complete"
    assert ids(house) == ["A", "B"]
    assert len(house.complaints()) == 1
    assert house.complaints()[0].startswith("i-2.csv: ")
