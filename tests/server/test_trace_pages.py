"""One trace as a page: errors first, logs inside, a large one folded; and two traces compared."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest

from ktlo.store.streams import LOGS, TRACES

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

from otlp_requests import TEN, Said, request, segment
from signal_requests import log, logs

from ktlo.receivers.spool import length_prefix

FAILED, FINE, LARGE = "f1" * 16, "f2" * 16, "f3" * 16
HOSTILE = "<b onmouseover=alert(1)>"


@pytest.fixture(scope="module")
def traced(house, runtime, tmp_path_factory):
    now = (time.time_ns() - TEN) / 1e6 - 600_000
    error = ("exception", {"exception.type": "Declined", "exception.message": HOSTILE})
    made = request(
        "web",
        Said("1" * 16, "GET /pay", now, 100, trace_id=FAILED),
        Said("2" * 16, "charge", now + 10, 80, parent="1" * 16, trace_id=FAILED, error=True, events=[error]),
        Said("3" * 16, "GET /pay", now - 5_000, 50, trace_id=FINE),
        Said("4" * 16, "charge", now - 4_990, 20, parent="3" * 16, trace_id=FINE),
        Said("5" * 16, "import", now, 5_000, trace_id=LARGE),
        Said("6" * 16, "main", now, 5_000, parent="5" * 16, trace_id=LARGE),
        *(Said(f"{n:016x}", f"step {n}", now + n, 0.5, parent="5" * 16, trace_id=LARGE, error=n == 1_999)
          for n in range(1_000, 2_000)),
        *(Said(f"{n:016x}", f"inner {n}", now + n, 0.1, parent=f"{n - 1_000:016x}", trace_id=LARGE)
          for n in range(2_900, 2_950)),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("traced")
    (folder / "traces").write_bytes(segment(made))
    runtime.store.load(TRACES, folder / "traces", "traced")
    body = logs(
        "web", log(f"declined {HOSTILE}", now + 20, 17, trace_id=bytes.fromhex(FAILED), span_id=b"\x22" * 8)
    ).SerializeToString()
    (folder / "logs").write_bytes(length_prefix(len(body)) + body)
    runtime.store.load(LOGS, folder / "logs", "traced-logs")
    return house


def test_errors_come_first_and_lead_to_their_line_and_their_group(traced):
    page = traced.page(f"/trace?id={FAILED}")
    wrong = page.split("What went wrong")[1].split("What ran when")[0]
    assert f'href="#s-{"2" * 16}"' in wrong
    assert "/errors/error?fingerprint=" in wrong
    assert f'id="s-{"2" * 16}"' in page
    assert HOSTILE not in page
    assert "What went wrong" not in traced.page(f"/trace?id={FINE}")


def test_what_went_wrong_first_is_the_deepest_span_that_failed(house, runtime, tmp_path):
    now, trace = (time.time_ns() - TEN) / 1e6 - 60_000, "e9" * 16
    made = request(
        "web",
        Said("1" * 16, "GET /pay", now, 100, trace_id=trace, error=True),
        Said("2" * 16, "charge", now + 10, 80, parent="1" * 16, trace_id=trace, error=True),
        Said("3" * 16, "look up", now + 20, 95, parent="2" * 16, trace_id=trace, error=True),
        Said("4" * 16, "stock", now + 1, 5, parent="1" * 16, trace_id=trace, error=True),
    )
    (tmp_path / "wrong").write_bytes(segment(made))
    runtime.store.load(TRACES, tmp_path / "wrong", "wrong-first")
    wrong = house.page(f"/trace?id={trace}").split("What went wrong")[1].split("What ran when")[0]
    # By time the lookup ended last; it is what the others failed by.
    assert re.findall(r'href="#s-(.)', wrong) == ["4", "3", "2", "1"]


def test_a_log_stands_in_the_waterfall_below_its_span(traced):
    page = traced.page(f"/trace?id={FAILED}")
    lines = page.split("data-waterfall>")[1]
    assert lines.index(f"s-{'2' * 16}") < lines.index("declined &lt;b")
    assert "its 1 log record" in page


def test_a_large_trace_is_folded_shows_its_error_and_opens_where_one_asks(traced):
    page = traced.page(f"/trace?id={LARGE}")
    assert "spans are folded" in page
    assert f'id="s-{1_999:016x}"' in page, "the error is drawn"
    assert page.count("data-d=") < 700
    assert len(page) < 500_000
    # A step whose child is folded: its number opens it.
    opened = traced.page(f"/trace?id={LARGE}&open={1_949:016x}")
    assert f'id="s-{2_949:016x}"' in opened
    assert f'id="s-{2_949:016x}"' not in page
    everything = traced.page(f"/trace?id={LARGE}&all=1")
    assert everything.count("data-d=") == 1_052


def test_two_traces_are_compared_in_words_and_as_json(traced):
    page = traced.page(f"/traces/compare?a={FINE}&b={FAILED}")
    assert "B took 100 ms, 50 ms longer than A" in page
    assert "web: charge spends 60 ms more: 20 ms in A, 80 ms in B." in page
    twin = traced.get(f"/api/v1/traces/compare?a={FINE}&b={FAILED}").json()
    assert [(one["before"]["spans"], one["after"]["errors"]) for one in twin["differences"]] == [
        (1, 0),
        (1, 1),
    ]
    assert traced.get(f"/traces/compare?a=x&b={FAILED}").status_code == 400
    assert traced.get(f"/traces/compare?a={'9' * 32}&b={FAILED}").status_code == 404


def test_a_typical_request_is_chosen_and_said_to_be(traced):
    answer = traced.get(f"/traces/typical?id={FAILED}")
    assert f"a={FINE}&b={FAILED}" in answer.headers["location"]
    assert "A was chosen: of 1 request of" in traced.page(answer.headers["location"])
    assert traced.get(f"/traces/typical?id={LARGE}").status_code == 404


@pytest.fixture(scope="module")
def staged(traced, runtime, tmp_path_factory):
    now = (time.time_ns() - TEN) / 1e6 - 300_000
    segments = segment(
        *(
            request(
                "till",
                Said(f"{n}" * 16, f"GET /till/{where}", now, 40, trace_id=f"e{n}" * 16),
                resource={"deployment.environment.name": where},
            )
            for n, where in enumerate(("staging", "<i>live</i>"), 1)
        )
    )
    folder = tmp_path_factory.mktemp("staged")
    (folder / "traces").write_bytes(segments)
    runtime.store.load(TRACES, folder / "traces", "staged")
    return traced


def test_the_search_follows_the_environment_that_was_chosen(staged):
    every = {one["trace_id"] for one in staged.get("/traces.json?service=till").json()}
    assert every == {"e1" * 16, "e2" * 16}
    for path in ("/traces.json", "/api/v1/traces"):
        (one,) = staged.get(path, params={"service": "till", "environment": "<i>live</i>"}).json()
        assert one["trace_id"] == "e2" * 16
    page = staged.page("/traces?service=till&environment=staging")
    assert "e1" * 16 in page
    assert "e2" * 16 not in page
    assert '<option value="staging" selected>' in page
    assert "&lt;i&gt;live&lt;/i&gt;" in page
    # Another stretch and the file are of the same environment; the list of suggested services, too.
    assert "/traces?service=till&amp;environment=staging&amp;since=6h" in page
    assert "/traces.parquet?service=till&amp;environment=staging" in page
    assert '<option value="web"></option>' not in page
    assert "No trace is like that" in staged.page("/traces?environment=nowhere")


def test_pages_of_an_environment_lead_to_its_traces(staged):
    page = staged.page("/services/service?name=till&environment=staging")
    links = re.findall(r'href="(/traces\?[^"]*)"', page)
    assert links
    assert all("environment=staging" in link for link in links)
