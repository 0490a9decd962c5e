"""Sends bodies to ktlo, or keeps them a while when it is away: the oldest are dropped first, and counted.

Plain HTTP with time limits from the standard library, no redirects, no proxies: nothing but the endpoint
that was named is ever spoken to. All of it runs in the thread that folds.
"""

from __future__ import annotations

import gzip
import http.client
import io
import random
import ssl
import threading
import urllib.parse
from collections import deque
from typing import Any

from ktlo_instrument.clock import Clock

MOST_BYTES = 8 << 20
"""What may wait to be sent."""
_chance = random.Random()  # noqa: S311 - our own: the application may have seeded the shared one
SECONDS = 5.0
_LONGEST_PAUSE = 60.0


class Sender:
    """Where bodies go.

    Args:
        endpoint: of OTLP/HTTP: `http://host:4318` or with a path before `/v1/…`.
        key: sent as a bearer token.
    """

    def __init__(self, endpoint: str, key: str = "") -> None:
        self.endpoint = endpoint.rstrip("/")
        self.key = key
        self.dropped = 0
        self.refused = 0
        self.sent = 0
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._pause = 0.0
        self._until = 0.0

    def keep(self, path: str, body: bytes) -> None:
        """Take a body for `/v1/metrics` or `/v1/logs`."""
        packed = gzip.compress(body, 1)
        with self._lock:
            self._waiting.append((path, packed))
            self._bytes += len(packed)
            while self._bytes > MOST_BYTES and self._waiting:
                self._bytes -= len(self._waiting.popleft()[1])
                self.dropped += 1

    def send(self, seconds: float = SECONDS, now: bool = False) -> bool:
        """Send what waits, for at most so long; whether nothing waits any more.

        Args:
            seconds: for all of it.
            now: even though ktlo was away just now.
        """
        end = Clock.seconds() + seconds
        if not now and Clock.seconds() < self._until:
            return False
        while True:
            with self._lock:
                if not self._waiting:
                    return True
                path, body = self._waiting[0]
            left = end - Clock.seconds()
            if left <= 0.05:
                return False
            status = self._post(path, body, min(left, SECONDS))
            if status is None or status in (408, 429) or status >= 500:
                self._pause = min(_LONGEST_PAUSE, max(1.0, self._pause * 2))
                self._until = Clock.seconds() + self._pause * (0.5 + _chance.random())
                return False
            self._pause = self._until = 0.0
            if 200 <= status < 300:
                self.sent += 1
            else:
                self.refused += 1
            with self._lock:
                if self._waiting and self._waiting[0][1] is body:
                    self._bytes -= len(self._waiting.popleft()[1])

    def after_fork(self) -> None:
        """In a child: the parent sends its own."""
        self._lock = threading.Lock()
        self._waiting.clear()
        self._bytes = self.dropped = self.refused = self.sent = 0

    def _post(self, path: str, body: bytes, seconds: float) -> int | None:
        headers = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}
        answer = ask("POST", self.endpoint + path, seconds, self.key, body, headers)
        return answer[0] if answer else None


def ask(
    method: str,
    url: str,
    seconds: float,
    key: str = "",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    most: int = 1 << 20,
) -> tuple[int, dict[str, str], bytes] | None:
    """One request: status, headers and at most `most` bytes; `None` when there was no proper answer in time."""
    connection: http.client.HTTPConnection | None = None
    end = Clock.seconds() + seconds
    raw: Any = None
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
        elif parts.scheme == "http":
            connection = http.client.HTTPConnection(host, port, timeout=seconds)
        else:
            return None
        given = dict(headers or {})
        given["user-agent"] = "ktlo-instrument"
        if key:
            given["authorization"] = f"Bearer {key}"
        path = parts.path + (f"?{parts.query}" if parts.query else "") or "/"
        connection.connect()
        made: Any = connection
        raw = connection.sock
        made.sock = _Socket(raw, end)
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        content = answer.read(most)
        return answer.status, {name.lower(): each for name, each in answer.getheaders()}, content
    except Exception:
        return None
    finally:
        if connection is not None:
            connection.close()
        if raw is not None:
            raw.close()


class _Until(io.RawIOBase):
    """Reads from a socket until an instant, however slowly the bytes come."""

    def __init__(self, sock: Any, end: float) -> None:
        self._sock = sock
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(_left(self._end))
        return int(self._sock.recv_into(buffer))


class _Socket:
    """What `http.client` asks of a socket, all of it until an instant, and without a thread: it works at exit too."""

    def __init__(self, sock: Any, end: float) -> None:
        self._sock = sock
        self._end = end

    def sendall(self, content: bytes) -> None:
        self._sock.settimeout(_left(self._end))
        self._sock.sendall(content)

    def makefile(self, *_mode: Any) -> io.BufferedReader:
        return io.BufferedReader(_Until(self._sock, self._end))

    def close(self) -> None:
        """Nothing: `http.client` closes before the answer is read; `ask` does at its end."""


def _left(end: float) -> float:
    left = end - Clock.seconds()
    if left <= 0:
        raise TimeoutError
    return left
