"""Whatever a collector answers: nothing is left out or sent on after it was taken, pauses end, the state says why.

By hand: ``KTLO_FUZZ_EXAMPLES=5000 pytest tests/receivers/test_forward_fuzz.py``.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from ktlo.receivers.forwarding import Forward, ForwardQueue, Target, forward
from ktlo.receivers.forwarding.forward import _asked_seconds
from ktlo.receivers.spool import Segment, length_prefix

EXAMPLES = int(os.environ.get("KTLO_FUZZ_EXAMPLES", "40"))
HUNG = 60.0
"""Seconds after which it will not end: everything is sent on long before, after at most eight odd answers."""
RETRYABLE = {408, 429, 502, 503, 504}
TO_BE_MENDED = {401, 403, 404, 405, 407}
NO_BODY = {204, 304}


@dataclass(frozen=True)
class Answer:
    """What the collector does with one request.

    Attributes:
        status: that it says; 0 when ``body`` is all that it says.
        headers: besides the length.
        body: of the answer.
        how: ``whole``; ``cut`` closes in the middle of the body; ``head``, ``body`` and ``hints`` never end.
    """

    status: int = 200
    headers: tuple[tuple[str, bytes], ...] = ()
    body: bytes = b""
    how: str = "whole"

    @property
    def is_decision(self) -> bool:
        """Whether it says what became of the request, so that it must not be sent again."""
        if self.how in ("head", "hints") or self.status < 200 or 300 <= self.status < 400:
            return False
        return self.status not in RETRYABLE | TO_BE_MENDED


@dataclass
class Collector:
    """Answers as it is told, in turn, then 200 for ever. ``decided`` are the bodies it has said its last word on."""

    answers: list[Answer]
    decided: list[tuple[bytes, Answer]] = field(default_factory=list)
    undecided: int = 0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as said:
            while True:
                length = 0
                while (line := said.readline().lower()) not in (b"\r\n", b""):
                    if line.startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                if not line:
                    return
                body = gzip.decompress(said.read(length))
                answer = self.answers.pop(0) if self.answers else Answer()
                if answer.is_decision:
                    self.decided.append((body, answer))
                else:
                    self.undecided += 1
                self._say(connection, answer)
                if answer != Answer():
                    return

    def _say(self, connection: socket.socket, answer: Answer) -> None:
        head = f"HTTP/1.1 {answer.status} Odd\r\n".encode()
        head += b"".join(name.encode() + b": " + value + b"\r\n" for name, value in answer.headers)
        endless = {"head": b"x-more: 1\r\n", "body": b"1\r\nx\r\n", "hints": b"HTTP/1.1 103 Hints\r\n\r\n"}
        if answer.status == 0:
            connection.sendall(answer.body)
        elif answer.how in endless:
            chunked = head + b"transfer-encoding: chunked\r\n\r\n"
            connection.sendall({"head": head, "body": chunked, "hints": b""}[answer.how])
            while True:  # until the other side has enough
                connection.sendall(endless[answer.how])
                time.sleep(0.01)
        else:
            length = 0 if answer.status < 200 or answer.status in NO_BODY else len(answer.body)
            if answer.status >= 200 and answer.status not in NO_BODY:
                head += f"content-length: {length + (answer.how == 'cut')}\r\n".encode()
            connection.sendall(head + b"\r\n" + answer.body[:length])


class Watched(Forward):
    """Remembers why it paused."""

    paused: list[str]

    def __init__(self, *given) -> None:
        self.paused = []
        super().__init__(*given)

    def _pause(self, problem: str, asked: float) -> None:
        self.paused.append(problem)
        super()._pause(problem, asked)


@pytest.fixture(scope="module", autouse=True)
def _in_short() -> Iterator[None]:
    """Pauses as in earnest, two hundred times as short."""
    with pytest.MonkeyPatch.context() as patch:
        shorter = {
            "_FIRST_PAUSE": 0.005,
            "_LONGEST_PAUSE": 0.02,
            "_LONGEST_ASKED": 0.05,
            "_LOOK_SECONDS": 0.02,
        }
        for name, seconds in {**shorter, "_EXCHANGE_SECONDS": 0.5, "_BODY_SECONDS": 0.2}.items():
            patch.setattr(forward, name, seconds)
        yield


BODIES = [b"one", b"two" * 100, b"", b"four"]


def sent_on(*answers: Answer) -> tuple[Collector, Watched]:
    """What a collector and the state of forwarding say when four requests have gone to it."""
    with tempfile.TemporaryDirectory() as name:
        folder, collector = Path(name), Collector(list(answers))
        sending = Watched(Target("there", collector.url), "traces", ForwardQueue(folder / "q", 1 << 20))
        try:
            file = folder / "1-a.segment"
            file.write_bytes(b"".join(length_prefix(len(body)) + body for body in BODIES))
            sending.offer(Segment(file, file.stem, file.stat().st_size))
            deadline = time.monotonic() + HUNG
            while sending.state().waiting_segments:
                assert time.monotonic() < deadline, f"it does not end: {sending.state()}"
                time.sleep(0.005)
        finally:
            sending.close()
            collector.close()
        return collector, sending


def partial(rejected: int, message: str = "") -> bytes:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = rejected
    answer.partial_success.error_message = message
    return answer.SerializeToString()


WHEN = [b"0", b"-5", b"99999999999999999999", b"9" * 2000, b"1e9", b"nan", b"\xb2", b"7\x1c", b"soon", b"",
        b"0x10", b"1, 2",
        b"Thu, 26 Nov 2026 10:00:00 GMT", b"Thu, 99 Nov 2026 10:00:00 GMT", b"Fri, 31 Dec 9999 23:59:59 -2359",
        b"Mon, 01 Jan 0001 00:00:00 +2359", b"Thu, 26 Nov 99999999999999999999 10:00:00 GMT",
        b"Thu, 26 Nov 2026 10:00:00 +99999999999999"]  # fmt: skip
STATUSES = [200] * 3 + [
    202,
    204,
    299,
    301,
    304,
    307,
    400,
    401,
    403,
    404,
    408,
    413,
    418,
    429,
    429,
    500,
    502,
    503,
    503,
]
HEADERS = [("content-encoding", b"gzip"), ("content-encoding", b"br"), ("content-type", b"\xff/\xff"),
           ("location", b"http://[::"), ("location", b"/v1/traces"), ("set-cookie", b"a=" + b"b" * 4000),
           ("set-cookie", b"=;;; expires=\xff"), ("transfer-encoding", b"identity"), ("x", b"y" * 20_000)]  # fmt: skip
WHOLE = ["whole"] * 6


@st.composite
def odd_answers(draw: st.DrawFn) -> Answer:
    kind = draw(st.sampled_from(["status"] * 10 + ["bytes", "slow"]))
    if kind == "bytes":
        begin = draw(st.sampled_from([b"", b"HTTP/1.1 ", b"HTTP/1.1 1", b"\x00\x00\x00\x04\x00", b"<html>"]))
        return Answer(0, body=begin + draw(st.binary(max_size=40)))
    status = draw(st.sampled_from(STATUSES) if draw(st.booleans()) else st.integers(100, 999))
    headers = draw(st.lists(st.sampled_from(HEADERS), max_size=2, unique_by=lambda one: one[0]))
    if draw(st.booleans()):
        headers.append(("retry-after", draw(st.sampled_from(WHEN))))
    odd_counts = st.integers(-(2**63), 2**63 - 1).map(partial)
    body = draw(st.one_of(st.just(b""), st.binary(max_size=60), odd_counts, st.just(b"x" * 200_000)))
    how = (
        draw(st.sampled_from(["head", "body", "hints"]))
        if kind == "slow"
        else draw(st.sampled_from([*WHOLE, "cut"]))
    )
    if how == "body" and status in NO_BODY:
        how = "whole"
    return Answer(status, tuple(headers), body, how)


def understood(answer: Answer) -> bool:
    """Whether what the answer says is HTTP, so that its status is known to both."""
    return bool(answer.status) and ("transfer-encoding", b"identity") not in answer.headers


@given(answers=st.lists(odd_answers(), min_size=1, max_size=8))
@settings(max_examples=EXAMPLES, deadline=None)
@example([Answer(503, (("retry-after", b"\xb2"),))])
@example([Answer(), Answer(503, (("retry-after", b"Mon, 01 Jan 0001 00:00:00 +2359"),))])
@example([Answer(200, (("content-encoding", b"gzip"),), b"no gzip")])
@example([Answer(200, (), partial(-5)), Answer(200, (), partial(2**63 - 1))])
@example([Answer(307, (("location", b"http://[::"),)), Answer(101), Answer(100)])
@example(
    [Answer(200, how="body"), Answer(503, how="body"), Answer(200, how="head"), Answer(200, how="hints")]
)
def test_fuzz_whatever_a_collector_answers_everything_is_sent_on_once_and_the_state_says_why(answers):
    collector, sending = sent_on(*answers)
    state = sending.state()
    if all(map(understood, answers)):
        assert [body for body, _ in collector.decided] == BODIES
        assert state.sent == sum(answer.status < 300 for _, answer in collector.decided)
        assert sum(state.refused.values()) == len(BODIES) - state.sent
        assert len(sending.paused) >= collector.undecided
    else:
        assert {body for body, _ in collector.decided} >= set(BODIES) or state.refused or state.sent
    assert all(problem.strip() for problem in sending.paused)
    assert bool(state.problem) == bool(collector.decided and collector.decided[-1][1].status >= 300)
    assert 0 <= state.rejected <= sum(map(len, BODIES))
    assert state.dropped == 0


@given(text=st.one_of(st.text(max_size=60), st.sampled_from(WHEN).map(lambda one: one.decode("latin-1"))))
@settings(max_examples=10 * EXAMPLES, deadline=None)
def test_fuzz_what_retry_after_says_is_a_bounded_pause(text):
    assert 0 <= _asked_seconds(text) <= forward._LONGEST_ASKED


def until(condition: Callable[[], bool], seconds: float = HUNG) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_a_port_that_speaks_grpc_holds_everything_back_and_is_told(tmp_path):
    other = grpc.server(ThreadPoolExecutor(1))
    port = other.add_insecure_port("127.0.0.1:0")
    other.start()
    sending = Watched(
        Target("there", f"http://127.0.0.1:{port}"), "traces", ForwardQueue(tmp_path / "q", 1 << 20)
    )
    file = tmp_path / "1-a.segment"
    file.write_bytes(length_prefix(3) + b"one")
    sending.offer(Segment(file, file.stem, 4))
    until(lambda: len(sending.paused) > 2)
    assert "cannot be reached" in sending.state().problem
    assert (sending.state().waiting_segments, sending.state().sent, sending.state().refused) == (1, 0, {})
    sending.close()
    other.stop(None).wait()
