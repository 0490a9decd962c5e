"""Issues that were deleted: GitLab's lists are silent about them, and an open issue that vanished would age for ever.

The numbers known to be open are held against GitLab's own count of open issues, once a day; where that disagrees,
against the whole list of open ones, and whatever is missing is asked for by itself. The same reading brings in the open
issues that have not changed since the horizon. Moved issues need none of it: GitLab closes them and says so.

What has ended, and merge requests, are asked for by their numbers when the collector says so (``revisiting``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from ktlo.sources.gitlab import mapping
from ktlo.sources.gitlab.mapping import Of
from ktlo.sources.gitlab.payloads import IssueItem, MergeRequestItem
from ktlo.sources.gitlab.run import ProjectRun
from ktlo.sources.protocol import Batch
from ktlo.sources.rest.connection import AbsentError, DeniedError, decode
from ktlo.sources.rest.lists import Listed
from ktlo.sources.rest.revisits import PART, Revisit
from ktlo.sources.rest.rows import Row, removal

EVERY = dt.timedelta(days=1)
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
        for number in sorted(known - seen):
            path = f"{root}/issues/{number}"
            try:
                item = decode((await run.api.get(path)).body, IssueItem, path)
            except AbsentError:
                rows = [removal(table, of.source, str(number), now) for table in ("issues", "incidents")]
            else:
                rows = await run.whole(item)
            known.discard(number)
            yield run.batch(rows)
        known |= seen
    run.at.compared_at = now
    yield run.batch()


class _Numbered(msgspec.Struct):
    iid: int


async def revisit(
    run: ProjectRun, of: Of, root: str, known: Mapping[str, Sequence[str]]
) -> AsyncIterator[Batch]:
    """Hold some known items against GitLab, whatever their state.

    Args:
        run: asks for whole issues.
        of: whose rows they are.
        root: path of the project.
        known: numbers by table: ``issues`` and ``incidents``, which share them, and ``changes``.
    """

    def of_list(name: str, label: str, tables: tuple[str, ...]) -> Revisit:
        path = f"{root}/{name}"

        async def listed(part: Sequence[str]) -> Collection[str]:
            query = urlencode([("scope", "all"), ("per_page", PART), *(("iids[]", iid) for iid in part)])
            answer = await run.api.get(f"{run.api.base}{path}?{query}")
            return {str(one.iid) for one in decode(answer.body, list[_Numbered], path)}

        async def whole(iid: str) -> Sequence[tuple[str, Row]]:
            body = (await run.api.get(f"{path}/{iid}")).body
            if name == "issues":
                return await run.whole(decode(body, IssueItem, path))
            return list(mapping.merge_request(decode(body, MergeRequestItem, path), of))

        return Revisit(
            api=run.api,
            source=of.source,
            tables=tables,
            label=label,
            place=path,
            listed=listed,
            whole=whole,
        )

    numbers = sorted({*known.get("issues", ()), *known.get("incidents", ())})
    async for batch in of_list("issues", "issues", ("issues", "incidents")).of(numbers):
        yield batch
    async for batch in of_list("merge_requests", "merge requests", ("changes",)).of(known.get("changes", ())):
        yield batch
