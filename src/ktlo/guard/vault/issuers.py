"""Who issued a secret, how it is asked to end it, and how it is asked whether the old value still works.

An issuer is two HTTP requests that carry the old value itself; it goes only to the issuer's own address, over https
(or to this machine), and redirects are not followed. Sources: docs.github.com/rest/credentials/revoke; GitLab's
personal access tokens API ("self"); Slack's auth.revoke and auth.test; npm's registry API (tokens, whoami); the
token API of OpenBao and Vault. A value counts as dead only when the issuer itself refuses it.
"""

from __future__ import annotations

import contextlib
import enum
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import httpx
from pydantic import SecretBytes

from ktlo.errors import SourceError, UserError

TIMEOUT = 20.0
"""Seconds that one request may take."""
_USER_AGENT = "ktlo"


class Life(enum.StrEnum):
    """What the issuer says of a value."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Request:
    """One request; ``{secret}`` in headers and body stands for the value.

    Attributes:
        method: GET, POST or DELETE.
        path: after the issuer's address.
        headers: by name.
        body: JSON text; empty for none.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        status: HTTP status.
        content: the JSON object; empty when it was none.
    """

    status: int
    content: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer.

    Attributes:
        name: as people call it.
        rules: rules of ``ktlo secrets scan`` whose secrets it issued.
        base: its address.
        variable: environment variable that names another address (an instance of your own).
        revoke: ends the value; ``None`` when there is no such request.
        is_revoked: whether the reply to ``revoke`` is a yes.
        probe: asks with the value.
        life: what the reply to ``probe`` says.
    """

    name: str
    rules: frozenset[str]
    base: str
    variable: str
    revoke: Request | None
    is_revoked: Callable[[Reply], bool]
    probe: Request
    life: Callable[[Reply], Life]


def _by_status(reply: Reply) -> Life:
    if reply.status == 401:
        return Life.DEAD
    return Life.ALIVE if reply.status < 300 or reply.status == 403 else Life.UNKNOWN


def _slack_life(reply: Reply) -> Life:
    if reply.status != 200:
        return Life.UNKNOWN
    if reply.content.get("ok") is True:
        return Life.ALIVE
    gone = ("invalid_auth", "token_revoked", "token_expired", "account_inactive")
    return Life.DEAD if reply.content.get("error") in gone else Life.UNKNOWN


def _vault_life(reply: Reply) -> Life:
    """A token that does not exist gets 403, and so does one whose policy forbids the look at itself.

    Every token may look itself up by the policy *default*; without it the answer stays open.
    """
    if reply.status == 200:
        return Life.ALIVE
    errors = [str(one) for one in _list(reply.content.get("errors"))]
    if reply.status != 403:
        return Life.UNKNOWN
    is_unknown = errors == ["permission denied"] or any(
        "bad token" in e or "invalid token" in e for e in errors
    )
    return Life.DEAD if is_unknown else Life.UNKNOWN


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


_BEARER = {"Authorization": "Bearer {secret}"}
_GITHUB = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}

ISSUERS: tuple[Issuer, ...] = (
    Issuer(
        "GitHub",
        frozenset({"github-pat", "github-fine-grained-pat"}),
        "https://api.github.com",
        "KTLO_GITHUB_URL",
        # Without authorisation, as the API demands: whoever finds a token may have it ended.
        Request("POST", "/credentials/revoke", _GITHUB, '{"credentials": ["{secret}"]}'),
        lambda reply: reply.status == 202,
        Request("GET", "/user", {**_GITHUB, **_BEARER}),
        _by_status,
    ),
    Issuer(
        "GitHub",
        frozenset({"github-oauth-token", "github-app-user-token", "github-app-token"}),
        "https://api.github.com",
        "KTLO_GITHUB_URL",
        None,
        lambda _: False,
        Request("GET", "/rate_limit", {**_GITHUB, **_BEARER}),
        _by_status,
    ),
    Issuer(
        "GitLab",
        frozenset({"gitlab-pat"}),
        "https://gitlab.com",
        "KTLO_GITLAB_URL",
        Request("DELETE", "/api/v4/personal_access_tokens/self", {"PRIVATE-TOKEN": "{secret}"}),
        lambda reply: reply.status == 204,
        Request("GET", "/api/v4/personal_access_tokens/self", {"PRIVATE-TOKEN": "{secret}"}),
        _by_status,
    ),
    Issuer(
        "Slack",
        frozenset({"slack-bot-token", "slack-user-token"}),
        "https://slack.com",
        "KTLO_SLACK_URL",
        Request("POST", "/api/auth.revoke", _BEARER),
        lambda reply: reply.content.get("ok") is True and reply.content.get("revoked") is True,
        Request("POST", "/api/auth.test", _BEARER),
        _slack_life,
    ),
    Issuer(
        "npm",
        frozenset({"npm-token"}),
        "",  # said by the person: a registry may be your own
        "KTLO_NPM_URL",
        Request("DELETE", "/-/npm/v1/tokens/token/{secret}", _BEARER),
        lambda reply: reply.status in (200, 204),
        Request("GET", "/-/whoami", _BEARER),
        _by_status,
    ),
    Issuer(
        "Vault",
        frozenset({"vault-token"}),
        "",
        "VAULT_ADDR",
        Request("POST", "/v1/auth/token/revoke-self", {"X-Vault-Token": "{secret}"}),
        lambda reply: reply.status == 204,
        Request("GET", "/v1/auth/token/lookup-self", {"X-Vault-Token": "{secret}"}),
        _vault_life,
    ),
)
"""Issuers with a published request of their own. A new one is an entry here and a row in docs/check-vault.md."""


