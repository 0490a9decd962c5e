"""Issues that left: deleted ones are removed, transferred ones too, with an event that says where to.

GitHub's lists are silent about them, and an open issue that vanished would age for ever. So the numbers
known to be open are held against GitHub's whole list of open ones, when its count disagrees and once a day
at most; whatever is missing is asked for by itself (301 moved, 404 or 410 deleted, 200 merely closed). The
same reading brings in the open issues that have not changed since the horizon.

What was closed is asked for by its numbers when the collector says so (``revisiting``): 100 in one request by GraphQL,
those that it does not know as above.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Any

from ktlo.sources.github import mapping
from ktlo.sources.github.details import issues_there
from ktlo.sources.github.lists import ISSUES
from ktlo.sources.github.payloads import IssueItem
from ktlo.sources.github.run import Run
from ktlo.sources.protocol import Batch, Drawn
from ktlo.sources.rest.connection import AbsentError, MovedError, decode
from ktlo.sources.rest.gathering import stamp
from ktlo.sources.rest.revisits import Revisit
from ktlo.sources.rest.rows import Row
from ktlo.sources.rest.walks import OldestState, Page, oldest_first

EVERY = dt.timedelta(days=1)
_BEGINNING = dt.datetime(2007, 1, 1, tzinfo=dt.UTC)
"""Before GitHub's first issue."""


async def follow_vanished(run: Run) -> AsyncIterator[Batch]:
    """Compare the open issues with GitHub's, and follow those that are not there.

    Yields:
        Batches whose cursor continues the comparison.
    """
    state = run.cursor.open
    if state.walk is None:
        if state.compared_at is not None and (
            len(state.numbers) == run.cursor.open_count or run.api.rest.now() - state.compared_at < EVERY
        ):
            return
        state.walk, state.seen = OldestState(_BEGINNING), set()

    async def fetch(since: dt.datetime, page: int, etag: str) -> Page[Any]:
        return await run.page(ISSUES, page, {"state": "open", "since": stamp(since)}, etag)

    async for entries, after in oldest_first(state.walk, fetch):
        state.walk = after
        state.seen.update(entry.number for entry in entries)
        yield run.batch(row for entry in entries for row in ISSUES.rows(entry.item, run.of))

    missing, known = sorted(state.numbers - state.seen), sorted(state.numbers | state.seen)
    asked = _asked(run, "open issues", lambda number: state.numbers.discard(int(number)))
    async for batch in asked.settled(list(map(str, missing)), list(map(str, known))):
        yield batch
    state.numbers |= state.seen
    state.compared_at, state.walk, state.seen = run.api.rest.now(), None, set()
    yield run.batch()


async def revisit(run: Run, drawn: Drawn) -> AsyncIterator[Batch]:
    """Hold some known issues against GitHub, whatever their state.

    Args:
        run: knows what the repository is called now.
        drawn: which.
    """
    async for batch in _asked(run, "issues").of(*drawn.of("issues")):
        yield batch
    yield run.batch()


def _asked(run: Run, label: str, forget: Callable[[str], None] = lambda _: None) -> Revisit:
    """How issues are asked for by their numbers."""

    async def listed(part: Sequence[str]) -> Collection[str]:
        return {str(number) for number in await issues_there(run.api, run.cursor.full_name, map(int, part))}

    async def whole(number: str) -> Sequence[tuple[str, Row]]:
        rows = await _whole(run, int(number))
        run.cursor.open.numbers.discard(int(number))
        return rows

    return Revisit(
        api=run.api,
        source=run.of.source,
        tables=("issues",),
        label=label,
        place=f"{run.root}/issues",
        listed=listed,
        whole=whole,
        forget=forget,
    )


async def _whole(run: Run, number: int) -> list[tuple[str, Row]]:
    """Rows of one issue, which may have been transferred. Raises :class:`AbsentError` when it was deleted."""
    path = f"{run.root}/issues/{number}"
    at = run.api.rest.now()
    try:
        answer = await run.api.get(path, hops=0)
    except MovedError as error:
        target = await _target(run, error.location)
        return [
            ("issue_events", mapping.transferred(number, target, run.of, at)),
            ("issues", mapping.gone(number, run.of, at)),
        ]
    item = decode(answer.body, IssueItem, path)
    if item.state == "open":
        run.cursor.open.seen.add(number)
    return list(ISSUES.rows(item, run.of))


async def _target(run: Run, location: str) -> str:
    """Where an issue went, as a person reads it; the bare address where the token may not look."""
    if not location.startswith(f"{run.api.base}/"):
        return location
    try:
        answer = await run.api.get(location.removeprefix(run.api.base))
    except AbsentError:
        return location
    return decode(answer.body, IssueItem, location).html_url or location
