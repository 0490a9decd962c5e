"""What was accepted is sent on: every request, in the bytes it came in, with patience, and never in the way."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from ktlo.errors import UserError
from ktlo.receivers.forwarding import Forward, ForwardQueue, Target
from ktlo.receivers.forwarding.forward import _asked_seconds
from ktlo.receivers.spool import Segment, length_prefix
from ktlo.server.forwarding import Forwarding
from ktlo.settings.forward import ForwardSettings


class Collector:
    """A collector that answers as it is told: statuses in turn, then 200 for ever."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        self.answers = list(answers)
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.bodies: list[bytes] = []
        self.asked: list[tuple[float, str, dict[str, str]]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.asked.append((time.monotonic(), self.path, dict(self.headers)))
                collector.may_answer.wait(60)
                status, headers, answer = collector.answers.pop(0) if collector.answers else (200, {}, b"")
                if status == 200:
                    is_zipped = self.headers.get("content-encoding") == "gzip"
                    collector.bodies.append(gzip.decompress(body) if is_zipped else body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector(request):
    made = Collector(*getattr(request, "param", ()))
    yield made
    made.close()


def segment(folder: Path, number: int, *bodies: bytes) -> Segment:
    file = folder / f"{number:012d}-{number:016x}.segment"
    file.write_bytes(b"".join(length_prefix(len(body)) + body for body in bodies))
    return Segment(file, file.stem, file.stat().st_size)


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_every_request_arrives_in_its_bytes_and_in_order(collector, tmp_path):
    forward = Forward(
        Target("there", collector.url, {"x-key": "k"}), "traces", ForwardQueue(tmp_path / "q", 1 << 20)
    )
    for number in range(5):
        one = segment(tmp_path, number, f"a{number}".encode(), b"", b"\x00\xff" * 500)
        forward.offer(one)
        one.file.unlink()  # the store has it
    until(lambda: len(collector.bodies) == 15)
    assert collector.bodies == [body for n in range(5) for body in (f"a{n}".encode(), b"", b"\x00\xff" * 500)]
    assert {path for _, path, _ in collector.asked} == {"/v1/traces"}
    assert collector.asked[0][2]["x-key"] == "k"
    until(lambda: forward.state().waiting_segments == 0)
    assert (forward.state().sent, forward.state().problem) == (15, "")
    forward.close()


@pytest.mark.parametrize(
    "collector", [((429, {"Retry-After": "1"}, b""), (503, {}, b""), (200, {}, b""))], indirect=True
)
def test_come_again_is_obeyed_and_nothing_is_left_out(collector, tmp_path):
    forward = Forward(Target("there", collector.url), "traces", ForwardQueue(tmp_path / "q", 1 << 20))
    forward.offer(segment(tmp_path, 1, b"one", b"two"))
    until(lambda: forward.state().problem != "")
    assert "429" in forward.state().problem
    assert forward.state().retry_at is not None
    until(lambda: len(collector.bodies) == 2)
    assert collector.bodies == [b"one", b"two"]
    first, second = collector.asked[0][0], collector.asked[1][0]
    assert second - first >= 1.0
    forward.close()


@pytest.mark.parametrize("collector", [((400, {}, b""), (200, {}, b""))], indirect=True)
def test_what_is_refused_for_good_is_dropped_and_counted(collector, tmp_path):
    forward = Forward(Target("there", collector.url), "traces", ForwardQueue(tmp_path / "q", 1 << 20))
    forward.offer(segment(tmp_path, 1, b"bad", b"good"))
    until(lambda: collector.bodies == [b"good"])
    assert forward.state().refused == {"400 Bad Request": 1}
    forward.close()


@pytest.mark.parametrize("collector", [((401, {}, b""), (200, {}, b""))], indirect=True)
def test_a_wrong_key_holds_everything_back_until_it_is_mended(collector, tmp_path):
    forward = Forward(Target("there", collector.url), "traces", ForwardQueue(tmp_path / "q", 1 << 20))
    forward.offer(segment(tmp_path, 1, b"one"))
    until(lambda: collector.bodies == [b"one"])
    assert forward.state().refused == {}
    forward.close()


def partial(rejected: int) -> bytes:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = rejected
    return answer.SerializeToString()


@pytest.mark.parametrize("collector", [((200, {}, partial(3)),)], indirect=True)
def test_items_that_the_collector_did_not_keep_are_counted(collector, tmp_path):
    forward = Forward(Target("there", collector.url), "logs", ForwardQueue(tmp_path / "q", 1 << 20))
    forward.offer(segment(tmp_path, 1, b"one"))
    until(lambda: forward.state().rejected == 3)
    forward.close()


def test_receiving_does_not_wait_for_a_collector_that_does_not_answer(collector, tmp_path):
    forward = Forward(Target("there", collector.url), "traces", ForwardQueue(tmp_path / "q", 1 << 20))
    collector.may_answer.clear()
    forward.offer(segment(tmp_path, 1, b"one"))
    until(lambda: len(collector.asked) == 1)
    forward.offer(segment(tmp_path, 2, b"two"))
    # Both were taken while the first still waits for its answer.
    assert (collector.bodies, forward.state().sent, forward.state().waiting_segments) == ([], 0, 2)
    collector.may_answer.set()
    until(lambda: collector.bodies == [b"one", b"two"])
    forward.close()


def test_while_the_collector_is_away_things_wait_on_disk_and_go_on_in_the_next_process(collector, tmp_path):
    collector.close()
    queue = ForwardQueue(tmp_path / "q", 1 << 20)
    forward = Forward(Target("there", collector.url), "traces", queue)
    forward.offer(segment(tmp_path, 1, b"one", b"two"))
    until(lambda: "reached" in forward.state().problem)
    assert forward.state().waiting_bytes == 8
    forward.close()
    back = Collector()
    again = Forward(Target("there", back.url), "traces", ForwardQueue(tmp_path / "q", 1 << 20))
    until(lambda: back.bodies == [b"one", b"two"])
    again.close()
    back.close()


def test_a_crash_sends_again_from_the_cursor_and_a_segment_that_was_sent_is_not_taken_again(tmp_path):
    one = segment(tmp_path, 1, b"one", b"two")
    queue = ForwardQueue(tmp_path / "q", 1 << 20)
    queue.offer(one)
    queue.offer(one)
    file, offset = queue.oldest() or (Path(), -1)
    assert (queue.waiting()[0], offset) == (1, 0)
    queue.sent(file, 4)
    after_crash = ForwardQueue(tmp_path / "q", 1 << 20)
    assert after_crash.oldest() == (file, 4)
    assert after_crash.waiting() == (1, 4)
    after_crash.finish(file)
    later = ForwardQueue(tmp_path / "q", 1 << 20)
    later.offer(one)  # the store takes it only now
    assert later.oldest() is None


def test_beyond_its_room_the_oldest_are_dropped_and_counted(tmp_path):
    queue = ForwardQueue(tmp_path / "q", 250)
    for number in range(5):
        queue.offer(segment(tmp_path, number, b"x" * 49, b"y" * 49))
    assert queue.waiting() == (2, 200)
    assert queue.dropped.requests == 6
    assert (queue.oldest() or (Path(), 0))[0].name.endswith(f"{3:012d}-{3:016x}.forward")


def test_a_queue_that_cannot_be_written_is_told_and_raises_nothing(collector, tmp_path):
    forward = Forward(Target("there", collector.url), "traces", ForwardQueue(tmp_path / "q", 1 << 20))
    forward.offer(Segment(tmp_path / "gone.segment", "1-gone", 5))
    assert "could not be kept" in forward.state().problem
    assert forward.state().dropped == 1
    forward.close()


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("7", 7, 7),
        ("99999999", 3600, 3600),
        ("Thu, 26 Nov 1998 10:00:00 GMT", 0, 0),
        ("soon", 0, 0),
        ("", 0, 0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(text, least, most):
    assert least <= _asked_seconds(text) <= most


def test_secrets_come_by_reference_and_are_not_shown(tmp_path, monkeypatch, collector):
    with pytest.raises(UserError, match="by reference"):
        Forwarding([ForwardSettings(endpoint=collector.url, headers={"authorization": "Bearer x"})], tmp_path)
    monkeypatch.setenv("COLLECTOR", "Bearer hunter2")
    assert "hunter2" not in repr(Target("there", "http://x", {"authorization": "Bearer hunter2"}))
    forwarding = Forwarding(
        [
            ForwardSettings(
                endpoint=collector.url, headers={"authorization": "env:COLLECTOR"}, signals=["traces"]
            )
        ],
        tmp_path / "forward",
    )
    forwarding.beside("traces")(segment(tmp_path, 1, b"one"))
    forwarding.beside("logs")(segment(tmp_path, 2, b"not wanted"))
    until(lambda: collector.bodies == [b"one"])
    assert collector.asked[0][2]["authorization"] == "Bearer hunter2"
    assert "hunter2" not in repr(forwarding.states())
    forwarding.close()


def test_ktlo_does_not_forward_to_itself_nor_twice_to_one_place(tmp_path):
    with pytest.raises(UserError, match="itself"):
        Forwarding([ForwardSettings(endpoint="http://localhost:4318")], tmp_path, frozenset({4318}))
    twice = ForwardSettings(endpoint="http://collector.example:4318")
    with pytest.raises(UserError, match="one endpoint"):
        Forwarding([twice, twice], tmp_path)


def test_what_waits_for_a_collector_that_is_no_longer_named_is_removed(tmp_path):
    left = tmp_path / "forward" / "old-1" / "traces"
    left.mkdir(parents=True)
    (left / "1-a.forward").write_bytes(b"x")
    Forwarding([], tmp_path / "forward").close()
    assert not left.exists()
