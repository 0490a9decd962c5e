"""OTLP over gRPC under a fuzzer: no answer is ktlo's own fault, and the next good request is taken.

By hand: ``KTLO_FUZZ_EXAMPLES=20000 pytest tests/receivers/test_grpc_door.py``.
"""

from __future__ import annotations

import gzip
import os
import re
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress

import grpc
import pytest
from doors import DOORS
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.receivers.access import Ingest
from ktlo.receivers.body import MOST_BYTES
from ktlo.receivers.intake import Intake
from ktlo.receivers.otlp import signals
from ktlo.receivers.otlp.exchange import Export
from ktlo.receivers.otlp.grpc import Server, serve
from ktlo.receivers.tally import DoorTally
from ktlo.store.streams import LOGS, METRICS, TRACES

EXAMPLES = int(os.environ.get("KTLO_FUZZ_EXAMPLES", "40"))
GOOD = {door.name: door.good for door in DOORS}
STREAMS = {"traces": TRACES, "metrics": METRICS, "logs": LOGS}
CODES = {code.value[0]: code for code in grpc.StatusCode}
OK, INVALID = grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT

every_signal = pytest.mark.parametrize("signal", signals.SIGNALS, ids=lambda one: one.name)


class House:
    """The door over three intakes, and one channel to it."""

    def __init__(self, intakes: dict[str, Intake], server: Server, tally: DoorTally) -> None:
        self.intakes, self.server, self.tally = intakes, server, tally
        self.channel = grpc.insecure_channel(
            f"127.0.0.1:{server.port}", options=(("grpc.max_send_message_length", -1),)
        )

    def ask(self, signal, body: bytes, compression=None, metadata=()) -> grpc.StatusCode:
        export = self.channel.unary_unary(f"/{signal.service}/Export")
        try:
            export(body, compression=compression, metadata=metadata, timeout=60)
        except grpc.RpcError as refused:
            return refused.code()
        return OK


@pytest.fixture(scope="module")
def house(store, tmp_path_factory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("spools")
    opened = {name: Intake(name, stream, store, folder / name) for name, stream in STREAMS.items()}
    tally = DoorTally()
    exports = [Export(one, opened[one.name]) for one in signals.SIGNALS]
    made = House(opened, serve(exports, Ingest(), "127.0.0.1", 0, tally, body_seconds=2), tally)
    yield made
    made.channel.close()
    made.server.stop()
    for intake in opened.values():
        intake.close()


# The wire as RFC 9113 has it, for what gRPC's own client never sends


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return struct.pack(">I", len(body))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + body


def field(name: str, value: str) -> bytes:
    """A literal header field without indexing (RFC 7541, 6.2.2), names and values under 127 bytes."""
    return b"\x00" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()


def on_the_wire(port: int, path: str, data: bytes, headers: dict[str, str]) -> grpc.StatusCode | None:
    """Send one call as it stands; its status, none when the connection ends without one."""
    told = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "x", "te": "trailers"}
    told |= {"content-type": "application/grpc", **headers}
    with socket.create_connection(("127.0.0.1", port), timeout=60) as wire:
        wire.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
        wire.sendall(frame(1, 4, 1, b"".join(field(*one) for one in told.items())) + frame(0, 1, 1, data))
        came = b""
        with suppress(ConnectionError):
            while piece := wire.recv(65_536):
                came += piece
                # The first on its connection: neither indexed nor compressed.
                if found := re.search(rb"grpc-status[\x01\x02](\d+)", came):
                    return CODES[int(found[1])]
    return None


KEYS = st.from_regex(r"[a-z][a-z0-9_.-]{0,12}", fullmatch=True).filter(
    lambda key: not key.startswith("grpc-") and not key.endswith("-bin")
)
METADATA = st.lists(
    st.one_of(
        st.tuples(KEYS, st.from_regex(r"[ -~]{0,80}", fullmatch=True)),
        st.tuples(KEYS.map(lambda key: f"{key}-bin"), st.binary(max_size=80)),
        st.tuples(
            st.just("authorization"), st.sampled_from(["", "Bearer", "Bearer ", "Basic eA==", "ApiKey x"])
        ),
    ),
    max_size=5,
)
COMPRESSIONS = st.sampled_from([None, grpc.Compression.Gzip, grpc.Compression.Deflate])


