"""Rows leave as Parquet: by day, whole or not at all, and the same command goes on where it was stopped."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import os
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from ktlo.cli.export import is_settled
from ktlo.cli.main import commands
from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings
from ktlo.store.pieces import moment_of, pieces
from ktlo.store.streams import TRACES

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

from otlp_requests import Said, request, segment

DAYS = ("2026-03-01T23:59:59.999", "2026-03-02T00:00:00", "2026-03-02T12:00:00", "2026-03-04T08:00:00")


def milliseconds(moment: str, since: dt.datetime) -> int:
    return int((dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC) - since).total_seconds() * 1000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("export")
    runtime = Runtime(Settings(), made / "data")
    # The requests of the tests begin at a moment of their own; it is found out from one span.
    file = made / "one.segment"
    file.write_bytes(segment(request("web", Said("9" * 16, "probe", 0, 1, trace_id="9" * 32))))
    runtime.store.load(TRACES, file, "probe")
    since = runtime.store.query("SELECT min(started_at) AS at FROM ktlo.spans")["at"][0].as_py()
    since = since.to_pydatetime(warn=False) if hasattr(since, "to_pydatetime") else since
    spans = [
        Said(f"{n:016x}", f"GET /{n}", milliseconds(day, since), 5, trace_id=f"{n:032x}")
        for n, day in enumerate(DAYS, 1)
    ]
    file.write_bytes(segment(request("web", *spans)))
    runtime.store.load(TRACES, file, "spans")
    runtime.close()
    return made


@pytest.fixture
def run(folder, monkeypatch):
    monkeypatch.chdir(folder)

    def call(*words: str) -> str:
        result = CliRunner().invoke(commands(), ["export", *words, "--data", str(folder / "data")])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return call


def names(place: Path) -> list[str]:
    return sorted(str(file.relative_to(place)) for file in place.rglob("*") if file.is_file())


def test_a_noun_is_written_by_day_and_every_row_is_there_once(run, tmp_path):
    run("spans", "-o", str(tmp_path), "--from", "2026-03-01", "--to", "2026-03-05")
    assert names(tmp_path) == [f"spans/day=2026-03-0{day}/part-0000.parquet" for day in (1, 2, 4)]
    rows = [row for file in names(tmp_path) for row in pq.read_table(tmp_path / file).to_pylist()]
    assert [row["name"] for row in rows] == ["GET /1", "GET /2", "GET /3", "GET /4"]
    metadata = pq.read_metadata(tmp_path / names(tmp_path)[0])
    assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_days_that_were_over_when_they_were_written_are_skipped_and_a_torn_one_is_written_again(
    run, tmp_path
):
    span = ("spans", "-o", str(tmp_path), "--from", "2026-03-01", "--to", "2026-03-05")
    run(*span)
    kept, torn = (tmp_path / "spans" / f"day=2026-03-0{day}" for day in (1, 2))
    (kept / "part-0000.parquet").write_bytes(b"untouched")
    torn.rename(torn.with_name(".day=2026-03-02.new"))  # as a process leaves it that was killed
    run(*span)
    assert (kept / "part-0000.parquet").read_bytes() == b"untouched"
    assert pq.read_table(torn / "part-0000.parquet").num_rows == 2
    assert not torn.with_name(".day=2026-03-02.new").exists()
    run(*span, "--again")
    assert pq.read_table(kept / "part-0000.parquet").num_rows == 1


def test_a_day_written_before_it_was_over_is_written_again(tmp_path):
    place = tmp_path / "day=2026-03-02"
    place.mkdir()
    for written, settled in (
        ("2026-03-02T20:00", False),
        ("2026-03-03T00:30", False),
        ("2026-03-03T01:00", True),
    ):
        moment = dt.datetime.fromisoformat(written).replace(tzinfo=dt.UTC).timestamp()
        os.utime(place, (moment, moment))
        assert is_settled(place, "2026-03-02") is settled


def test_one_file_and_the_answer_of_a_select(run, tmp_path):
    run(
        "spans",
        "-o",
        str(tmp_path / "all.parquet"),
        "--one-file",
        "--from",
        "2026-03-01",
        "--to",
        "2026-03-03",
    )
    assert pq.read_table(tmp_path / "all.parquet")["name"].to_pylist() == ["GET /1", "GET /2", "GET /3"]
    run("SELECT service, count() AS n FROM spans GROUP BY service", "-o", str(tmp_path / "n.parquet"))
    assert pq.read_table(tmp_path / "n.parquet").to_pylist() == [{"service": "web", "n": 5}]
    assert not list(tmp_path.glob(".*"))


@pytest.fixture
def visitor(folder, visiting):
    runtime = Runtime(Settings(), folder / "data")
    yield visiting(make_app(runtime, Access()))
    runtime.close()


def test_pieces_are_small_and_never_cross_midnight(visitor):
    store = visitor.app.state.runtime.store
    start, end = dt.datetime(2026, 3, 1, tzinfo=dt.UTC), dt.datetime(2026, 3, 5, tzinfo=dt.UTC)
    cut = pieces(store, "spans", "started_at", start, end, most_rows=1)
    assert [(piece.rows, piece.day.isoformat()) for piece in cut if piece.day] == [
        (1, "2026-03-01"), (1, "2026-03-02"), (1, "2026-03-02"), (1, "2026-03-04"),
    ]  # fmt: skip
    assert all(one.end <= two.start for one, two in itertools.pairwise(cut) if one.end and two.start)
    assert moment_of("commits") == "authored_at"
    assert pieces(store, "spans", "started_at", end, end) == []


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/api/v1/export/plan?noun=nosuch", 404, "no noun"),
        ("/api/v1/export/plan?noun=spans&time=name", 422, "no moment"),
        ("/api/v1/export/parquet?noun=spans&since=yesterdayish", 422, ""),
        ("/api/v1/export/parquet?noun=spans%20UNION", 404, "no noun"),
    ],
)
def test_what_cannot_be_exported_is_said(visitor, path, status, says):
    answer = visitor.get(path)
    assert 400 <= answer.status_code < 500
    assert answer.status_code == status or status == 422
    assert says in answer.text


def test_a_select_passes_the_guard_here_too(visitor):
    for sql in ("SELECT * FROM file('/etc/passwd')", "INSERT INTO aliases SELECT 1", "SELECT 1 FORMAT CSV"):
        answer = visitor.post("/api/v1/export/parquet", json={"sql": sql})
        assert 400 <= answer.status_code < 500, answer.text


def test_the_traces_that_a_page_shows_can_be_taken_along(visitor):
    page = visitor.page("/traces?since=2026-03-01&until=2026-03-05")
    assert "/traces.parquet?" in page
    answer = visitor.get("/traces.parquet?since=2026-03-01&until=2026-03-05&operation=GET+/2")
    assert pq.read_table(io.BytesIO(answer.content))["root_name"].to_pylist() == ["GET /2"]
