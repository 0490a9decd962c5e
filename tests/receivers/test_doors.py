"""Bad input on every door over HTTP: the protocol's proper refusal, the reason counted, and the process lives."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator

import anyio
import pytest
from doors import COMPRESSED, DOORS, IDS, Door, House, gzipped
from hypothesis import given, settings
from hypothesis import strategies as st
from signal_requests import logs

from ktlo.receivers.access import Ingest, Key, Sender
from ktlo.receivers.body import MOST_BYTES
from ktlo.receivers.intake import Intake
from ktlo.receivers.spool import SpoolFullError
from ktlo.store.streams import LOGS, METRICS, TRACES

EXAMPLES = int(os.environ.get("KTLO_FUZZ_EXAMPLES", "40"))
"""Requests on each door; by hand: ``KTLO_FUZZ_EXAMPLES=100000 pytest tests/receivers/test_doors.py -k fuzz``."""

every_door = pytest.mark.parametrize("door", DOORS, ids=IDS)


@pytest.fixture(scope="module")
def house(store, tmp_path_factory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("spools")
    streams = {"traces": TRACES, "metrics": METRICS, "logs": LOGS}
    opened = {name: Intake(name, stream, store, folder / name) for name, stream in streams.items()}
    yield House(opened)
    for intake in opened.values():
        intake.close()


def malformed(house: House, door: Door) -> int:
    return house.intakes[door.signal].tally.malformed.total()


def refusals(house: House) -> list[str]:
    return [reason for tally in house.front.doors.values() for reason in tally.refused]


@every_door
def test_a_good_request_is_taken_and_counted_for_its_service(house, door):
    answer = house.ask(door.path, door.pack(door.good(f"good-{door.name}")), door.headers)
    assert answer.status_code == door.success, answer.text
    arrived = {one.service: one.items for one in house.intakes[door.signal].arrivals.recent()}
    assert arrived[f"good-{door.name}"] == 1
    assert [tally.requests for tally in house.front.doors.values()] == [1]


@every_door
def test_a_request_that_is_sent_again_is_taken_and_not_kept_twice(house, door):
    tally = house.intakes[door.signal].tally
    before = tally.requests, tally.resent
    for _ in range(2):
        house.ask(door.path, door.pack(door.good(f"again-{door.name}")), door.headers)
    assert (tally.requests, tally.resent) == (before[0] + 1, before[1] + 1)


@every_door
@pytest.mark.parametrize(
    "body", [b"\xff\xff\xff", b'{"a": ', b"[1]", b"\x0a\x05abc"], ids=["ff", "half", "array", "cut"]
)
def test_what_is_not_of_the_protocol_is_refused_for_good(house, door, body):
    before = malformed(house, door)
    answer = house.ask(door.path, door.pack(body), door.headers)
    if door.name == "zipkin" and body == b"[1]":
        assert answer.status_code == 400  # a list, of which nothing is a span
        return
    assert answer.status_code == 400
    assert "retry-after" not in answer.headers
    assert malformed(house, door) == before + 1
    assert len(refusals(house)) == 1


@every_door
def test_a_body_that_is_cut_off_is_refused(house, door):
    whole = door.good(f"cut-{door.name}") * 20
    if door in COMPRESSED:
        body, headers = gzipped(door, whole)
        body = body[:-9]
    else:
        body, headers = door.pack(whole)[:-5], door.headers
    answer = house.ask(door.path, body, headers)
    assert answer.status_code == 400
    assert refusals(house)


@every_door
def test_a_bomb_is_refused_as_too_large(house, door):
    body = (
        gzip.compress(bytes(MOST_BYTES + 1), mtime=0)
        if door in COMPRESSED
        else door.pack(bytes(MOST_BYTES + 1))
    )
    assert len(body) < MOST_BYTES / 10
    headers = {**door.headers, "content-encoding": "gzip" if door in COMPRESSED else "snappy"}
    answer = house.ask(door.path, body, headers)
    assert answer.status_code == 413
    assert "64 MiB" in answer.text


@every_door
def test_a_hundred_megabytes_are_refused_by_their_length(house, door):
    answer = house.ask(door.path, b"x", {**door.headers, "content-length": str(100 << 20)})
    assert answer.status_code == 413


@every_door
def test_an_encoding_that_is_not_known_is_named(house, door):
    answer = house.ask(door.path, b"x", {**door.headers, "content-encoding": "br"})
    assert answer.status_code in (400, 415)
    assert "br" in answer.text


@every_door
def test_another_media_type_is_refused(house, door):
    answer = house.ask(door.path, door.pack(door.good("x")), {**door.headers, "content-type": "text/plain"})
    assert answer.status_code == 415
    assert "text/plain" in answer.text


@every_door
def test_chunks_without_a_length_are_taken(house, door):
    whole = door.pack(door.good(f"chunks-{door.name}"))

    async def chunks():
        for at in range(0, len(whole), 7):
            yield whole[at : at + 7]

    assert house.ask(door.path, chunks(), door.headers).status_code == door.success


@every_door
def test_a_body_that_does_not_come_is_given_up_and_may_be_sent_again(house, door):
    async def never():
        yield b"x"
        await anyio.sleep_forever()
        yield b"y"

    answer = house.ask(door.path, never(), door.headers)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "not there within" in answer.text


@every_door
def test_without_room_the_sender_is_told_when_to_come_again(house, door, monkeypatch):
    def full(*given):
        raise SpoolFullError("the store is behind and the spool is full")

    monkeypatch.setattr(house.intakes[door.signal], "take", full)
    answer = house.ask(door.path, door.pack(door.good(f"full-{door.name}")), door.headers)
    assert (answer.status_code, int(answer.headers["retry-after"]) >= 1) == (503, True)
    assert "behind" in answer.text


KEYS = Ingest(keys=(Key(Sender("shop", ("shop-*",)), "s3cret"), Key(Sender("all"), "other")))


@every_door
@pytest.mark.parametrize(
    ("given_key", "service", "status"),
    [
        ("", "shop-web", 401), ("wrong", "shop-web", 401), ("other", "pay", 0), ("s3cret", "shop-web", 0),
        ("s3cret", "pay", 403), ("s3cret", "", 403),
    ],
)  # fmt: skip
def test_a_key_speaks_for_its_services_and_no_others(house, door, given_key, service, status):
    headers = {**door.headers, **({"authorization": f"Bearer {given_key}"} if given_key else {})}
    answer = house.ask(door.path, door.pack(door.good(service)), headers, KEYS)
    assert answer.status_code == (status or door.success)
    if status == 403:
        assert "may not speak for" in answer.text
        assert any("'shop'" in reason for reason in refusals(house))
    assert "s3cret" not in answer.text


def test_of_a_request_of_several_services_the_key_lets_its_own_through(house):
    made = logs("shop-web", {"body": "mine"})
    made.MergeFrom(logs("pay", {"body": "theirs"}))
    headers = {"content-type": "application/x-protobuf", "authorization": "Bearer s3cret"}
    answer = house.ask("/v1/logs", made.SerializeToString(), headers, KEYS)
    assert answer.status_code == 200
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

    told = ExportLogsServiceResponse()
    told.ParseFromString(answer.content)
    assert told.partial_success.rejected_log_records == 1
    assert "'pay'" in told.partial_success.error_message


@every_door
def test_a_page_in_a_browser_may_not_send_without_a_key(house, door):
    answer = house.ask(
        door.path, door.pack(door.good("x")), {**door.headers, "origin": "http://evil.example"}
    )
    assert answer.status_code == 403


@every_door
@given(data=st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_fuzz_whatever_bytes_come_the_process_lives(house, door, data):
    """Bytes of nothing, and good requests with bytes changed: no answer is ktlo's own fault."""
    body = bytearray(data.draw(st.binary(max_size=200)))
    if data.draw(st.booleans()):
        body = bytearray(door.good("fuzz"))
        for _ in range(data.draw(st.integers(1, 8))):
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    answer = house.ask(door.path, door.pack(bytes(body)), door.headers)
    assert answer.status_code in (200, 202, 204, 400), answer.text


def test_the_store_takes_everything_that_was_acknowledged_here(house):
    """What the fuzzer got through is readable for the engine too: nothing is set aside."""
    for intake in house.intakes.values():
        intake.flush()
        assert intake.tally.set_aside == 0