@st.composite
def bodies(draw: st.DrawFn, good: bytes) -> bytes:
    """Bytes of nothing, and a good request with bytes changed, cut off, or said twice."""
    kind = draw(st.sampled_from(["bytes", "changed", "changed", "cut", "twice"]))
    if kind == "bytes":
        return draw(st.binary(max_size=200))
    if kind == "cut":
        return good[: draw(st.integers(0, len(good)))]
    if kind == "twice":
        return good + good
    body = bytearray(good)
    for _ in range(draw(st.integers(1, 8))):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body)


def carries(signal, body: bytes) -> bool:
    """Whether there is an item in what is sent; a changed request may have become one without any."""
    with suppress(zlib.error, EOFError, OSError, DecodeError):
        plain = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        request = signal.request.FromString(plain)
        return any(signal.count(group) for group in getattr(request, signal.groups))
    return False


@every_signal
@given(data=st.data(), compression=COMPRESSIONS, metadata=METADATA)
@settings(max_examples=EXAMPLES, deadline=None)
def test_fuzz_whatever_message_comes_it_is_taken_or_refused_for_good(
    house, signal, data, compression, metadata
):
    body = data.draw(bodies(GOOD[signal.name]("fuzz")))
    assert house.ask(signal, body, compression, metadata) in (OK, INVALID)
    assert house.ask(signal, GOOD[signal.name]("afterwards")) is OK


@every_signal
@given(
    data=st.data(),
    flag=st.sampled_from([0, 0, 1, 1, 2, 255]),
    encoding=st.sampled_from(["", "identity", "gzip", "gzip", "deflate", "br", "zstd", "snappy", "x" * 90]),
    length=st.sampled_from([0, 0, 0, 1, -1, 1 << 20, MOST_BYTES + 1, (1 << 32) - 1]),
)
@settings(max_examples=EXAMPLES, deadline=None)
def test_fuzz_whatever_stands_on_the_wire_the_next_good_request_is_taken(
    house, signal, data, flag, encoding, length
):
    body = data.draw(bodies(GOOD[signal.name]("wire")))
    if data.draw(st.booleans()):
        body = gzip.compress(body, mtime=0)[: data.draw(st.integers(1, 400))]
    told = length if length > 1 else max(0, len(body) + length)
    sent = bytes((flag,)) + struct.pack(">I", told) + body
    tally = house.intakes[signal.name].tally
    before = tally.requests + tally.resent, tally.warned.total()
    status = on_the_wire(
        house.server.port, f"/{signal.service}/Export", sent, {"grpc-encoding": encoding} if encoding else {}
    )
    known = encoding in ("", "identity", "gzip", "deflate")
    if flag == 0 and known:
        # The length may say more or less than there is; what follows a message is not read.
        assert status in (OK, INVALID, grpc.StatusCode.RESOURCE_EXHAUSTED)
    else:
        # The engine's own words for an encoding it does not know and for what does not decompress (grpc,
        # doc/compression.md). Nothing of it is ever sent again: OTLP names INTERNAL among what is not retryable.
        assert status in (OK, INVALID, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL)
    if status is OK:
        kept = tally.requests + tally.resent - before[0]
        warned = tally.warned.total() - before[1]
        assert kept or warned or not carries(signal, body[:told])
    assert house.ask(signal, GOOD[signal.name]("afterwards")) is OK


@every_signal
def test_a_frame_that_is_none_of_grpcs_is_not_acknowledged_without_a_word(house, signal):
    good = GOOD[signal.name]("odd flag")
    tally = house.intakes[signal.name].tally
    before = dict(tally.warned)
    sent = b"\x02" + struct.pack(">I", len(good)) + good
    assert (
        on_the_wire(house.server.port, f"/{signal.service}/Export", sent, {}) is OK
    )  # as for an empty request
    (told,) = [reason for reason in tally.warned if tally.warned[reason] != before.get(reason)]
    assert "is not gRPC's" in told
    answer = house.channel.unary_unary(
        f"/{signal.service}/Export", response_deserializer=signal.response.FromString
    )(b"", timeout=60)
    assert answer.partial_success.error_message == told


@every_signal
@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip], ids=["plain", "bomb"])
def test_more_than_64_mib_is_refused_for_good_also_when_it_comes_small(house, signal, compression):
    said = house.ask(signal, bytes(MOST_BYTES + 1), compression)
    assert said is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert house.ask(signal, GOOD[signal.name]("afterwards")) is OK


def test_what_was_let_in_is_taken_by_the_store_too(house):
    for intake in house.intakes.values():
        intake.flush()
        assert intake.tally.set_aside == 0
    assert house.tally.requests
