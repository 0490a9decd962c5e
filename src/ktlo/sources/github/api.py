"""GitHub's REST and GraphQL APIs: how it words limits and refusals, and its own headers.

Rules: GitHub's "Best practices for using the REST API".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
from pydantic import SecretStr

from ktlo.errors import SourceError, UserError
from ktlo.sources.rest.connection import Connection, Manners
from ktlo.sources.rest.failures import message
from ktlo.sources.rest.quota import Quota, World

VERSION = "2022-11-28"


@dataclass(frozen=True, slots=True, kw_only=True)
class _GitHub(Manners):
    has_token: bool
    service: str = "GitHub"
    renewal: str = "Make a new one at https://github.com/settings/tokens and put it where `token` points"
    base_help: str = "Check `api` (GitHub Enterprise Server wants /api/v3 at its end) and proxies"

    def is_limit(self, response: httpx.Response) -> bool:
        if response.status_code == 429:
            return True
        if response.status_code == 200 and response.headers.get("x-ratelimit-resource") == "graphql":
            return b'"RATE_LIMITED"' in response.content[:2000]
        if response.status_code != 403:
            return False
        return (
            "retry-after" in response.headers
            or response.headers.get("x-ratelimit-remaining") == "0"
            or "rate limit" in message(response).lower()
        )

    def judge(self, response: httpx.Response, path: str) -> None:
        status = response.status_code
        if status == 403 and "x-github-sso" in response.headers:
            url = response.headers["x-github-sso"].partition("url=")[2]
            raise UserError(
                "the organisation wants the token to be authorised for single sign-on (403)",
                where=path,
                fix=f"Open {url or 'the token on https://github.com/settings/tokens'} and authorise it",
            )
        if status == 451:
            raise UserError(
                "the repository is blocked for legal reasons (451)",
                where=path,
                fix="Remove the source; what was read before stays",
            )
        if not self.has_token and status not in (401, 403, 404, 410, 422):
            raise SourceError(
                f"GitHub answered {status}: {message(response) or 'without a reason'}",
                where=path,
                fix="A token may help",
            )


class Api(Connection):
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
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": VERSION}
        if token is not None:
            headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        super().__init__(base, _GitHub(has_token=token is not None), headers, world, transport, "an hour")
        self.has_token = token is not None
        self.graphql_points = Quota(world, "GitHub", "an hour")

    async def ask(self, query: str, variables: Mapping[str, Any]) -> bytes:
        """Ask by GraphQL; needs a token. Raises like :meth:`get`."""
        base = self.base.removesuffix("/v3") if self.base.endswith("/api/v3") else self.base
        content = msgspec.json.encode({"query": query, "variables": dict(variables)})
        request = self._client.build_request("POST", f"{base}/graphql", content=content)
        request.headers["Content-Type"] = "application/json"
        return (await self.send(request, self.graphql_points)).content
