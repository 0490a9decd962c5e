"""A proposal says what it found, why, and asks what the file does not prove."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ktlo.errors import UserError
from ktlo.records.arrow import from_arrow
from ktlo.records.reliability import Incident
from ktlo.sources.csv import CsvSource, propose
from ktlo.sources.csv.config import NULLS, CsvConfig
from ktlo.sources.protocol import Status
from ktlo.sources.registry import make_source

from .conftest import House

Write = Callable[[str, str | bytes], Path]


def test_dates_that_nothing_proves_are_asked_about_and_answered_once(write: Write) -> None:
    path = write("incidents.csv", "incident id;opened at\n1;01.02.2026 10:00\n2;03.04.2026 10:00\n")
    proposal = propose(path)
    (asked,) = [question for question in proposal.questions if question.is_required]
    assert asked.option == "dates"
    assert asked.choices == ("day_first", "month_first")
    assert not proposal.is_ready
    assert proposal.preview == ()

    answered = propose(path, {"dates": "month_first"})
    assert answered.is_ready
    assert answered.preview[1]["detected_at"] == dt.datetime(2026, 3, 4, 10, tzinfo=dt.UTC)


def test_one_column_that_proves_its_order_speaks_for_the_others_of_the_file(write: Write) -> None:
    path = write(
        "incidents.csv",
        "incident id,opened at,resolved at\n1,01-02-2026,03-02-2026\n2,02-02-2026,14-02-2026\n",
    )
    proposal = propose(path)
    assert proposal.is_ready
    assert proposal.preview[0]["detected_at"] == dt.datetime(2026, 2, 1, tzinfo=dt.UTC)


def test_a_proof_in_the_last_row_counts(write: Write) -> None:
    rows = "".join(f"{n},05/06/2026\n" for n in range(3000))
    proposal = propose(write("incidents.csv", f"incident id,opened at\n{rows}9999,06/13/2026\n"))
    assert proposal.options["dates"] == "month_first"


def test_mixed_orders_in_one_column_are_asked_about(write: Write) -> None:
    proposal = propose(write("incidents.csv", "incident id,opened at\n1,13/02/2026\n2,02/14/2026\n"))
    (asked,) = [question for question in proposal.questions if question.is_required]
    assert "formats are mixed" in asked.text


def test_an_unknown_state_is_asked_about_and_dates_decide_until_it_is_answered(write: Write) -> None:
    path = write("incidents.csv", "incident id,opened at,state\n1,2026-01-01,On Ice\n2,2026-01-02,Closed\n")
    asked = [question for question in propose(path).questions if question.option.startswith("states.")]
    assert [question.option for question in asked] == ["states.On Ice"]
    answered = propose(path, {"states": {"On Ice": "cancelled"}})
    assert answered.preview[0]["state"] == "cancelled"


def test_a_deployments_own_words_can_be_given_a_meaning(write: Write) -> None:
    path = write(
        "deploys.csv",
        "env,version,deployed at,status\nprod,1,2026-01-01,Rolled Back\nprod,2,2026-01-02,Meh\n",
    )
    assert [question.option for question in propose(path).questions if "states" in question.option] == [
        "states.Meh"
    ]
    answered = propose(path, {"states": {"Meh": "failure"}})
    assert [row["status"] for row in answered.preview] == ["failure", "failure"]


def test_a_file_without_a_key_asks_which_column_it_is(write: Write) -> None:
    proposal = propose(write("incidents.csv", "what,opened at\nx,2026-01-01\n"))
    (asked,) = [question for question in proposal.questions if question.is_required]
    assert asked.option == "mapping.external_id"
    assert propose(Path(proposal.file), {"mapping": {"external_id": "what"}}).items == 1


def test_a_person_may_overrule_what_was_found(write: Write) -> None:
    path = write("things.csv", "id,title,created at,closed at\n1,x,2026-01-01,\n")
    assert propose(path, {"noun": "issues"}).config().noun == "issues"
    with pytest.raises(UserError, match="no noun 'bananas'"):
        propose(path, {"noun": "bananas"})


def test_a_proposal_is_json_and_its_options_make_the_source(write: Write) -> None:
    proposal = propose(write("incidents.csv", "incident id,opened at\n1,2026-01-01T10:00:00Z\n"))
    plain = json.loads(json.dumps(proposal.to_dict()))
    source = make_source("csv", plain["options"])
    assert source.source_id == "csv:incidents"
    assert plain["fields"][0].keys() == {"field", "columns", "reason", "alternatives"}
    assert all(finding.reason for finding in proposal.fields)


def test_every_option_has_a_description() -> None:
    assert all(len(text) > 20 for text in CsvSource.options_help.values())
    assert CsvSource.options_help.keys() == CsvConfig.model_fields.keys()
    documented = (Path(__file__).parents[3] / "docs" / "sources" / "csv.md").read_text("utf-8")
    table = documented.split("## Options")[1].split("## ")[0]
    assert [name for name in CsvConfig.model_fields if f"`{name}`" not in table] == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"mapping": {}}, "say which column is external_id, detected_at"),
        ({"mapping": {"external_id": "a", "detected_at": "b", "colour": "c"}}, "have no field 'colour'"),
        (
            {"mapping": {"external_id": "a", "detected_at": "b"}, "time_zone": "Berlin"},
            "no time zone called 'Berlin'",
        ),
        (
            {"mapping": {"external_id": "a", "detected_at": "b"}, "encoding": "utf-9"},
            "no encoding called 'utf-9'",
        ),
        ({"noun": "outages", "shape": "events", "mapping": {}}, "an event log is of incidents or issues"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_words(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        make_source("csv", {"file": "x.csv", "noun": "incidents", **options})


def test_the_check_says_which_columns_are_missing_and_what_that_costs(write: Write) -> None:
    import asyncio

    path = write("i.csv", "id,opened\n1,2026-01-01\n")
    mapping = {"external_id": "id", "detected_at": "opened", "team": "group", "state": "opened"}
    source = make_source("csv", {"file": str(path), "noun": "incidents", "mapping": mapping})
    health = asyncio.run(source.check())
    assert health.status is Status.LIMITED
    assert [missing.what for missing in health.missing] == ["column 'group' in i.csv"]


def test_parquet_with_typed_columns_comes_in(house: House, tmp_path: Path) -> None:
    path = tmp_path / "incidents.parquet"
    moments = [dt.datetime(2026, 1, day, tzinfo=dt.UTC) for day in (1, 2)]
    pq.write_table(
        pa.table(
            {
                "incident_id": [1, 2],
                "opened_at": moments,
                "resolved_at": [moments[1], None],
                "teams": [["a"], ["b"]],
            }
        ),
        path,
    )
    house.run(CsvSource(propose(path).config()))
    rows = house.rows("SELECT external_id AS id, state, team FROM ktlo.incidents ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [("1", "resolved", "a"), ("2", "open", "b")]


words = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cs",)), max_size=30
)
texts = words.map(str.strip).filter(lambda text: text not in NULLS)
moments = st.timedeltas(dt.timedelta(0), dt.timedelta(days=9000)).map(
    lambda gap: dt.datetime(2001, 1, 1, tzinfo=dt.UTC) + gap
)


@st.composite
def incidents(draw: st.DrawFn) -> Incident:
    detected = draw(moments)
    resolved = draw(
        st.none() | st.timedeltas(dt.timedelta(0), dt.timedelta(days=90)).map(lambda gap: detected + gap)
    )
    return Incident(
        source="csv:incidents",
        external_id=draw(st.uuids()).hex,
        service=draw(texts),
        repository="",
        team=draw(texts),
        title=draw(texts),
        severity=draw(st.sampled_from(["low", "high"])),
        state="resolved" if resolved else "open",
        started_at=None,
        detected_at=detected,
        acknowledged_at=None,
        mitigated_at=None,
        resolved_at=resolved,
        closed_at=None,
        reopen_count=draw(st.integers(0, 9)),
        responders=(),
        caused_by="",
        url="",
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=st.lists(incidents(), min_size=1, max_size=15), delimiter=st.sampled_from(",;\t|"))
def test_records_written_as_csv_and_proposed_come_back_the_same(
    written: list[Incident], delimiter: str, tmp_path: Path
) -> None:
    names = [
        field.name for field in dataclasses.fields(Incident) if field.name not in ("source", "observed_until")
    ]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(names)
    for incident in written:
        values = [getattr(incident, name) for name in names]
        writer.writerow(
            [value.isoformat() if isinstance(value, dt.datetime) else value or "" for value in values]
        )
    path = tmp_path / "incidents.csv"
    path.write_bytes(text.getvalue().encode())

    source = CsvSource(propose(path, {"observed_until": "2026-06-01T00:00:00Z"}).config())
    found: list[Incident] = []
    for batch in collected(source):
        assert batch.rejected == ()
        found += [record for rows in batch.rows.values() for record in from_arrow(rows, Incident)]
    horizon = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    expected = [dataclasses.replace(incident, observed_until=horizon) for incident in written]
    assert sorted(found, key=lambda incident: incident.external_id) == sorted(
        expected, key=lambda incident: incident.external_id
    )


def collected(source: CsvSource):  # type: ignore[no-untyped-def]
    import asyncio

    async def gather():  # type: ignore[no-untyped-def]
        return [batch async for batch in source.collect({})]

    return asyncio.run(gather())


ONE_BAD_CELL = (
    "id,opened,title\n1,2026-01-01 10:00,x\n2,notadate,y\n3,2026-01-03 10:00,z\n4,2026-01-04 10:00,w\n"
)


def test_a_cell_that_is_no_date_does_not_hide_the_column_of_dates(write: Write) -> None:
    proposal = propose(write("incidents.csv", ONE_BAD_CELL))
    (asked,) = [question for question in proposal.questions if question.option.startswith("mapping.")]
    assert asked.text == (
        "Which column is detected_at? `opened` looks like it; 1 of 4 cells is no date (row 3: 'notadate')."
    )
    assert (asked.assumed, asked.is_required) == ("opened", False)
    assert (proposal.items, proposal.rejected) == (3, 1)
    assert "notadate" in proposal.complaints[0] or ":3" in proposal.complaints[0]
    answered = propose(Path(proposal.file), {"mapping": {"detected_at": "opened"}})
    assert not [question for question in answered.questions if question.option.startswith("mapping.")]


def test_a_column_of_which_most_cells_are_no_dates_is_not_proposed_and_the_question_says_why(
    write: Write,
) -> None:
    rows = "1,2026-01-01\n2,soon\n3,later\n"
    (asked,) = [
        question
        for question in propose(write("incidents.csv", f"incident id,opened\n{rows}")).questions
        if question.is_required
    ]
    assert asked.text == (
        "Which column is detected_at? None with dates has a name such as `detected at` or `detected`."
    )
    assert asked.assumed == ""


def test_counted_dates_with_a_word_among_them_are_still_counted(write: Write) -> None:
    path = write("incidents.csv", "incident id,opened\n1,1767225600\n2,1767229200\n3,unknown\n4,1767232800\n")
    proposal = propose(path)
    assert proposal.options["dates"] == "epoch_seconds"
    assert (proposal.items, proposal.rejected) == (3, 1)
    assert any("1 of 4 cells is no date (row 4: 'unknown')" in found.reason for found in proposal.fields)