def issuer_of(rule: str) -> Issuer | None:
    """Who issued what a rule finds; ``None`` when no issuer is known."""
    return next((one for one in ISSUERS if rule in one.rules), None)


def probe_at(address: str, header: str) -> Issuer:
    """An issuer of your own that can only be asked: ``GET address`` with the value in a header.

    Args:
        address: full address; 401 there means dead, 2xx and 403 mean alive.
        header: ``NAME: text with {secret}``; empty for a bearer token.

    Raises:
        UserError: the header has no name or no ``{secret}``.
    """
    name, colon, text = (header or "Authorization: Bearer {secret}").partition(":")
    if not colon or not name.strip() or "{secret}" not in text:
        raise UserError(
            "the header is not understood", fix="Write 'NAME: {secret}', such as 'X-Api-Key: {secret}'"
        )
    parts = urlsplit(address)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    base = f"{parts.scheme}://{parts.netloc}"
    ask = Request("GET", path or "/", {name.strip(): text.strip()})
    return Issuer(parts.netloc, frozenset(), base, "", None, lambda _: False, ask, _by_status)


def address_of(issuer: Issuer, environment: Mapping[str, str] | None = None) -> str:
    """Where an issuer is asked.

    Raises:
        UserError: the address is not https (http is accepted for this machine only), or none is said.
    """
    said = (
        (os.environ if environment is None else environment).get(issuer.variable, "")
        if issuer.variable
        else ""
    )
    address = (said or issuer.base).rstrip("/")
    parts = urlsplit(address)
    is_here = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not address:
        raise UserError(f"it is not said where {issuer.name} is", fix=f"export {issuer.variable}=https://…")
    if parts.username or parts.password or not parts.hostname or not (parts.scheme == "https" or is_here):
        raise UserError(
            f"the address of {issuer.name} is not one that a secret may be sent to",
            fix="Give an https address",
        )
    return address


def revoke(issuer: Issuer, secret: SecretBytes) -> bool:
    """Ask the issuer to end the value; whether it said yes.

    Raises:
        UserError: it has no such request, or its address is not usable.
        SourceError: it cannot be reached.
    """
    if issuer.revoke is None:
        raise UserError(
            f"{issuer.name} has no request that ends this kind of secret",
            fix="End it there by hand, then run this again",
        )
    return issuer.is_revoked(_send(issuer, issuer.revoke, secret))


def life_of(issuer: Issuer, secret: SecretBytes, wait: float = 0.0) -> Life:
    """Ask the issuer with the value.

    Args:
        issuer: who.
        secret: the value.
        wait: seconds to ask again while it is alive: some end a value a little later than they say.

    Raises:
        SourceError: it cannot be reached.
    """
    until = time.monotonic() + wait
    pause = 0.5
    while True:
        said = issuer.life(_send(issuer, issuer.probe, secret))
        if said is not Life.ALIVE or time.monotonic() + pause > until:
            return said
        time.sleep(pause)
        pause = min(pause * 2, 10.0)


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Keep httpx from logging addresses, whatever the log level: npm's hold the value."""
    loggers = [
        logging.getLogger(name) for name in ("httpx", "httpcore", "httpcore.http11", "httpcore.connection")
    ]
    before = [one.disabled for one in loggers]
    for one in loggers:
        one.disabled = True
    try:
        yield
    finally:
        for one, was in zip(loggers, before, strict=True):
            one.disabled = was


def _send(issuer: Issuer, request: Request, secret: SecretBytes) -> Reply:
    try:
        value = secret.get_secret_value().decode("ascii")
    except UnicodeDecodeError:
        raise UserError(f"this is no secret of {issuer.name}: it has foreign characters") from None
    if not value.isprintable() or " " in value:
        raise UserError(f"this is no secret of {issuer.name}: it has blanks or line breaks")
    address = address_of(issuer)
    headers = {name: text.replace("{secret}", value) for name, text in request.headers.items()}
    headers["User-Agent"] = _USER_AGENT
    body = request.body.replace("{secret}", json.dumps(value)[1:-1]) if request.body else None
    if body is not None:
        headers["Content-Type"] = "application/json"
    url = address + request.path.replace("{secret}", quote(value, safe=""))
    try:
        with _unlogged(), httpx.Client(timeout=TIMEOUT, follow_redirects=False) as client:
            answer = client.request(request.method, url, headers=headers, content=body)
            status, content = answer.status_code, answer.content[: 1 << 20]
    except httpx.HTTPError as error:
        # Not the error's own words: they may quote the address, which for npm holds the value.
        raise SourceError(
            f"{issuer.name} cannot be reached ({type(error).__name__})", where=address, fix="Try again later"
        ) from None
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        read = {}
    return Reply(status, read if isinstance(read, dict) else {})
