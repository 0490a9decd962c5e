"""A cursor that takes long to write is not written after each batch, and never before its rows nor lost at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pyarrow as pa
import pytest

from ktlo.errors import SourceError
from ktlo.records import TABLES
from ktlo.records.arrow import schema, to_arrow
from ktlo.records.collection import MissingItem
from ktlo.sources.collector import PROMPT_SECONDS, collect
from ktlo.sources.protocol import Batch

BATCHES = 60
TAGS = pa.RecordBatch.from_pylist([], schema=schema(TABLES["tags"]))


class Kept:
    """Cursors in memory, each of which takes so many seconds to write; and a store in which a batch takes one."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.written: list[int] = []
        self.now = 0.0

    def cursor(self, _: str) -> Mapping[str, Any]:
        return {}

    def query(self, _: str, __: Mapping[str, Any]) -> pa.Table:
        """Nothing is missing."""
        return pa.Table.from_batches([to_arrow([], MissingItem)])

    def set_cursor(self, _: str, cursor: Mapping[str, Any]) -> None:
        self.now += self.seconds
        self.written.append(cursor["at"])

    def insert(self, *_: Any) -> None:
        self.now += 1.0


class Counting:
    """A source of empty batches, which may end in a failure."""

    source_id = "counting:up"
    brings: tuple[str, ...] = ()

    def __init__(self, failure: BaseException | None = None) -> None:
        self.failure = failure

    async def collect(self, _: Mapping[str, Any]) -> AsyncIterator[Batch]:
        for number in range(BATCHES):
            yield Batch({"tags": TAGS}, cursor={"at": number})
        if self.failure:
            raise self.failure


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    def collected(kept: Kept, failure: BaseException | None = None) -> Any:
        monkeypatch.setattr("ktlo.sources.collector.monotonic", lambda: kept.now)
        return asyncio.run(collect(Counting(failure), kept, kept))  # type: ignore[arg-type]

    return collected


def test_a_cursor_that_is_written_quickly_is_written_after_every_batch(run: Any) -> None:
    kept = Kept(PROMPT_SECONDS)
    run(kept)
    assert kept.written == list(range(BATCHES))


def test_slow_cursors_take_a_tenth_of_a_run_and_the_last_is_written(run: Any) -> None:
    kept = Kept(0.5)
    run(kept)
    # Half a second, then nine times as long: five batches of a second go by, and the next cursor is written.
    assert kept.written == [*range(0, BATCHES, 5), BATCHES - 1]


@pytest.mark.parametrize("failure", [SourceError("the service failed"), asyncio.CancelledError()])
def test_what_waits_is_written_however_the_run_ends(run: Any, failure: BaseException) -> None:
    kept = Kept(5.0)
    try:
        assert run(kept, failure).status == "failed"
    except asyncio.CancelledError:
        assert isinstance(failure, asyncio.CancelledError)
    assert kept.written[-1] == BATCHES - 1
