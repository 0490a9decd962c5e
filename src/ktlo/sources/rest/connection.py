"""One polite connection to a service's REST API: one request at a time, conditional, retried, within its limits.

Every way in which the service or what lies between can fail ends here as one of a few exceptions with a sentence.
Nothing here knows what is asked for; how one service words its limits and refusals is its :class:`Manners`.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from ktlo.errors import SourceError, UserError
from ktlo.sources.rest.failures import message, unreached
from ktlo.sources.rest.quota import Quota, World

T = TypeVar("T")

TRIES = 5
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
WHOLE_SECONDS = 120.0
"""Longest that one answer may take from its first byte to its last."""
LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of the largest answer that is read; a page of 100 items has a few at most."""
LATER_SECONDS = 300.0
"""When to come back after the service failed for all tries of a request."""
_HOPS = 5


class DeniedError(SourceError):
    """403 for lack of a permission: what it covers is missing, the rest can go on."""


class AbsentError(SourceError):
    """404 or 410: not there, switched off, deleted, or not to be seen with this token."""


class UnprocessableError(SourceError):
    """422 or 400: the service does not do this; mostly a page too far back."""


class UnexpectedFormError(SourceError):
    """The answer is JSON of another form than the service documents."""


class OversizedError(SourceError):
    """The answer has more bytes than are read; a smaller page of a list may do.

    ``headers`` are those of the answer: where its list goes on may stand in them.
    """

    def __init__(
        self, what: str, *, where: str = "", fix: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.headers: Mapping[str, str] = headers or {}


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
        unchanged: the service said 304 to the ETag we had.
        etag: to ask again with.
        more: there is a next page.
        last_page: number of the last page where the service tells it.
        at: when, by the service's clock.
        headers: all of them.
    """

    body: bytes
    unchanged: bool
    etag: str
    more: bool
    last_page: int | None
    at: dt.datetime
    headers: Mapping[str, str]


_CREDENTIALS = ("Authorization", "PRIVATE-TOKEN", "X-Redmine-API-Key")
"""Headers that carry a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How one service words its limits and refusals; a service that keeps to the standards needs no more than words.

    Attributes:
        service: as people call it.
        renewal: what to do about a token that is not accepted.
        base_help: what to check when the answers are not its own.
    """

    service: str
    renewal: str
    base_help: str = "Check the address and proxies"

    def is_limit(self, response: httpx.Response) -> bool:
        """Whether a refusal is for the frequency: 429 (RFC 6585), 420 (Statuspage), or 503 with a time to wait."""
        return response.status_code in (420, 429) or (
            response.status_code == 503 and "retry-after" in response.headers
        )

    def judge(self, response: httpx.Response, path: str) -> None:
        """Raise what is special about a refusal; everything common is raised after it."""


class Connection:
    """A connection to one service.

    Args:
        base: address of the REST API.
        manners: how the service words things.
        headers: sent with every request: the token among them.
        world: time and chance.
        transport: for tests and proxies; the network when ``None``.
        span: what the service's limit counts by, ``an hour``; empty where unknown.
    """

    def __init__(
        self,
        base: str,
        manners: Manners,
        headers: Mapping[str, str],
        world: World,
        transport: httpx.AsyncBaseTransport | None = None,
        span: str = "",
    ) -> None:
        self.base = base
        self.manners = manners
        self.rest = Quota(world, manners.service, span)
        self._world = world
        self._is_reached = False
        self._client = httpx.AsyncClient(
            headers={"User-Agent": "ktlo", "Accept": "application/json", **headers},
            timeout=TIMEOUT,
            transport=transport,
        )

    async def __aenter__(self) -> Self:
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
            path: below the base, ``/repos/…``, or a whole address of the same origin (a link to the next page).
            params: query.
            etag: of the answer that is known already.
            hops: redirects to follow, none with 0.

        Raises:
            LimitReachedError: wait and run again.
            DeniedError, AbsentError, UnprocessableError, MovedError, OversizedError: about this request only.
            UserError: the token is not accepted, or the place is blocked.
            SourceError: the service failed for all tries.
        """
        url = path if "://" in path else f"{self.base}{path}"
        self._keep_to_origin(url, path)
        headers = {"If-None-Match": etag} if etag else {}
        request = self._client.build_request(
            "GET", url, params=dict(params) if params else None, headers=headers
        )
        response = await self.send(request, self.rest)
        while response.status_code in (301, 302, 307, 308):
            location = httpx.URL(url).join(response.headers.get("location", ""))
            if hops <= 0:
                raise MovedError(
                    f"it moved, again and again, last to {location.copy_with(query=None)}",
                    where=path,
                    location=str(location),
                )
            self._keep_to_origin(str(location), path)
            hops -= 1
            request = self._client.build_request("GET", location, headers=headers)
            response = await self.send(request, self.rest)
        return self.answer(response, etag)

    async def post(self, path: str, content: Any) -> Answer:
        """Ask by a POST that changes nothing (a search). Raises like :meth:`get`."""
        request = self._client.build_request(
            "POST", f"{self.base}{path}", content=msgspec.json.encode(content)
        )
        request.headers["Content-Type"] = "application/json"
        return self.answer(await self.send(request, self.rest), "")

    def answer(self, response: httpx.Response, etag: str) -> Answer:
        """A response as an answer; ``etag`` is what was asked with."""
        links = response.links
        last = httpx.URL(links["last"]["url"]).params.get("page", "") if "last" in links else ""
        return Answer(
            body=response.content if response.status_code != 304 else b"",
            unchanged=response.status_code == 304,
            etag=response.headers.get("etag", etag),
            more="next" in links,
            last_page=int(last) if last.isdigit() else None,
            at=self.rest.now(),
            headers=response.headers,
        )

    def _keep_to_origin(self, url: str, path: str) -> None:
        if _origin(url) != _origin(self.base):
            raise SourceError(
                f"{self.manners.service}'s API points elsewhere, to {httpx.URL(url).host}; the token is not sent"
                " there",
                where=path,
                fix=self.manners.base_help,
            )

    async def _receive(self, request: httpx.Request) -> httpx.Response:
        """One answer, read to its end or to the largest that is taken."""
        response = await self._client.send(request, stream=True)
        try:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > LARGEST_ANSWER:
                    raise OversizedError(
                        f"an answer of more than {LARGEST_ANSWER >> 20} MiB came from {self.manners.service}",
                        where=str(request.url.copy_with(query=None)),
                        fix=f"{self.manners.base_help}. If they are right, one item has that much text: shorten it",
                        headers=response.headers,
                    )
        finally:
            await response.aclose()
        headers = [
            (name, value)
            for name, value in response.headers.multi_items()
            if name.lower() not in ("content-encoding", "content-length", "transfer-encoding")
        ]
        return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=request)

    async def send(self, request: httpx.Request, quota: Quota) -> httpx.Response:
        """Send one request until it is answered. Raises like :meth:`get`."""
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
            except httpx.ConnectError as error:
                failure = unreached(error)
                if attempt and not self._is_reached:  # an address at which nobody ever was needs no patience
                    raise SourceError(
                        f"{self.manners.service} cannot be reached: {failure}",
                        where=self.base,
                        fix=self.manners.base_help,
                        retry_after=LATER_SECONDS,
                    ) from None
                continue
            except httpx.TransportError as error:
                failure = f"the connection failed ({type(error).__name__})"
                continue
            self._is_reached = True
            quota.note(response.headers)
            if self.manners.is_limit(response):
                failure = ""
                await quota.refused(response.headers)
                continue
            if response.status_code >= 500:
                failure = f"it answered {response.status_code}"
                continue
            if response.status_code == 200:
                kind = response.headers.get("content-type", "")
                if "json" not in kind:
                    raise SourceError(
                        f"an answer that is not JSON but {kind.partition(';')[0] or 'nameless'} came",
                        where=str(request.url.copy_with(query=None)),
                        fix=self.manners.base_help,
                    )
                if not _is_whole(response.content):
                    failure = "its answer was cut off"
                    continue
            quota.granted()
            self._judge(response)
            return response
        raise SourceError(
            f"{self.manners.service} failed {TRIES} times in a row: {failure or 'it asks for pauses'}",
            where=str(request.url.copy_with(query=None)),
            fix="The next run continues from here",
            retry_after=LATER_SECONDS,
        )

    def _judge(self, response: httpx.Response) -> None:
        status, service = response.status_code, self.manners.service
        if status < 400:
            return
        path, where = response.request.url.path, str(response.request.url.copy_with(query=None))
        self.manners.judge(response, path)
        said = message(response)
        if status == 401:
            has_token = any(name in response.request.headers for name in _CREDENTIALS)
            raise UserError(
                f"{service} does not accept the token (401): it is mistyped, expired or revoked"
                if has_token
                else f"{service} wants a token (401), and none is given",
                where=where,
                fix=self.manners.renewal,
            )
        if status == 403:
            raise DeniedError(
                f"{service} refuses (403): {said or 'no reason given'}",
                where=where,
                fix=self.manners.renewal,
            )
        if status in (404, 410):
            raise AbsentError(
                f"{service} says {status}: {said or 'not found'}", where=where, fix=self.manners.base_help
            )
        if status in (400, 422):
            raise UnprocessableError(f"{service} does not do this ({status}): {said}", where=path)
        raise SourceError(f"{service} answered {status}: {said or 'without a reason'}", where=path)


def decode(body: bytes, kind: type[T], where: str) -> T:
    """Read an answer as what it should be.

    Raises:
        UnexpectedFormError: it is something else.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnexpectedFormError(
            f"an answer of an unexpected form came: {error}",
            where=where,
            fix="Check the address; if it is right, this is worth a report to ktlo",
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
