"""The language of the search for logs, by what it finds and by how it refuses."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otlp_requests import TEN
from signal_requests import log, logs

from ktlo.errors import UsageError
from ktlo.receivers.spool import length_prefix
from ktlo.store.streams import LOGS
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.log_query import quoted, read
from ktlo.telemetry.logs import search, volume

START = dt.datetime.fromtimestamp(TEN / 1e9, dt.UTC)
HOUR = Interval(START - dt.timedelta(minutes=1), START + dt.timedelta(hours=1))


@pytest.fixture(scope="module")
def said(store, tmp_path_factory):
    made = logs(
        "shop",
        log("Connection reset by peer", 1, 17, attributes={"user.id": 7, "host": "db:1"}),
        log("checkout took 12 ms", 2, 9, attributes={"note": 'say "hi"'}, trace_id=b"\x0a" * 16),
        log("Überlauf im Lager", 3, 13),
        log("timeouts everywhere", 4, 5),
    )
    other = logs("till", log("checkout is slow", 5, 0), resource={"service.instance.id": "till-1"})
    file = tmp_path_factory.mktemp("logs") / "segment"
    bodies = [one.SerializeToString() for one in (made, other)]
    file.write_bytes(b"".join(length_prefix(len(body)) + body for body in bodies))
    store.load(LOGS, file, "said")
    return store


def bodies(store, query: str) -> set[str]:
    return {record.body.split()[0] for record in search(store, HOUR, read(query)).records}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"Connection", "checkout", "Überlauf", "timeouts"}),
        ("checkout", {"checkout"}),
        ("CONNECTION", {"Connection"}),
        ("timeout", set()),
        ("timeout*", {"timeouts"}),
        ("*everywh*", {"timeouts"}),
        ('"reset by"', {"Connection"}),
        ("überlauf", {"Überlauf"}),
        ("service:till", {"checkout"}),
        ("instance:till-1", {"checkout"}),
        ("severity:warn+", {"Connection", "Überlauf"}),
        ("severity:info,debug", {"checkout", "timeouts"}),
        ("severity:none", {"checkout"}),
        ("-severity:none -checkout", {"Connection", "Überlauf", "timeouts"}),
        ("user.id=7", {"Connection"}),
        ('host="db:1"', {"Connection"}),
        ("host=db:1", {"Connection"}),
        ("user.id=*", {"Connection"}),
        ("user.id=8", set()),
        ("user.id!=7 severity:error", set()),
        ("-user.id=* severity:info+", {"checkout", "Überlauf"}),
        (r'note="say \"hi\""', {"checkout"}),
        ("service.instance.id=till-1", {"checkout"}),
        (f"trace:{'0A' * 16}", {"checkout"}),
        ("logger:shop.checkout reset", {"Connection"}),
        ("reset checkout", set()),
        ('"\' OR 1=1 --"', set()),
        ("x='OR'1=1", set()),
    ],
)
def test_a_query_finds(said, query, found):
    assert bodies(said, query) == found


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("ok foo:bar", "no foo:, at character 4"),
        ('ok "open', "not closed, at character 4"),
        ('a"b"', "not closed, at character 2"),
        ('"a"b', "space is missing, at character 4"),
        ("severity:loud", "no severity 'loud', at character 1"),
        ("service:", "nothing is asked, at character 1"),
        ("ok -", "nothing is asked, at character 4"),
        ("a " * 31, "more than 30 terms, at character 61"),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_place(query, place):
    with pytest.raises(UsageError) as refused:
        read(query)
    assert place in refused.value.what
    assert refused.value.fix


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_never_enters_the_sql(text):
    try:
        wanted = read(text)
    except UsageError:
        return
    assert all(text not in condition for condition in wanted.conditions if len(text) > 12)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
def test_a_quoted_value_comes_back_as_it_was(value):
    if value:
        (bound,) = read(f"service:{quoted(value)}").values.values()
        assert bound == value


def test_counts_by_minute_are_asked_when_they_can_tell(said):
    assert not read("service:shop -severity:debug version:1.0").needs_records
    assert read("service:shop reset").needs_records
    assert sum(one.records for one in volume(said, HOUR, read("service:shop severity:warn+"))) == 2
    assert sum(one.records for one in volume(said, HOUR, read("checkout"))) == 2
