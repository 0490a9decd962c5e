"""One signal on its way to one collector: OTLP/HTTP, at least once, with patience and never in anybody's way.

The bytes are those that were accepted; nothing is encoded again. 429, 502, 503, 504 and a lost connection are tried
again with growing pauses and jitter, or after Retry-After; a wrong address or key holds everything back until somebody
mends it; what the collector refuses for good is dropped and counted (opentelemetry-proto, "OTLP/HTTP Response"). The
status decides: what stands in the body after it is read for a few seconds and may be anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import email.utils
import gzip
import logging
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from ktlo.receivers.forwarding.queue import ForwardQueue
from ktlo.receivers.spool import Segment, messages

_log = logging.getLogger(__name__)

_RETRYABLE = frozenset({408, 429, 502, 503, 504})
_TO_BE_MENDED = frozenset({*range(100, 200), *range(300, 400), 401, 403, 404, 405, 407})
"""Nobody speaks OTLP there, or not with this key. A redirect is not followed: headers may hold secrets."""
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_ASKED = 1.0, 60.0, 3600.0
_CURSOR_SECONDS = 1.0
_LOOK_SECONDS = 1.0
_MOST_REASONS = 50
_EXCHANGE_SECONDS = 300.0
"""Within which a request must be there and its answer begun, however slowly the other side reads and speaks."""
_BODY_SECONDS = 5.0
_MOST_ANSWER = 1 << 16
"""Bytes of an answer that are read, within so many seconds; what was said by then counts."""


@dataclass(frozen=True, slots=True)
class Target:
    """A collector.

    Attributes:
        name: as people know it.
        endpoint: base URL; ``/v1/traces`` and the like are added.
        headers: sent with every request; may hold secrets.
        gzip: whether bodies are compressed.
    """

    name: str
    endpoint: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    gzip: bool = True

    def url(self, signal: str) -> str:
        """Where requests of a signal go."""
        return f"{self.endpoint.rstrip('/')}/v1/{signal}"


@dataclass(frozen=True, slots=True)
class Forwarded:
    """State of one signal to one collector, since the process began.

    Attributes:
        target: name of the collector.
        endpoint: where it goes.
        signal: traces, logs or metrics.
        sent: requests that the collector took.
        sent_bytes: of them, before compression.
        rejected: items that the collector says it did not keep.
        refused: requests that it will not have, by reason; they are dropped.
        dropped: requests that were dropped because there was no room on disk.
        waiting_segments: files that wait.
        waiting_bytes: of them.
        problem: what is wrong now; empty when nothing is.
        retry_at: when it is tried again; ``None`` when nothing waits for it.
        sent_at: when the collector last took something.
    """

    target: str
    endpoint: str
    signal: str
    sent: int
    sent_bytes: int
    rejected: int
    refused: Mapping[str, int]
    dropped: int
    waiting_segments: int
    waiting_bytes: int
    problem: str
    retry_at: dt.datetime | None
    sent_at: dt.datetime | None


class Forward:
    """Sends until it is closed.

    Args:
        target: the collector.
        signal: ``traces``, ``logs`` or ``metrics``.
        queue: what waits.
    """

    def __init__(self, target: Target, signal: str, queue: ForwardQueue) -> None:
        self._target, self._signal, self._queue = target, signal, queue
        self._guard = threading.Lock()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._sent = self._sent_bytes = self._rejected = self._lost = 0
        self._refused: Counter[str] = Counter()
        self._problem, self._retry_at, self._sent_at = "", 0.0, 0.0
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=f"forward-{target.name}-{signal}", daemon=True)
        self._thread.start()

    def offer(self, segment: Segment) -> None:
        """Have a closed segment sent on; never raises, because receiving goes before forwarding."""
        try:
            self._queue.offer(segment)
        except OSError as error:
            with self._guard:
                self._lost += 1
                self._problem = f"a segment could not be kept for forwarding: {error.strerror}"
            _log.warning("%s to %s: %s", self._signal, self._target.name, self._problem)
        self._wake.set()

    def state(self) -> Forwarded:
        """How it goes."""
        segments, size = self._queue.waiting()
        with self._guard:
            return Forwarded(
                self._target.name,
                self._target.url(self._signal),
                self._signal,
                self._sent,
                self._sent_bytes,
                self._rejected,
                dict(self._refused),
                self._queue.dropped.requests + self._lost,
                segments,
                size,
                self._problem,
                _moment(self._retry_at) if self._problem else None,
                _moment(self._sent_at),
            )

    def close(self) -> None:
        """Stop; what was not sent waits on disk for the next start."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout=35)

    def _run(self) -> None:
        # A loop of its own: only a task can be given up whatever the other side does.
        with asyncio.Runner() as runner:
            # Nothing is kept of one answer for the next request: no cookie.
            http = httpx.AsyncClient(timeout=httpx.Timeout(30, connect=10), cookies=_no_cookies())
            while not self._stop.is_set():
                try:
                    waits = self._queue.oldest()
                    if waits is None:
                        self._wake.wait(_LOOK_SECONDS)
                        self._wake.clear()
                    else:
                        self._send_segment(runner, http, *waits)
                except Exception as error:  # noqa: BLE001 - whatever it is, this thread must not end
                    _log.warning("%s to %s: %r", self._signal, self._target.name, error)
                    self._pause(str(error) or type(error).__name__, 0)
            runner.run(http.aclose())

    def _send_segment(self, runner: asyncio.Runner, http: httpx.AsyncClient, file: Path, offset: int) -> None:
        try:
            with file.open("rb") as opened:
                waiting = [(end, body) for end, body in messages(opened) if end > offset]
        except FileNotFoundError:
            return  # dropped for room meanwhile
        noted, sent = time.monotonic(), offset
        try:
            for end, body in waiting:
                while not self._send(runner, http, body):
                    if self._stop.is_set():
                        return
                    if not file.exists():
                        return  # dropped for room while the collector was away
                sent = end
                if time.monotonic() - noted > _CURSOR_SECONDS:
                    self._queue.sent(file, end)
                    noted = time.monotonic()
                if self._stop.is_set():
                    return
        finally:
            # Also when something broke in the middle: what went before it does not go again.
            if sent > offset and file.exists():
                self._queue.sent(file, sent)
        self._queue.finish(file)

    def _send(self, runner: asyncio.Runner, http: httpx.AsyncClient, body: bytes) -> bool:
        """Send one request; False when it shall be tried again, after a pause that is over."""
        headers = {"content-type": "application/x-protobuf", **self._target.headers}
        content = body
        if self._target.gzip:
            headers["content-encoding"] = "gzip"
            content = gzip.compress(body, 1)
        try:
            answer, said = runner.run(_exchange(http, self._target.url(self._signal), content, headers))
        except TimeoutError:
            self._pause(f"it does not answer within {_EXCHANGE_SECONDS:.0f} seconds", 0)
            return False
        except (httpx.TransportError, httpx.InvalidURL) as error:
            self._pause(f"it cannot be reached: {error or type(error).__name__}", 0)
            return False
        if answer.is_success:
            self._took(body, said)
            return True
        status = answer.status_code
        if status in _RETRYABLE:
            self._pause(
                f"it answers {status}: come again", _asked_seconds(answer.headers.get("retry-after", ""))
            )
            return False
        if status in _TO_BE_MENDED:
            self._pause(f"it answers {status}: check the endpoint and its headers in ktlo.yaml", 0)
            return False
        reason = f"{status} {answer.reason_phrase}".strip()[:100]
        with self._guard:
            known = reason in self._refused or len(self._refused) < _MOST_REASONS
            self._refused[reason if known else "other"] += 1
            self._problem, self._retry_at, self._failures = f"it refuses for good: {reason}", 0.0, 0
        return True

    def _took(self, body: bytes, answer: bytes) -> None:
        with self._guard:
            self._sent += 1
            self._sent_bytes += len(body)
            self._rejected += _rejected(answer, len(body))
            self._problem, self._failures = "", 0
            self._sent_at = time.time()

    def _pause(self, problem: str, asked: float) -> None:
        self._failures += 1
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures - 1, 10))
        # Full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015); what is asked is kept.
        seconds = max(asked, random.uniform(longest / 2, longest))  # noqa: S311 - not for secrets
        with self._guard:
            self._problem, self._retry_at = problem[:300], time.time() + seconds
        self._stop.wait(seconds)


