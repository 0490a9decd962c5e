"""Elastic's agent configuration under a fuzzer: whatever is asked is answered or refused, and never by ktlo's fault.

By hand: ``KTLO_FUZZ_EXAMPLES=20000 pytest tests/receivers/test_agents_door.py``.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from elastic_streams import kept
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_elastic_http import AGENTS, listening

from ktlo.receivers.access import Ingest
from ktlo.receivers.front import Front

EXAMPLES = 5 * int(os.environ.get("KTLO_FUZZ_EXAMPLES", "40"))
PATH = "/config/v1/agents"
GOOD = {"service.name": "storefront", "service.environment": "prod"}
HUNG = 60.0
"""Seconds after which a client gives up."""
CLOSE = (b"connection", b"close")
DEEP = 30_000
"""Brackets within brackets, below the 64 KiB that a question may have."""


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with listening(kept()) as url:
        yield httpx.URL(url).host, httpx.URL(url).port or 0


def asked(address: tuple[str, int], request: bytes) -> tuple[int, bytes]:
    """Send bytes and then nothing more; status and body of the answer, 0 when there is none."""
    with socket.create_connection(address, timeout=HUNG) as wire:
        wire.sendall(request)
        wire.shutdown(socket.SHUT_WR)
        came = b""
        try:
            while piece := wire.recv(65_536):
                came += piece
        except ConnectionResetError:
            pass
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", came)
    return (int(found[1]) if found else 0), came.partition(b"\r\n\r\n")[2]


JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)  # fmt: skip
QUESTIONS = st.fixed_dictionaries(
    {},
    optional={
        "service": st.one_of(
            JSON_VALUES, st.fixed_dictionaries({}, optional={"name": JSON_VALUES, "environment": JSON_VALUES})
        ),
        "etag": JSON_VALUES,
        "more": JSON_VALUES,
    },
)
DEEP_ONES = [
    b'{"more":' + b"[" * DEEP,
    b'{"a":' * (DEEP // 3),
    b'{"service":{"x":' + b"[" * DEEP + b"]" * DEEP + b"}}",
]
BODIES = st.one_of(
    st.binary(max_size=200),
    QUESTIONS.map(lambda one: json.dumps(one).encode()),
    QUESTIONS.map(lambda one: json.dumps(one, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [*DEEP_ONES, b'{"service":{"name":"\\ud800"}}', b'{"service":{"name":"x"},"etag":1e999}']
    ),
)
NAMES = st.one_of(st.sampled_from([*GOOD, "etag", "service", ""]), st.text(max_size=8))
QUERIES = st.one_of(
    st.lists(st.tuples(NAMES, st.text(max_size=20)), max_size=4).map(
        lambda pairs: "&".join(
            f"{quote(name.encode('utf-8', 'surrogatepass'))}={quote(value.encode('utf-8', 'surrogatepass'))}"
            for name, value in pairs
        ).encode()
    ),
    st.binary(max_size=60),
    st.just(b"service.name=%ff%00&service.name=%"),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [b"if-none-match", b"content-type", b"authorization", b"content-encoding", b"x-forwarded-for",
             b"user-agent", b"elastic-apm-traceparent", b"expect", b"content-length", b"transfer-encoding"]
        ),
        st.one_of(
            st.sampled_from([b'"', b'W/"', b"*", b"gzip", b"-1", b"9" * 30, b"chunked", b"ApiKey", b"Bearer \xff"]),
            st.binary(max_size=30),
        ),
    ),
    max_size=4,
)  # fmt: skip


def request(method: bytes, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    head = b"%s %s?%s HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" % (method, PATH.encode(), query)
    head += b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    if not any(name in (b"content-length", b"transfer-encoding") for name, _ in headers):
        head += b"content-length: %d\r\n" % len(body)
    return head + b"\r\n" + body


@given(method=st.sampled_from([b"GET", b"POST", b"POST"]), query=QUERIES, headers=HEADERS, body=BODIES)
@settings(max_examples=EXAMPLES, deadline=None)
@example(b"POST", b"", [], DEEP_ONES[0])
@example(b"POST", b"", [], DEEP_ONES[2])
@example(b"POST", b"", [(b"content-length", b"99")], b'{"service":')
def test_fuzz_whatever_is_asked_is_answered_or_refused_and_the_door_still_answers(
    address, method, query, headers, body
):
    status, said = asked(address, request(method, query, headers, body))
    # 0: the connection ended, as for a body that the sender cut off itself.
    assert status in (0, 200, 304, 400), said
    if status == 200:
        assert all(isinstance(value, str) for value in json.loads(said).values())
    good = "&".join(f"{name}={value}" for name, value in GOOD.items()).encode()
    assert asked(address, request(b"GET", good, [], b""))[0] == 200


@pytest.mark.parametrize("body", DEEP_ONES, ids=["lists", "maps", "inside"])
def test_brackets_within_brackets_are_refused(address, body):
    status, said = asked(address, request(b"POST", b"", [], body))
    assert (status, "too deep" in json.loads(said)["error"]) == (400, True), said


def test_a_question_that_does_not_come_is_given_up():
    front = Front(Ingest(), body_seconds=1)
    with listening(kept(), agents=AGENTS, front=front) as url:
        at = httpx.URL(url)
        with socket.create_connection((at.host, at.port or 0), timeout=HUNG) as wire:
            wire.sendall(request(b"POST", b"", [(b"content-length", b"99"), CLOSE], b'{"service":'))
            said = wire.makefile("rb").read()
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"within 1 seconds" in said
