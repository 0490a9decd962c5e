"""Traces and the receivers in the terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ktlo.cli.main import commands
from ktlo.cli.waterfall import duration, waterfall
from ktlo.errors import UserError
from ktlo.server.runtime import Runtime
from ktlo.settings import Settings
from ktlo.store.streams import TRACES

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

from otlp_requests import Said, request, segment

CHECKOUT = "c" * 32


def span(service: str, name: str, start: int, took: int, depth: int, **said: bool) -> dict:
    return {
        "service": service, "name": name, "start_ns": start, "duration_ns": took, "depth": depth,
        "is_error": said.get("is_error", False), "is_critical": said.get("is_critical", False),
    }  # fmt: skip


WATERFALL = """\
cccccccccccccccccccccccccccccccc: 100 ms, 4 spans, 1 with an error
web GET /checkout       ████████████████████    100 ms
  ✗ pay POST /charge                ▒▒▒▒▒▒▒▒     40 ms
    db SELECT a very l… ▒                        10 ns
… 1 more span; --most shows more, --json all"""


def test_a_waterfall_shows_where_each_span_ran():
    spans = [
        span("web", "GET /checkout", 0, 100_000_000, 0, is_critical=True),
        span("pay", "POST\n/charge", 60_000_000, 40_000_000, 1, is_error=True),
        span("db", "SELECT a very long statement", 0, 10, 2),
    ]
    trace = {"trace_id": CHECKOUT, "start_ns": 0, "duration_ns": 100_000_000, "total": 4, "spans": spans}
    drawn = "\n".join(line.plain.rstrip() for line in waterfall(trace, 54, 500))
    assert drawn == WATERFALL


@pytest.mark.parametrize(
    ("nanoseconds", "said"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_500, "1.5 µs"),
        (250e6, "250 ms"),
        (1.234e9, "1.23 s"),
        (5000e9, "5,000 s"),
    ],
)
def test_durations_have_three_digits_and_a_unit(nanoseconds, said):
    assert duration(nanoseconds) == said


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("traces")
    runtime = Runtime(Settings(), made / "data")
    file = made / "one.segment"
    file.write_bytes(
        segment(
            request(
                "web",
                Said("1" * 16, "GET /\x1b[31mcheckout", 0, 100, trace_id=CHECKOUT, attributes={"user.id": 7}),
            ),
            request(
                "pay", Said("3" * 16, "POST /charge", 45, 40, parent="1" * 16, trace_id=CHECKOUT, error=True)
            ),
        )
    )
    runtime.store.load(TRACES, file, "one")
    runtime.close()
    return made


@pytest.fixture
def run(folder, monkeypatch):
    monkeypatch.chdir(folder)

    def call(*words: str) -> str:
        result = CliRunner().invoke(commands(), [*words, "--data", str(folder / "data")])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return call


def test_traces_are_found_by_what_their_spans_say(run):
    found = json.loads(run("traces", "--since", "2020-01-01", "--tags", "user.id=7", "--json"))
    assert [one["trace_id"] for one in found] == [CHECKOUT]
    assert json.loads(run("traces", "--since", "2020-01-01", "--service", "nobody", "--json")) == []
    assert json.loads(run("traces", "--since", "2020-01-01", "--environment", "nowhere", "--json")) == []
    listed = run("traces", "--since", "2020-01-01", "--errors")
    assert CHECKOUT in listed
    assert "\x1b[31mcheckout" not in listed


def test_one_trace_is_shown_whole_and_without_control_characters(run):
    drawn = run("traces", "show", CHECKOUT.upper())
    assert "✗ pay POST /charge" in drawn
    assert "\x1b[31mcheckout" not in drawn
    assert len(json.loads(run("traces", "show", CHECKOUT, "--json"))["spans"]) == 2


def test_what_cannot_be_shown_is_said(run):
    with pytest.raises(UserError, match="32 hexadecimal"):
        run("traces", "show", "12")
    with pytest.raises(UserError, match="no trace"):
        run("traces", "show", "a" * 32)
    with pytest.raises(UserError, match="no duration"):
        run("traces", "--shortest", "soon")
    with pytest.raises(UserError, match="goes on"):
        run("traces", "--follow", "--until", "1h")


def test_the_receivers_are_listed_also_when_none_runs(run):
    said = json.loads(run("telemetry", "--json"))
    assert {one["signal"]: one["stored"] for one in said["signals"]}["traces"] == 2
    assert not said["receiving"]
    assert "traces" in run("telemetry", "--senders")