async def _exchange(
    http: httpx.AsyncClient, url: str, content: bytes, headers: Mapping[str, str]
) -> tuple[httpx.Response, bytes]:
    """Send a request; its answer, and what came of the answer's body until it ended, broke off or took too long.

    Raises:
        TimeoutError: there is no answer in time.
        httpx.TransportError: there is none.
    """
    said = bytearray()
    async with contextlib.AsyncExitStack() as closing:
        async with asyncio.timeout(_EXCHANGE_SECONDS):
            asked = http.stream(
                "POST", url, content=content, headers={"accept-encoding": "identity", **headers}
            )
            answer = await closing.enter_async_context(asked)
        with contextlib.suppress(httpx.HTTPError, TimeoutError):
            async with asyncio.timeout(_BODY_SECONDS):
                async for piece in answer.aiter_raw():
                    said += piece
                    if len(said) > _MOST_ANSWER:
                        break
    return answer, bytes(said)


def _rejected(answer: bytes, most: int) -> int:
    """Items that an answer says were not kept: never fewer than none, nor more than a request of ``most`` bytes has."""
    # The three signals' answers are alike: field 1 is partial_success, whose field 1 counts.
    try:
        said = int(ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans)
    except DecodeError:
        return 0
    return min(max(0, said), most)


def _no_cookies() -> CookieJar:
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


def _asked_seconds(text: str) -> float:
    """Retry-After: seconds or a date (RFC 9110, section 10.2.3); nothing when it is neither."""
    if re.fullmatch(r"[0-9]+", text := text.strip()):
        return min(float(text), _LONGEST_ASKED)
    try:
        moment = email.utils.parsedate_to_datetime(text)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp() - time.time()
    except (ValueError, OverflowError, TypeError, IndexError):
        return 0.0
    return min(max(0.0, seconds), _LONGEST_ASKED)


def _moment(seconds: float) -> dt.datetime | None:
    return dt.datetime.fromtimestamp(seconds, dt.UTC) if seconds else None
