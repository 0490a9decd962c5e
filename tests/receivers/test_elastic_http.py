"""Intake v2, agent configuration and server information over a real port, duty by duty."""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from itertools import pairwise

import httpx
import pytest
import uvicorn
from elastic_streams import METADATA, error, kept, metricset, ndjson, span, spans_of, transaction
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from ktlo.receivers.access import Ingest
from ktlo.receivers.body import BadBodyError, TooLargeError
from ktlo.receivers.elastic.http import VERSION, routes
from ktlo.receivers.elastic.lines import MOST_LINE, Lines, TooLong
from ktlo.receivers.elastic.stream import MOST_EVENTS, MOST_REJECTED, Exports, Outcome, Stream
from ktlo.receivers.front import Front
from ktlo.receivers.held import Held
from ktlo.receivers.otlp.exchange import NoRoomError
from ktlo.settings.agents import AgentSettings

NDJSON = {"content-type": "application/x-ndjson"}
AGENTS = (
    AgentSettings(settings={"log_level": "info"}),
    AgentSettings(service="storefront", settings={"transaction_sample_rate": 0.5, "recording": True}),
    AgentSettings(service="storefront", environment="prod", settings={"transaction_sample_rate": 0.1}),
    AgentSettings(environment="test", settings={"recording": False}),
)


@contextlib.contextmanager
def listening(
    exports: Exports, key: str = "", agents=AGENTS, held: int = 1 << 26, silent: float = 60, front=None
) -> Iterator[str]:
    """A server of Elastic's routes on a port of its own; gives its address."""
    app = Starlette(routes=routes(exports, front or Front(Ingest(key), Held(held)), agents, silent))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture(scope="module")
def exports() -> Exports:
    return kept()


@pytest.fixture(scope="module")
def server(exports) -> Iterator[str]:
    with listening(exports) as address:
        yield address


def send(address: str, body, headers=NDJSON, query: str = "") -> httpx.Response:
    return httpx.post(
        f"{address}/intake/v2/events{query}", content=body, headers=headers, trust_env=False, timeout=60
    )


def of_service(name: str) -> dict:
    return {
        "metadata": {**METADATA["metadata"], "service": {**METADATA["metadata"]["service"], "name": name}}
    }


def service_spans(exports: Exports, name: str) -> list:
    return [
        one
        for request in exports.traces.requests
        for part in request.resource_spans
        if any(attribute.value.string_value == name for attribute in part.resource.attributes)
        for one in part.scope_spans[0].spans
    ]


def test_success_is_202_without_a_body_and_with_one_when_it_is_asked_for(server):
    answer = send(server, ndjson(METADATA, transaction(), span(), error(), metricset()))
    assert (answer.status_code, answer.content) == (202, b"")
    answer = send(server, ndjson(METADATA, transaction()), query="?verbose")
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})


def test_an_empty_body_and_metadata_alone_are_fine(server):
    assert send(server, b"").status_code == 202
    assert send(server, ndjson(METADATA)).status_code == 202


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)]
)
def test_compressed_bodies_are_read(server, exports, encoding, pack):
    body = pack(ndjson(of_service(f"packed-{encoding}"), transaction()))
    assert send(server, body, {**NDJSON, "content-encoding": encoding}).status_code == 202
    assert len(service_spans(exports, f"packed-{encoding}")) == 1


def test_of_a_stream_with_bad_events_the_good_ones_are_kept_and_the_others_named(server, exports):
    body = ndjson(
        of_service("mixed"), transaction(), {"profile": {"x": 1}}, b'{"span": {"id"', transaction(id="1" * 16)
    )
    answer = send(server, body)
    assert answer.status_code == 400
    assert answer.json()["accepted"] == 2
    unknown, half = answer.json()["errors"]
    assert unknown["message"] == "did not recognize object type: 'profile'"
    assert unknown["document"] == '{"profile": {"x": 1}}'
    assert half["document"] == '{"span": {"id"'
    assert len(service_spans(exports, "mixed")) == 2
    assert exports.traces.rejected["unknown kind of event 'profile'"] >= 1


