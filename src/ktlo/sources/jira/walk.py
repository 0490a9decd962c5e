"""Reads the issues that changed, oldest change first, however many there are and whatever changes meanwhile.

Searches know minutes only, in the time zone of the token's owner. So every page is asked from the last change that was
read (its minute included, which is read again), and deeper pages are only turned where one minute holds more than a
page. An issue that changes meanwhile moves to the end and shifts none past us. Cloud pages by token, Data Center by
offset.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ktlo.sources.jira.payloads import (
    CommentPage,
    HistoryPage,
    IssueItem,
    SearchPage,
    WorklogPage,
    instant,
)
from ktlo.sources.rest.connection import Answer, Connection, OversizedError, decode
from ktlo.sources.rest.parts import as_many_as_fit

PER_PAGE = 100
WORKLOGS_PER_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how to search.

    Attributes:
        api: the connection.
        is_cloud: Jira Cloud (API v3), else Data Center (v2).
        zone: time zone of the token's owner.
        scope: JQL that every search is bounded by; empty for all that the token sees.
        fields: identifiers of the fields that are asked for.
        slack: how much earlier to ask, where the time zone is not known.
    """

    api: Connection
    is_cloud: bool
    zone: ZoneInfo
    scope: str
    fields: tuple[str, ...]
    slack: dt.timedelta = dt.timedelta(0)

    @property
    def root(self) -> str:
        """Path of the API."""
        return "/rest/api/3" if self.is_cloud else "/rest/api/2"


@dataclass(frozen=True, slots=True)
class Found:
    """One page.

    Attributes:
        items: issues that could be read, with their whole changelog, comments and worklogs.
        odd: those that could not, and why.
        too_large: keys of those that are more by themselves than is read, and why they are left out.
        reached: where a later run goes on.
    """

    items: Sequence[IssueItem]
    odd: Sequence[tuple[msgspec.Raw, str]]
    too_large: Sequence[tuple[str, str]]
    reached: dt.datetime


async def changed(place: Place, since: dt.datetime) -> AsyncIterator[Found]:
    """Issues that changed since a moment, oldest change first.

    Args:
        place: where.
        since: its minute is included.
    """
    token, offset, since = "", 0, since.replace(second=0, microsecond=0)
    while True:
        jql = f'updated >= "{_minute(since - place.slack, place.zone)}"'
        page, why_alone = await _page(place, jql, token, offset)
        items, odd, too_large, newest = [], [], [], since
        for raw in page.issues:
            try:
                item = msgspec.json.decode(raw, type=IssueItem)
                newest = max(newest, _updated(item, since))
                if why_alone:
                    too_large.append((item.key, why_alone))
                    continue
                try:
                    items.append(await _whole(place, item))
                except OversizedError as error:
                    too_large.append((item.key, error.what))
            except msgspec.ValidationError as error:
                odd.append((raw, str(error)))
        more = _has_more(page, offset)
        reached = newest.replace(second=0, microsecond=0)
        yield Found(items, odd, too_large, max(reached, since))
        if not more:
            return
        if reached > since:
            token, offset, since = "", 0, reached
        else:
            token, offset = page.next_page_token or "", offset + len(page.issues)


async def _page(place: Place, jql: str, token: str, offset: int) -> tuple[SearchPage, str]:
    """As many issues as fit; of one too large by itself what it is called and when it changed, and why it is alone."""
    order = "updated ASC, key ASC"

    async def whole(size: int) -> tuple[Answer, str]:
        return await _search(place, jql, order, token, offset, size), ""

    async def named(error: OversizedError) -> tuple[Answer, str]:
        bare = replace(place, fields=("updated",))
        return await _search(bare, jql, order, token, offset, 1, with_changelog=False), error.what

    (answer, why_alone), _ = await as_many_as_fit(whole, PER_PAGE, named)
    return decode(answer.body, SearchPage, place.root), why_alone


async def open_keys(place: Place) -> set[str]:
    """Keys of all issues that are not done."""
    keys: set[str] = set()
    token, offset = "", 0
    bare = Place(place.api, place.is_cloud, place.zone, place.scope, ("status",))
    while True:
        answer = await _search(
            bare, "statusCategory != Done", "key ASC", token, offset, PER_PAGE, with_changelog=False
        )
        page = decode(answer.body, SearchPage, place.root)
        for raw in page.issues:
            keys.add(msgspec.json.decode(raw, type=_Key).key)
        if not _has_more(page, offset):
            return keys
        token, offset = page.next_page_token or "", offset + len(page.issues)


