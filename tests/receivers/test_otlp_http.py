"""OTLP/HTTP, duty by duty, and the published exporter of OpenTelemetry against the real port."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import httpx
import pytest
import zstandard
from google.protobuf.json_format import MessageToDict
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from otlp_requests import Said, request
from starlette.requests import Request

from ktlo.receivers.access import Ingest
from ktlo.receivers.body import MOST_BYTES
from ktlo.receivers.held import Held
from ktlo.receivers.intake import Intake
from ktlo.receivers.otlp.exchange import Export, NoRoomError
from ktlo.receivers.otlp.http import application
from ktlo.receivers.otlp.signals import TRACES as TRACE_SIGNAL
from ktlo.receivers.spool import SpoolFullError
from ktlo.store.streams import TRACES

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def module_intake(store, tmp_path_factory) -> Iterator[Intake]:
    opened = Intake("traces", TRACES, store, tmp_path_factory.mktemp("spool"))
    yield opened
    opened.close()


@pytest.fixture
def ask(module_intake):
    import anyio

    def asked(body, headers, key: str = "", path: str = "/v1/traces") -> httpx.Response:
        app = application([Export(TRACE_SIGNAL, module_intake)], Ingest(key))

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4318") as client:
                return await client.post(path, content=body, headers=headers)

        return anyio.run(send)

    return asked


def good(service: str = "shop", span: str = "1" * 16) -> bytes:
    return request(service, Said(span, "x")).SerializeToString()


def refused(answer: httpx.Response) -> Status:
    status = Status()
    status.ParseFromString(answer.content)
    return status


def test_full_success_leaves_partial_success_unset(ask):
    answer = ask(good(), PROTOBUF)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-protobuf"
    response = ExportTraceServiceResponse()
    response.ParseFromString(answer.content)
    assert not response.HasField("partial_success")


def test_an_empty_request_succeeds(ask):
    assert ask(b"", PROTOBUF).status_code == 200
    assert ask(b"{}", JSON).json() == {}


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress), ("identity", bytes)]
)
def test_compressed_bodies_are_taken(ask, encoding, pack):
    answer = ask(pack(good(span="2" * 16)), {**PROTOBUF, "content-encoding": encoding})
    assert answer.status_code == 200


def test_json_is_answered_in_json(ask):
    said = MessageToDict(request("js", Said("3" * 16, "x")))
    span = said["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    span |= {"traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174", "kind": 2}
    answer = ask(json.dumps(said).encode(), {"content-type": "application/json; charset=utf-8"})
    assert (answer.status_code, answer.json()) == (200, {})


def test_partial_success_says_how_many_and_why(ask):
    made = request("shop", Said("4" * 16, "x"), Said("5" * 16, "y"))
    made.resource_spans[0].scope_spans[0].spans[0].trace_id = b""
    answer = ask(made.SerializeToString(), PROTOBUF)
    response = ExportTraceServiceResponse()
    response.ParseFromString(answer.content)
    assert answer.status_code == 200
    assert response.partial_success.rejected_spans == 1
    assert "trace_id has 0 bytes" in response.partial_success.error_message


@pytest.mark.parametrize(
    ("body", "headers", "status", "said"),
    [
        (b"\xff\xff\xff", PROTOBUF, 400, "not an ExportTraceServiceRequest"),
        (b"\x1f\x8bnot gzip", {**PROTOBUF, "content-encoding": "gzip"}, 400, "not gzip"),
        (gzip.compress(b"x" * 99, mtime=0)[:-9], {**PROTOBUF, "content-encoding": "gzip"}, 400, "cut off"),
        (b"x", {**PROTOBUF, "content-encoding": "br"}, 400, "'br' is not known"),
        (
            gzip.compress(bytes(MOST_BYTES + 1), mtime=0),
            {**PROTOBUF, "content-encoding": "gzip"},
            413,
            "64 MiB",
        ),
        (b"x", {**PROTOBUF, "content-length": str(100 << 20)}, 413, "at most"),
    ],
)
def test_bad_requests_are_refused_for_good_in_their_own_encoding(ask, body, headers, status, said):
    answer = ask(body, headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert said in refused(answer).message
    assert "retry-after" not in answer.headers


def test_bad_json_is_refused_in_json(ask):
    answer = ask(b"{", JSON)
    assert answer.status_code == 400
    assert answer.json()["code"] == 3


def test_another_media_type_is_refused(ask):
    assert ask(good(), {"content-type": "text/plain"}).status_code == 415


def test_a_signal_that_is_not_received_is_not_found(ask):
    assert ask(b"", PROTOBUF, path="/v1/profiles").status_code == 404


def test_no_room_is_503_with_the_time_to_wait(ask, module_intake, monkeypatch):
    def full(*given):
        raise SpoolFullError("the store is behind and the spool is full")

    monkeypatch.setattr(module_intake, "take", full)
    answer = ask(good(), PROTOBUF)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert "behind" in refused(answer).message


def test_with_an_ingest_key_only_those_who_have_it_are_let_in(ask):
    assert ask(good(), PROTOBUF, key="s3cret").status_code == 401
    assert ask(good(), {**PROTOBUF, "authorization": "Bearer wrong"}, key="s3cret").status_code == 401
    for scheme in ("Bearer", "ApiKey"):
        answer = ask(good(span="6" * 16), {**PROTOBUF, "authorization": f"{scheme} s3cret"}, key="s3cret")
        assert answer.status_code == 200


def test_chunks_without_a_length_are_taken(ask):
    whole = good(span="7" * 16)

    async def chunks():
        for at in range(0, len(whole), 7):
            yield whole[at : at + 7]

    assert ask(chunks(), PROTOBUF).status_code == 200


def test_a_page_in_a_browser_may_not_send_without_a_key_whatever_name_it_gave_this_machine(ask):
    """DNS rebinding makes a stranger's page same-origin with this port: no preflight keeps it out."""
    sent = {"origin": "http://evil.example:4318", "host": "evil.example:4318"}
    answer = ask(good("rebound"), PROTOBUF | sent)
    assert (answer.status_code, refused(answer).code) == (403, 7)
    with_key = ask(good("rebound"), PROTOBUF | sent | {"authorization": "Bearer k"}, key="k")
    assert with_key.status_code == 200


def test_bodies_that_are_held_back_do_not_fill_the_memory_the_next_sender_is_told_to_come_again():
    held = Held(most=100)
    first, second = Request({"type": "http"}), Request({"type": "http"})
    held.add(first, 60)
    with pytest.raises(NoRoomError, match="come again"):
        held.add(second, 60)
    held.add(first, 40)
    held.release(first)
    held.add(second, 100)


def test_what_was_received_is_no_longer_held(module_intake):
    import anyio

    app = application([Export(TRACE_SIGNAL, module_intake)], Ingest(), Held(3000))

    async def send() -> list[int]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4318") as client:
            statuses = [
                (await client.post("/v1/traces", content=good(f"held-{n}"), headers=PROTOBUF)).status_code
                for n in range(30)
            ]
            full = await client.post("/v1/traces", content=b"x" * 3001, headers=PROTOBUF)
            assert full.headers["retry-after"]
            return [*statuses, full.status_code]

    assert anyio.run(send) == [200] * 30 + [503]