def test_half_a_line_at_the_end_is_told_and_the_rest_kept(server, exports):
    answer = send(server, ndjson(of_service("half"), transaction()) + json.dumps(span()).encode()[:-7])
    assert (answer.status_code, answer.json()["accepted"]) == (400, 1)
    assert len(service_spans(exports, "half")) == 1
    whole = ndjson(of_service("whole"), transaction()).rstrip(b"\n")
    assert send(server, whole).status_code == 202
    assert len(service_spans(exports, "whole")) == 1


def test_without_metadata_nothing_is_kept(server, exports):
    before = len(spans_of(exports))
    for body, said in (
        (ndjson(transaction()), "must be 'metadata'"),
        (ndjson({"metadata": {}}, transaction()), "$.metadata"),
        (ndjson({"metadata": {"service": {"name": "x"}}}, transaction()), "metadata.service.agent"),
        (ndjson(b"not json", transaction()), "not JSON"),
    ):
        answer = send(server, body)
        assert answer.status_code == 400
        assert answer.json()["accepted"] == 0
        assert said in answer.json()["errors"][0]["message"]
    assert len(spans_of(exports)) == before


def test_an_event_that_is_too_large_is_skipped_without_being_held(server, exports):
    large = transaction(name="x" * (MOST_LINE + 1))
    answer = send(server, ndjson(of_service("large"), transaction(), large, transaction(id="1" * 16)))
    assert (answer.status_code, answer.json()["accepted"]) == (400, 2)
    assert answer.json()["errors"][0]["message"] == "event exceeded the permitted size"
    assert len(answer.json()["errors"][0]["document"]) <= 1024


def test_a_bomb_is_given_up_and_a_truncated_body_told(server, exports):
    bomb = gzip.compress(b"\n" * (65 << 20))
    answer = send(server, bomb, {**NDJSON, "content-encoding": "gzip"})
    assert answer.status_code == 413
    cut = gzip.compress(ndjson(of_service("cut"), *(transaction(id=f"{n:016x}") for n in range(1, 50))))[:-20]
    answer = send(server, cut, {**NDJSON, "content-encoding": "gzip"})
    assert answer.status_code == 400
    assert "cut off" in answer.json()["errors"][-1]["message"]
    assert answer.json()["accepted"] == len(service_spans(exports, "cut")) > 0
    assert send(server, b"plain", {**NDJSON, "content-encoding": "gzip"}).status_code == 400
    assert send(server, b"plain", {**NDJSON, "content-encoding": "br"}).status_code == 400


def test_the_highest_status_wins():
    with listening(kept(NoRoomError("the spool is full"))) as address:
        answer = send(address, ndjson(METADATA, {"profile": {}}, transaction()))
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert [one["message"] for one in answer.json()["errors"]] == [
        "did not recognize object type: 'profile'",
        "queue is full: the spool is full",
    ]

    outcome = Outcome()
    for status in (400, 503, 400):
        outcome.add(status, "x")
    assert outcome.status == 503


def test_bodies_beyond_what_all_requests_may_hold_are_told_to_come_again():
    with listening(kept(), held=1000) as address:
        answer = send(address, ndjson(METADATA, *[transaction()] * 20))
    assert answer.status_code == 503


def test_another_content_type_or_method_is_refused(server):
    assert send(server, ndjson(METADATA), {"content-type": "application/json"}).status_code == 400
    assert send(server, ndjson(METADATA), {}).status_code == 202
    assert httpx.get(f"{server}/intake/v2/events", trust_env=False, timeout=60).status_code == 405


def test_a_chunked_body_is_taken_while_it_streams(server, exports):
    host = server.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.putrequest("POST", "/intake/v2/events?verbose")
    connection.putheader("content-type", "application/x-ndjson")
    connection.putheader("transfer-encoding", "chunked")
    connection.endheaders()

    def chunk(body: bytes) -> None:
        connection.send(f"{len(body):x}\r\n".encode() + body + b"\r\n")

    line = json.dumps(transaction(id="1" * 16)).encode()
    chunk(ndjson(of_service("streaming"), transaction()) + line[:40])
    deadline = time.monotonic() + 60
    while not service_spans(exports, "streaming") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(service_spans(exports, "streaming")) == 1  # while the request goes on
    chunk(line[40:] + b"\n")
    connection.send(b"0\r\n\r\n")
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())) == (202, {"accepted": 2})
    assert len(service_spans(exports, "streaming")) == 2
    connection.close()


