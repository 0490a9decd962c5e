"""One polite connection to GitHub: one request at a time, conditional, retried, within its limits.

Every way in which GitHub or what lies between can fail ends here as one of a few exceptions with a
sentence. Nothing here knows what is asked for. Rules: GitHub's "Best practices for using the REST API".
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec
from pydantic import SecretStr

from ktlo.errors import SourceError, UserError
from ktlo.sources.github.quota import Quota, World

T = TypeVar("T")

VERSION = "2022-11-28"
TRIES = 5
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
WHOLE_SECONDS = 120.0
"""Longest that one answer may take from its first byte to its last."""
LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of the largest answer that is read; a page of 100 items has a few at most."""
LATER_SECONDS = 300.0
"""When to come back after GitHub failed for all tries of a request."""
_HOPS = 5


class DeniedError(SourceError):
    """403 for lack of a permission: what it covers is missing, the rest can go on."""


class AbsentError(SourceError):
    """404 or 410: not there, switched off, deleted, or not to be seen with this token."""


class UnprocessableError(SourceError):
    """422: GitHub does not go there; mostly a page too far back."""


class MovedError(SourceError):
    """301 where it was not to be followed. ``location`` says where it went."""

    def __init__(self, what: str, *, where: str, location: str) -> None:
        super().__init__(what, where=where)
        self.location = location


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        body: the JSON text; empty when unchanged.
        unchanged: GitHub said 304 to the ETag we had; costs no quota.
        etag: to ask again with.
        more: there is a next page.
        last_page: number of the last page where GitHub tells it.
        at: when, by GitHub's clock.
        scopes: scopes of a classic token; ``None`` when it has none such.
    """

    body: bytes
    unchanged: bool
    etag: str
    more: bool
    last_page: int | None
    at: dt.datetime
    scopes: str | None


class Api:
    """A connection to one GitHub.

    Args:
        base: address of the REST API.
        token: ``None`` reads without.
        world: time and chance.
        transport: for tests and proxies; the network when ``None``.
    """

    def __init__(
        self,
        base: str,
        token: SecretStr | None,
        world: World,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.base = base
        self.has_token = token is not None
        self.rest = Quota(world)
        self.graphql_points = Quota(world)
        self._world = world
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": VERSION,
            "User-Agent": "ktlo",
        }
        if token is not None:
            headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        self._client = httpx.AsyncClient(headers=headers, timeout=TIMEOUT, transport=transport)

    async def __aenter__(self) -> Api:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        etag: str = "",
        hops: int = _HOPS,
    ) -> Answer:
        """Ask for one page or object.

        Args:
            path: below the base, ``/repos/…``.
            params: query.
            etag: of the answer that is known already.
            hops: redirects to follow, none with 0.

        Raises:
            LimitReachedError: wait and run again.
            DeniedError, AbsentError, UnprocessableError, MovedError: about this request only.
            UserError: the token is not accepted, or the repository is blocked.
            SourceError: GitHub failed for all tries.
        """
        url = f"{self.base}{path}"
        headers = {"If-None-Match": etag} if etag else {}
        request = self._client.build_request("GET", url, params=dict(params or {}), headers=headers)
        response = await self._send(request, self.rest)
        while response.status_code in (301, 302, 307, 308):
            location = httpx.URL(url).join(response.headers.get("location", ""))
            if hops <= 0:
                raise MovedError(
                    f"it moved, again and again, last to {location.copy_with(query=None)}",
                    where=path,
                    location=str(location),
                )
            if _origin(str(location)) != _origin(self.base):
                raise SourceError(
                    f"GitHub's API points elsewhere, to {location.host}; the token is not sent there",
                    where=path,
                    fix="Check `api` in the source's options",
                )
            hops -= 1
            request = self._client.build_request("GET", location, headers=headers)
            response = await self._send(request, self.rest)
        links = response.links
        last = httpx.URL(links["last"]["url"]).params.get("page", "") if "last" in links else ""
        return Answer(
            body=response.content if response.status_code != 304 else b"",
            unchanged=response.status_code == 304,
            etag=response.headers.get("etag", etag),
            more="next" in links,
            last_page=int(last) if last.isdigit() else None,
            at=self.rest.now(),
            scopes=response.headers.get("x-oauth-scopes"),
        )

    async def ask(self, query: str, variables: Mapping[str, Any]) -> bytes:
        """Ask by GraphQL; needs a token. Raises like :meth:`get`."""
        base = self.base.removesuffix("/v3") if self.base.endswith("/api/v3") else self.base
        content = msgspec.json.encode({"query": query, "variables": dict(variables)})
        request = self._client.build_request("POST", f"{base}/graphql", content=content)
        request.headers["Content-Type"] = "application/json"
        return (await self._send(request, self.graphql_points)).content

    async def _receive(self, request: httpx.Request) -> httpx.Response:
        """One answer, read to its end or to the largest that is taken."""
        response = await self._client.send(request, stream=True)
        try:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > LARGEST_ANSWER:
                    raise SourceError(
                        f"an answer of more than {LARGEST_ANSWER >> 20} MiB came, which GitHub never sends",
                        where=str(request.url.copy_with(query=None)),
                        fix="Check `api` and proxies",
                    )
        finally:
            await response.aclose()
        headers = [
            (name, value)
            for name, value in response.headers.multi_items()
            if name.lower() not in ("content-encoding", "content-length", "transfer-encoding")
        ]
        return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=request)

    async def _send(self, request: httpx.Request, quota: Quota) -> httpx.Response:
        failure = ""
        for attempt in range(TRIES):
            if attempt and failure:
                await self._world.sleep(2.0**attempt * (0.5 + self._world.chance()))
            await quota.permit()
            try:
                async with asyncio.timeout(WHOLE_SECONDS):
                    response = await self._receive(request)
            except (httpx.TimeoutException, TimeoutError):
                failure = "it did not answer in time"
                continue
            except httpx.TransportError as error:
                failure = f"the connection failed ({type(error).__name__})"
                continue
            quota.note(response.headers)
            if response.status_code >= 500:
                failure = f"it answered {response.status_code}"
                continue
            if _is_limit(response):
                failure = ""
                await quota.refused(response.headers)
                continue
            if response.status_code == 200:
                kind = response.headers.get("content-type", "")
                if "json" not in kind:
                    raise SourceError(
                        f"an answer that is not JSON but {kind.partition(';')[0] or 'nameless'} came",
                        where=str(request.url.copy_with(query=None)),
                        fix="Check `api` (GitHub Enterprise Server wants /api/v3 at its end) and proxies",
                    )
                if not _is_whole(response.content):
                    failure = "its answer was cut off"
                    continue
            quota.granted()
            _judge(response, request.url.path, self.has_token)
            return response
        raise SourceError(
            f"GitHub failed {TRIES} times in a row: {failure or 'it asks for pauses'}",
            where=str(request.url.copy_with(query=None)),
            fix="The next run continues from here",
            retry_after=LATER_SECONDS,
        )


def decode(body: bytes, kind: type[T], where: str) -> T:
    """Read an answer as what it should be.

    Raises:
        SourceError: it is something else.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise SourceError(
            f"an answer of an unexpected form came: {error}",
            where=where,
            fix="Check `api`; if it is right, this is worth a report to ktlo",
        ) from error


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _is_whole(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _is_limit(response: httpx.Response) -> bool:
    if response.status_code == 429:
        return True
    if response.status_code == 200 and response.headers.get("x-ratelimit-resource") == "graphql":
        return b'"RATE_LIMITED"' in response.content[:2000]
    if response.status_code != 403:
        return False
    return (
        "retry-after" in response.headers
        or response.headers.get("x-ratelimit-remaining") == "0"
        or "rate limit" in _message(response).lower()
    )


class _Said(msgspec.Struct):
    message: str = ""


def _message(response: httpx.Response) -> str:
    try:
        return msgspec.json.decode(response.content, type=_Said).message[:200]
    except (msgspec.DecodeError, RecursionError):
        return ""


def _judge(response: httpx.Response, path: str, has_token: bool) -> None:
    status, said = response.status_code, _message(response) if response.status_code >= 400 else ""
    if status < 400:
        return
    if status == 401:
        raise UserError(
            "GitHub does not accept the token (401): it is mistyped, expired or revoked",
            where=path,
            fix="Make a new one at https://github.com/settings/tokens and put it where `token` points",
        )
    if status == 403 and "x-github-sso" in response.headers:
        url = response.headers["x-github-sso"].partition("url=")[2]
        raise UserError(
            "the organisation wants the token to be authorised for single sign-on (403)",
            where=path,
            fix=f"Open {url or 'the token on https://github.com/settings/tokens'} and authorise it",
        )
    if status == 403:
        raise DeniedError(f"GitHub refuses (403): {said or 'no reason given'}", where=path)
    if status in (404, 410):
        raise AbsentError(f"GitHub says {status}: {said or 'not found'}", where=path)
    if status == 422:
        raise UnprocessableError(f"GitHub does not do this (422): {said}", where=path)
    if status == 451:
        raise UserError(
            "the repository is blocked for legal reasons (451)",
            where=path,
            fix="Remove the source; what was read before stays",
        )
    hint = "" if has_token else "A token may help"
    raise SourceError(f"GitHub answered {status}: {said or 'without a reason'}", where=path, fix=hint)