async def one(place: Place, key: str) -> IssueItem:
    """One issue as it is now.

    Raises:
        AbsentError: it is not there, or not to be seen.
    """
    answer = await place.api.get(
        f"{place.root}/issue/{key}", {"fields": ",".join(place.fields), "expand": "changelog"}
    )
    return await _whole(place, decode(answer.body, IssueItem, key))


async def found(place: Place, keys: Sequence[str]) -> Collection[str]:
    """Those of some keys, at most 100, under which there is an issue that is to be seen.

    Cloud leaves out what is not there ("Bulk fetch issues" of its REST API v3); so does a search in Data Center that is
    not to validate its query (``validateQuery`` of its REST API v2), which would otherwise be refused for one such key.
    """
    if place.is_cloud:
        path = f"{place.root}/issue/bulkfetch"
        answer = await place.api.post(path, {"issueIdsOrKeys": list(keys), "fields": ["status"]})
    else:
        path = f"{place.root}/search"
        quoted = ", ".join(f'"{key}"' for key in keys)
        answer = await place.api.get(
            path,
            {
                "jql": f"key in ({quoted})",
                "validateQuery": "false",
                "fields": "status",
                "maxResults": len(keys),
            },
        )
    return {one.key for one in decode(answer.body, _Keys, path).issues}


class _Key(msgspec.Struct):
    key: str


class _Keys(msgspec.Struct):
    issues: list[_Key] = []


async def _search(
    place: Place,
    what: str,
    order: str,
    token: str,
    offset: int,
    size: int,
    *,
    with_changelog: bool = True,
) -> Answer:
    scope = f"({place.scope}) AND " if place.scope else ""
    jql = f"{scope}{what} ORDER BY {order}"
    params: dict[str, str | int] = {"jql": jql, "maxResults": size, "fields": ",".join(place.fields)}
    if with_changelog:
        params["expand"] = "changelog"
    if not place.is_cloud:
        return await place.api.get(f"{place.root}/search", {**params, "startAt": offset})
    if token:
        params["nextPageToken"] = token
    return await place.api.get(f"{place.root}/search/jql", params)


def _has_more(page: SearchPage, offset: int) -> bool:
    if not page.issues:
        return False
    if page.total is not None:
        return offset + len(page.issues) < page.total
    return bool(page.next_page_token) and page.is_last is not True


async def _whole(place: Place, item: IssueItem) -> IssueItem:
    """The issue with what the search left out of long changelogs, comments and worklogs."""
    log = item.changelog
    if log is not None and log.total > len(log.histories):
        log.histories = await _all_histories(place, item.key)
    comments = item.fields.get("comment")
    if isinstance(comments, dict) and comments.get("total", 0) > len(comments.get("comments") or ()):
        item.fields["comment"] = {"comments": await _all_comments(place, item.key)}
    worklogs = item.fields.get("worklog")
    if isinstance(worklogs, dict) and worklogs.get("total", 0) > len(worklogs.get("worklogs") or ()):
        item.fields["worklog"] = {"worklogs": await _all_worklogs(place, item.key)}
    return item


async def _all_histories(place: Place, key: str) -> list[Any]:
    path, found, offset = f"{place.root}/issue/{key}/changelog", [], 0
    while True:
        answer = await place.api.get(path, {"startAt": offset, "maxResults": PER_PAGE})
        page = decode(answer.body, HistoryPage, path)
        found += page.values
        offset += len(page.values)
        if page.is_last or not page.values:
            return found


async def _all_comments(place: Place, key: str) -> list[Any]:
    path, found, offset = f"{place.root}/issue/{key}/comment", [], 0
    while True:
        answer = await place.api.get(path, {"startAt": offset, "maxResults": PER_PAGE})
        page = decode(answer.body, CommentPage, path)
        found += page.comments
        offset += len(page.comments)
        if not page.comments or offset >= page.total:
            return msgspec.to_builtins(found)  # type: ignore[no-any-return]


async def _all_worklogs(place: Place, key: str) -> list[Any]:
    """All of them: Data Center tells them at once and knows no parameters, Cloud tells at most 5,000."""
    path, found = f"{place.root}/issue/{key}/worklog", list[Any]()
    while True:
        part = {"startAt": len(found), "maxResults": WORKLOGS_PER_PAGE} if place.is_cloud else {}
        page = decode((await place.api.get(path, part)).body, WorklogPage, path)
        found += page.worklogs
        if not place.is_cloud or not page.worklogs or len(found) >= page.total:
            return msgspec.to_builtins(found)  # type: ignore[no-any-return]


def _updated(item: IssueItem, otherwise: dt.datetime) -> dt.datetime:
    try:
        return instant(str(item.fields["updated"]))
    except (KeyError, ValueError):
        return otherwise


def _minute(moment: dt.datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%Y/%m/%d %H:%M")
