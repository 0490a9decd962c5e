"""Names that are too long: cut, told, and still two names where they were two; at every door."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from doors import DOORS, IDS, House
from elastic_streams import METADATA, ndjson, transaction
from otlp_requests import Said, request
from signal_requests import log, logs, metrics, points_of

from ktlo.receivers.elastic.stream import Exports, Stream
from ktlo.receivers.intake import Intake
from ktlo.receivers.otlp import signals
from ktlo.receivers.otlp.accepting import MOST_VALUE, Reasons
from ktlo.receivers.otlp.exchange import Export
from ktlo.receivers.otlp.naming import MOST_NAME, NAMING_KEYS, named, state_kept, url_named
from ktlo.store.streams import LOGS, METRICS, TRACES

LONG = "n" * (64 << 10)
TOLD = f"is longer than {MOST_NAME:,} characters; cut, with a digest of the whole"


@pytest.fixture(scope="module")
def house(store, tmp_path_factory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("spools")
    streams = {"traces": TRACES, "metrics": METRICS, "logs": LOGS}
    opened = {name: Intake(name, stream, store, folder / name) for name, stream in streams.items()}
    yield House(opened)
    for intake in opened.values():
        intake.close()


def test_a_name_that_fits_stays_and_a_longer_one_keeps_a_digest():
    assert named("n" * MOST_NAME) == "n" * MOST_NAME
    one, two = named(LONG + "1"), named(LONG + "2")
    assert one != two
    assert len(one) == len(two) == MOST_NAME
    assert one.startswith("nnn")


@pytest.mark.parametrize("door", DOORS, ids=IDS)
def test_at_every_door_a_service_name_of_64_kib_is_cut_told_and_stored(house, store, door):
    intake = house.intakes[door.signal]
    before = intake.tally.warned.total()
    answer = house.ask(door.path, door.pack(door.good(LONG + door.name)), door.headers)
    assert answer.status_code == door.success, answer.text
    assert intake.tally.warned.total() > before
    assert any(TOLD in reason for reason in intake.tally.warned)
    intake.flush()
    table = {"traces": "spans", "metrics": "metric_series", "logs": "log_records"}[door.signal]
    found = store.query(
        f"SELECT max(length(toString(service))) AS longest, countIf(service = {{cut:String}}) AS kept"
        f" FROM ktlo.{table}",
        {"cut": named(LONG + door.name)},
    ).to_pylist()[0]
    assert found["longest"] <= MOST_NAME + 2, "characters that are more than a byte count more"
    assert found["kept"] == 1


def kept(signal, made) -> Reasons:
    reasons = Reasons()
    assert signal.keep(made, reasons) == 1
    assert not reasons.rejected
    return reasons


def test_names_of_operations_events_scopes_and_attributes_are_cut():
    made = request(
        "shop",
        Said("1" * 16, LONG, attributes={LONG: "v", "peer.service": LONG, "note": LONG}, events=[(LONG, {})]),
    )
    scope = made.resource_spans[0].scope_spans[0]
    scope.scope.name = LONG
    reasons = kept(signals.TRACES, made)
    (span,) = scope.spans
    assert span.name == span.events[0].name == scope.scope.name == named(LONG)
    values = {one.key: one.value.string_value for one in span.attributes}
    assert values == {named(LONG): "v", "peer.service": named(LONG), "note": LONG[:MOST_VALUE]}
    said = (
        "the name of a span",
        "the name of an event",
        "the name of a scope",
        "the key of an attribute",
        "peer.service",
    )
    assert set(reasons.warned) == {f"{one} {TOLD}" for one in said}


def test_the_state_of_a_trace_the_message_of_a_status_and_hosts_in_urls_are_bounded(house, store):
    host, query = "h" * 500 + ".example." + "h" * 4000, "q" * 4000
    made = request(
        "caller",
        Said("1" * 16, "GET", kind=3, trace_id="c" * 32, error=True,
             attributes={"url.full": f"https://me:secret@{host}:81/a?{query}"}),
    )  # fmt: skip
    (span,) = made.resource_spans[0].scope_spans[0].spans
    span.status.message = "m" * (1 << 20)
    members = [f"vendor{number}={'s' * 256}" for number in range(100)]
    span.trace_state = ",".join(members)
    reasons = kept(signals.TRACES, made)
    assert set(reasons.warned) == {
        f"the host in url.full {TOLD}", "the message of a status is longer than 65,536 characters; cut",
        "tracestate is longer than 16,416 characters; whole members cut",
    }  # fmt: skip
    assert len(span.status.message) == MOST_VALUE
    assert span.trace_state.split(",") == members[: len(span.trace_state.split(","))]
    assert 60 < len(span.trace_state.split(",")) < 64
    (url,) = [one.value.string_value for one in span.attributes if one.key == "url.full"]
    assert url.startswith("https://hhh")
    assert url.endswith(f"/a?{query}")
    assert kept(signals.TRACES, made).warned == {}, "what was cut stays as it is"
    house.intakes["traces"].take(made.SerializeToString(), 1)
    house.intakes["traces"].flush()
    (node,) = store.query(
        "SELECT toString(node) AS node FROM ktlo.call_ends WHERE service = 'caller'"
    ).to_pylist()
    assert node["node"] == url.split("/")[2]
    assert len(node["node"]) == MOST_NAME


@pytest.mark.parametrize(
    "url", ["", "https://api.example/" + "p" * 4000, "//api.example?" + "p" * 4000, "h" * MOST_NAME + "/x"]
)
def test_a_url_with_a_host_of_usual_length_stays(url):
    assert url_named(url) == url
    assert state_kept("a=1,b=2") == "a=1,b=2"
    assert state_kept("a=" + "1" * 20_000) == ""


def test_names_and_labels_of_metrics_are_cut():
    made = metrics("shop", name=LONG)
    point = points_of(made)[0]
    point.attributes.add(key="route").value.string_value = LONG
    reasons = kept(signals.METRICS, made)
    assert made.resource_metrics[0].scope_metrics[0].metrics[0].name == named(LONG)
    assert point.attributes[0].value.string_value == named(LONG)
    cut = ("the name of a metric", "the description of a metric", "the value of a label")
    assert set(reasons.warned) == {f"{one} {TOLD}" for one in cut}


def test_the_body_of_a_record_and_what_is_no_name_are_cut_at_their_own_limits_and_told():
    made = logs("shop", log("x" * (1 << 20), event_name=LONG, attributes={"note": "x" * (1 << 20)}))
    reasons = kept(signals.LOGS, made)
    assert set(reasons.warned) == {
        f"the name of an event {TOLD}", "the body is longer than 262,144 characters; cut",
        "the value of an attribute is longer than 65,536 characters; cut",
    }  # fmt: skip


@pytest.mark.parametrize(
    "value", [b"\xff" * 4000, ["a" * 4000], {"a": "b" * 4000}], ids=["bytes", "array", "map"]
)
def test_a_service_name_that_is_no_text_is_bounded_too(value):
    made = request("shop", Said("1" * 16, "x"), resource={"service.name": value})
    kept(signals.TRACES, made)
    (name,) = [one for one in made.resource_spans[0].resource.attributes if one.key == "service.name"]
    assert len(name.value.string_value) == MOST_NAME


def test_what_becomes_a_column_of_names_is_bounded():
    """The attributes that the store makes columns of are among those that name something."""
    for key in (
        "service.name",
        "service.version",
        "deployment.environment",
        "service.instance.id",
        "host.name",
    ):
        assert key in NAMING_KEYS


def test_elastics_agents_are_bounded_alike(house):
    exports = Exports(
        *(Export(one, house.intakes[one.name]) for one in (signals.TRACES, signals.LOGS, signals.METRICS))
    )
    before = house.intakes["traces"].tally.warned.total()
    metadata = {"metadata": {"service": {**METADATA["metadata"]["service"], "name": LONG}}}
    stream = Stream(exports)
    stream.feed(ndjson(metadata, transaction(name=LONG)))
    stream.finish()
    assert stream.outcome.accepted == 1
    assert house.intakes["traces"].tally.warned.total() >= before + 2
    assert f"service.name {TOLD}" in house.intakes["traces"].tally.warned
