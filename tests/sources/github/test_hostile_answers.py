"""What a broken or hostile server in GitHub's place may send: bounded in size, depth, time and waiting."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from ktlo.errors import SourceError
from ktlo.sources.github import api
from ktlo.sources.rest import connection
from ktlo.sources.rest.quota import LimitReachedError, World

JSON = {"content-type": "application/json"}


class Drip(httpx.AsyncByteStream):
    """A body that never ends."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.01)
            yield b" "


def failure_of(*given: Any, **options: Any) -> SourceError:
    async def ask() -> None:
        async def nap(_: float) -> None:
            await asyncio.sleep(0)

        transport = httpx.MockTransport(lambda _: httpx.Response(*given, **options))
        async with api.Api("https://api.example", None, World(sleep=nap), transport) as github:
            await github.get("/x")

    with pytest.raises(SourceError) as raised:
        asyncio.run(ask())
    return raised.value


def test_json_nested_without_end_counts_as_cut_off() -> None:
    assert "its answer was cut off" in str(failure_of(200, headers=JSON, content=b"[" * 100_000))


def test_a_small_answer_that_unpacks_to_a_huge_one_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "LARGEST_ANSWER", 1 << 20)
    bomb = gzip.compress(b" " * (8 << 20))
    headers = {**JSON, "content-encoding": "gzip"}
    assert "more than 1 MiB" in str(failure_of(200, headers=headers, content=bomb))


def test_an_answer_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WHOLE_SECONDS", 0.05)
    assert "did not answer in time" in str(failure_of(200, headers=JSON, stream=Drip()))


@pytest.mark.parametrize("pause", ["nan", "inf", "1e308", "-5", "9" * 30, "soon"])
def test_a_pause_that_makes_no_sense_is_a_sentence(pause: str) -> None:
    failure = failure_of(429, headers={**JSON, "retry-after": pause}, content=b"{}")
    assert isinstance(failure, LimitReachedError)
    assert "the next run continues from here" in str(failure)


def test_a_redirect_in_a_circle_says_where_to() -> None:
    failure = failure_of(302, headers={"location": "/x"})
    assert "again and again, last to https://api.example/x" in str(failure)