def test_a_client_that_never_closes_is_let_go_and_what_it_sent_is_kept():
    exports = kept()
    with (
        listening(exports, silent=1) as address,
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=60) as connection,
    ):
        body = ndjson(METADATA, transaction())
        connection.sendall(
            b"POST /intake/v2/events HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
            + f"{len(body):x}\r\n".encode()
            + body
            + b"\r\n"
        )
        said = connection.recv(65536)
    assert said.startswith(b"HTTP/1.1 408")
    assert len(spans_of(exports)) == 1


def test_a_client_that_breaks_off_loses_nothing_that_was_whole():
    exports = kept()
    with listening(exports) as address:
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as connection:
            body = ndjson(METADATA, transaction(), transaction(id="1" * 16)) + b'{"span'
            connection.sendall(
                b"POST /intake/v2/events HTTP/1.1\r\nhost: x\r\ncontent-length: 99999\r\n\r\n" + body
            )
        deadline = time.monotonic() + 60
        while len(spans_of(exports)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
    assert len(spans_of(exports)) == 2


def test_a_request_of_nothing_but_bad_events_is_given_up():
    exports = kept()
    stream = Stream(exports)
    stream.feed(ndjson(METADATA, transaction()) + b"{}\n" * (MOST_REJECTED + 5))
    assert stream.is_over
    assert stream.outcome.status == 400
    assert (stream.outcome.accepted, exports.traces.rejected.total()) == (1, MOST_REJECTED)


def test_a_long_stream_is_taken_in_batches():
    exports = kept()
    stream = Stream(exports)
    stream.feed(ndjson(METADATA, *(transaction(id=f"{n:016x}") for n in range(1, 2 * MOST_EVENTS + 2))))
    assert len(spans_of(exports)) == 2 * MOST_EVENTS
    stream.finish()
    assert len(spans_of(exports)) == 2 * MOST_EVENTS + 1


def test_an_answer_lists_some_errors_and_counts_all():
    stream = Stream(kept())
    stream.feed(ndjson(METADATA, *[{"x": 1}] * 50))
    stream.finish()
    errors = stream.outcome.as_json()["errors"]
    assert len(errors) == 21
    assert errors[-1] == {"message": "and 30 more"}


@pytest.mark.parametrize(
    ("given_key", "status"),
    [
        ("", 401),
        ("Bearer wrong", 401),
        ("Bearer s3cret", 202),
        ("ApiKey s3cret", 202),
        (f"ApiKey {base64.b64encode(b'id:s3cret').decode()}", 202),
        (f"ApiKey {base64.b64encode(b'id:other').decode()}", 401),
        ("Basic s3cret", 401),
    ],
)
def test_with_an_ingest_key_only_those_who_have_it_may_send(given_key, status):
    with listening(kept(), key="s3cret") as address:
        answer = send(address, ndjson(METADATA), {**NDJSON, "authorization": given_key})
        assert answer.status_code == status
        if status == 401:
            assert "ingest key is needed" in answer.json()["error"]
            assert (
                httpx.get(address, headers={"authorization": given_key}, trust_env=False, timeout=60).content
                == b""
            )


def test_browsers_are_told_that_they_are_not_received(server):
    for path in ("/intake/v2/rum/events", "/intake/v3/rum/events", "/config/v1/rum/agents"):
        answer = httpx.post(server + path, trust_env=False, timeout=60)
        assert answer.status_code == 403
        assert "RUM endpoint is disabled" in answer.json()["error"]
    answer = send(server, ndjson(METADATA), {**NDJSON, "origin": "http://evil.example"})
    assert answer.status_code == 403


def test_agents_learn_the_servers_version(server):
    answer = httpx.get(server, trust_env=False, timeout=60).json()
    assert answer["version"] == VERSION
    assert answer["publish_ready"] is True
    assert {"build_date", "build_sha"} <= set(answer)


@pytest.mark.parametrize(
    ("service", "environment", "wanted"),
    [
        ("storefront", "prod", {"transaction_sample_rate": "0.1"}),
        ("storefront", "test", {"transaction_sample_rate": "0.5", "recording": "true"}),
        ("orders", "test", {"recording": "false"}),
        ("orders", "", {"log_level": "info"}),
    ],
)
def test_an_agent_gets_the_configuration_that_names_it_best(server, service, environment, wanted):
    by_get = httpx.get(
        f"{server}/config/v1/agents",
        params={"service.name": service, "service.environment": environment},
        trust_env=False,
        timeout=60,
    )
    asked = {"service": {"name": service, "environment": environment}}
    by_post = httpx.post(f"{server}/config/v1/agents", json=asked, trust_env=False, timeout=60)
    assert by_get.json() == by_post.json() == wanted
    assert by_get.headers["etag"] == by_post.headers["etag"]
    assert by_get.headers["cache-control"] == "max-age=30, must-revalidate"
    unchanged = httpx.post(
        f"{server}/config/v1/agents",
        json=asked,
        headers={"if-none-match": by_get.headers["etag"]},
        trust_env=False,
        timeout=60,
    )
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == by_get.headers["etag"]


def test_questions_for_configuration_that_cannot_be_answered():
    with listening(kept()) as address:
        path = f"{address}/config/v1/agents"
        for answer in (
            httpx.get(path, trust_env=False, timeout=60),
            httpx.post(path, content=b"nonsense", trust_env=False, timeout=60),
            httpx.post(path, content=b'{"service": 3}', trust_env=False, timeout=60),
            httpx.post(path, content=b" " * 70_000, trust_env=False, timeout=60),
        ):
            assert answer.status_code == 400
            assert answer.json()["error"]
            assert "max-age=300" in answer.headers["cache-control"]
    with listening(kept(), agents=()) as address:
        answer = httpx.get(f"{address}/config/v1/agents?service.name=x", trust_env=False, timeout=60)
        assert answer.status_code == 403
        assert "telemetry.agents" in answer.json()["error"]


@given(
    lines=st.lists(
        st.binary(min_size=1, max_size=40).filter(lambda one: b"\n" not in one and not one.isspace()),
        max_size=8,
    ),
    cuts=st.lists(st.integers(0, 400), max_size=6),
    encoding=st.sampled_from(["", "gzip", "deflate"]),
)
def test_lines_are_the_same_however_a_body_is_cut(lines, cuts, encoding):
    body = b"".join(line + b"\n" for line in lines)
    packed = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[encoding](body)
    places = sorted({0, *(cut for cut in cuts if cut < len(packed)), len(packed)})
    reader = Lines(encoding)
    got = [line for start, end in pairwise(places) for line in reader.feed(packed[start:end])]
    assert [*got, *reader.finish()] == lines


@given(
    body=st.binary(max_size=300),
    is_after_metadata=st.booleans(),
    encoding=st.sampled_from(["", "gzip", "deflate"]),
    is_packed=st.booleans(),
)
def test_any_bytes_get_an_answer_of_the_protocol(body, is_after_metadata, encoding, is_packed):
    body = ndjson(METADATA) + body if is_after_metadata else body
    if is_packed:
        body = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[encoding](body)
    stream = Stream(kept(), encoding)
    stream.feed(body)
    stream.finish()
    assert stream.outcome.status in (202, 400)
    assert bool(stream.outcome.errors) == (stream.outcome.status == 400)


def test_limits_of_lines_hold_while_a_body_arrives():
    reader = Lines("", most_line=10, most=100)
    first, *rest = list(reader.feed(b"short\n" + b"x" * 11))
    assert first == b"short"
    assert [type(one) for one in rest] == [TooLong]
    assert reader.held == 0
    assert list(reader.feed(b"still the long one\nnext\n")) == [b"next"]
    with pytest.raises(TooLargeError):
        list(reader.feed(b"\n" * 100))
    several = Lines("gzip")
    body = gzip.compress(b"one\n") + gzip.compress(b"two\n")
    assert list(several.feed(body)) == [b"one", b"two"]
    assert list(several.finish()) == []
    with pytest.raises(BadBodyError):
        list(Lines("deflate").feed(zlib.compress(b"x") + b"more"))
    assert list(Lines("gzip").finish()) == []
