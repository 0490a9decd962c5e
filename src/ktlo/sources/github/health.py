"""Can the repository be read, what is missing, what will it cost? The answer of the source's check.

One request for the repository and one of a single row for each list: GitHub then tells how long the list
is, from which the requests and the time of a first collection are estimated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ktlo.errors import KtloError
from ktlo.sources.github.api import Api
from ktlo.sources.github.lists import DEPLOYMENTS, REVIEWS, Listing
from ktlo.sources.github.payloads import RateLimit, RepositoryItem
from ktlo.sources.github.run import unseen
from ktlo.sources.protocol import Health, Missing, Status
from ktlo.sources.rest.connection import AbsentError, DeniedError, decode
from ktlo.sources.rest.gathering import PER_PAGE
from ktlo.sources.rest.quota import LimitReachedError
from ktlo.wording import counted

TOKEN_ADVICE = "A token raises 60 requests an hour to 5,000: set GITHUB_TOKEN, or `token` of the source"  # noqa: S105 - advice, no secret
SECONDS_PER_REQUEST = 0.5
"""Assumed time of one request; GitHub answers a page of 100 in 0.3 to 1 s."""


async def examine(connect: Callable[[], Api], repository: str, listings: Sequence[Listing]) -> Health:
    """Look at the repository and at each list once.

    Args:
        connect: makes the connection; may raise when the token's reference leads nowhere.
        repository: ``owner/name``.
        listings: the lists that a collection would read.
    """
    try:
        async with connect() as api:
            return await _examine(api, repository, listings)
    except KtloError as error:
        return Health(Status.UNREACHABLE, str(error))


async def _examine(api: Api, repository: str, listings: Sequence[Listing]) -> Health:
    rate = await _rate(api)
    try:
        answer = await api.get(f"/repos/{repository}")
    except (AbsentError, DeniedError) as error:
        raise unseen(repository, api.has_token) from error
    said = decode(answer.body, RepositoryItem, repository)
    missing: list[Missing] = []
    if not api.has_token:
        missing.append(Missing("a token", "collecting takes longer: 60 requests an hour", TOKEN_ADVICE))
    elif (
        (scopes := answer.headers.get("x-oauth-scopes"))
        and said.private
        and "repo" not in scopes.replace(" ", "").split(",")
    ):
        missing.append(Missing("the scope `repo`", "private parts stay unread", "Add it to the token"))
    requests = 0
    for listing in listings:
        path = f"/repos/{said.full_name}{listing.path}"
        try:
            probe = await api.get(path, {**listing.params, "per_page": 1, "page": 1})
        except (DeniedError, AbsentError) as error:
            missing.append(
                Missing(f"{listing.label} ({error.what})", listing.cost, f"Grant `{listing.needs}`")
            )
        except LimitReachedError as error:
            missing.append(Missing("an estimate", "nothing in the numbers", str(error)))
            break
        else:
            requests += _requests(listing, probe.last_page or 1, api.has_token)
    name = said.full_name
    estimate = (
        f"a first collection takes at most {counted(requests, 'requests')}, {_time(requests, api.rest.limit)}"
    )
    summary = f"{name} can be read; {estimate}{rate}"
    return Health(Status.LIMITED if missing else Status.READY, summary, tuple(missing))


async def _rate(api: Api) -> str:
    try:
        rate = decode((await api.get("/rate_limit")).body, RateLimit, "/rate_limit").resources.core
    except AbsentError:
        return "; this server sets no limit"  # GitHub Enterprise Server with limits switched off
    return f"; {rate.remaining:,} of {counted(rate.limit, 'requests')} are left this hour"


def _requests(listing: Listing, entries: int, has_token: bool) -> int:
    pages = math.ceil(entries / PER_PAGE)
    if listing is REVIEWS:
        return pages + (math.ceil(entries / REVIEWS.chunk) if has_token else 2 * entries)
    return pages + (entries if listing is DEPLOYMENTS else 0)


def _time(requests: int, limit: int | None) -> str:
    hours = (requests - 1) // limit if limit else 0
    if hours:
        return f"about {hours:,} h because of the limit of {limit:,} an hour"
    return f"about {max(1, round(requests * SECONDS_PER_REQUEST / 60)):,} min"
