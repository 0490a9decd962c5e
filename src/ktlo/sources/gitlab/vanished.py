"""Issues that were deleted: GitLab's lists are silent about them, and an open issue that vanished would age for ever.

The numbers known to be open are held against GitLab's own count of open issues, once a day; where that disagrees,
against the whole list of open ones, and whatever is missing is asked for by itself. The same reading brings in the open
issues that have not changed since the horizon. Moved issues need none of it: GitLab closes them and says so.

What has ended, and merge requests, are asked for by their numbers when the collector says so (``revisiting``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from urllib.parse import urlencode

import msgspec

from ktlo.sources.gitlab import mapping
from ktlo.sources.gitlab.mapping import Of
from ktlo.sources.gitlab.payloads import IssueItem, MergeRequestItem
from ktlo.sources.gitlab.run import ProjectRun
from ktlo.sources.protocol import Batch, Drawn
from ktlo.sources.rest.connection import AbsentError, DeniedError, decode
from ktlo.sources.rest.lists import Listed
from ktlo.sources.rest.revisits import PART, Revisit
from ktlo.sources.rest.rows import Row

EVERY = dt.timedelta(days=1)
ISSUES = ("issues", "incidents")
"""Where an issue may be."""
_OPEN: dict[str, str | int] = {"state": "opened", "scope": "all", "order_by": "created_at", "sort": "asc"}


class _Counts(msgspec.Struct):
    opened: int = 0


class _Statistics(msgspec.Struct):
    counts: _Counts


class _Numbers(msgspec.Struct):
    statistics: _Statistics


async def follow_vanished(run: ProjectRun, of: Of, root: str, issues: Listed) -> AsyncIterator[Batch]:
    """Remove issues that are no longer there.

    Args:
        run: whose position holds the open issues.
        of: whose rows they are.
        root: path of the project.
        issues: its list of issues.
    """
    known, now = run.at.open, run.api.rest.now()
    if run.at.compared_at is not None and now - run.at.compared_at < EVERY:
        return
    path = f"{root}/issues_statistics"
    try:
        answer = await run.api.get(path, {"scope": "all"})
    except (AbsentError, DeniedError):
        return  # the list of issues has said why
    told = decode(answer.body, _Numbers, path).statistics.counts.opened
    if told != len(known):
        seen: set[int] = set()
        page, more = 1, True
        while more:
            part = await run.page(issues, page, _OPEN)
            found = [entry.item for entry in part.entries]
            seen.update(one.iid for one in found)
            # Open ones that have not changed since the horizon are in no list by change.
            fresh = [one for one in found if one.iid not in known]
            yield run.batch([row for one in fresh for row in await run.whole(one)])
            page, more = page + 1, part.more
        asked = _asked(run, of, root, "issues", "open issues", ISSUES, lambda name: known.discard(int(name)))
        missing, all_open = sorted(known - seen), sorted(known | seen)
        async for batch in asked.settled(list(map(str, missing)), list(map(str, all_open))):
            yield batch
        known |= seen
    run.at.compared_at = now
    yield run.batch()


class _Numbered(msgspec.Struct):
    iid: int


async def revisit(run: ProjectRun, of: Of, root: str, drawn: Drawn) -> AsyncIterator[Batch]:
    """Hold some known items against GitLab, whatever their state.

    Args:
        run: asks for whole issues.
        of: whose rows they are.
        root: path of the project.
        drawn: numbers of issues and incidents, which share them, and of merge requests.
    """
    async for batch in _asked(run, of, root, "issues", "issues", ISSUES).of(*drawn.of(*ISSUES)):
        yield batch
    requests = _asked(run, of, root, "merge_requests", "merge requests", ("changes",))
    async for batch in requests.of(*drawn.of("changes")):
        yield batch
    yield run.batch()


def _asked(
    run: ProjectRun,
    of: Of,
    root: str,
    name: str,
    label: str,
    tables: tuple[str, ...],
    forget: Callable[[str], None] = lambda _: None,
) -> Revisit:
    """How the items of a list are asked for by their numbers."""
    path = f"{root}/{name}"

    async def listed(part: Sequence[str]) -> Collection[str]:
        query = urlencode([("scope", "all"), ("per_page", PART), *(("iids[]", iid) for iid in part)])
        answer = await run.api.get(f"{run.api.base}{path}?{query}")
        return {str(one.iid) for one in decode(answer.body, list[_Numbered], path)}

    async def whole(iid: str) -> Sequence[tuple[str, Row]]:
        body = (await run.api.get(f"{path}/{iid}")).body
        if name != "issues":
            return list(mapping.merge_request(decode(body, MergeRequestItem, path), of))
        item = decode(body, IssueItem, path)
        (run.at.open.add if item.state == "opened" else run.at.open.discard)(item.iid)
        return await run.whole(item)

    return Revisit(
        api=run.api,
        source=of.source,
        tables=tables,
        label=label,
        place=path,
        whole=whole,
        listed=listed,
        forget=forget,
    )
