"""Who may ask: loopback needs no token but a loopback Host; every other address needs the token.

Checking Host stops DNS rebinding; checking Origin stops other sites from sending forms here; the
content security policy allows nothing from outside. A browser gives the token once, at ``/sign-in``, and
keeps it as an HttpOnly cookie.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ktlo.server import prometheus_error

COOKIE = "ktlo_token"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none';"
    " base-uri 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_OPEN = ("/sign-in", "/static/", "/api/v1/health", "/hooks/")
"""What is asked without the token; webhooks prove themselves to their source (``hooks``)."""


def is_loopback(host: str) -> bool:
    """True when a host name or address can only mean this machine."""
    return host.strip("[]") in {name.strip("[]") for name in _LOOPBACK}


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask.

    Attributes:
        token: required of everybody when not empty.
    """

    token: str = ""

    def admits(self, given: str) -> bool:
        """Compare in constant time."""
        return not self.token or hmac.compare_digest(given.encode(), self.token.encode())

    def feed_key(self, path: str) -> str:
        """The key that opens one calendar to programs which cannot send a token; empty where none is needed.

        It is made from the token and the path, opens nothing else, and ends with the token.
        """
        if not self.token:
            return ""
        return hmac.new(self.token.encode(), f"calendar {path}".encode(), "sha256").hexdigest()[:40]

    def admits_feed(self, path: str, key: str) -> bool:
        """True when a key opens this calendar."""
        is_feed = path.startswith("/rota/") and path.endswith(".ics")
        return is_feed and bool(key) and hmac.compare_digest(key.encode(), self.feed_key(path).encode())


class Guarded:
    """ASGI middleware that turns away who may not ask and adds the protective headers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def guarded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    out.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope, headers)
        await (refusal or self._app)(scope, receive, guarded_send)

    def _refusal(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        host = headers.get("host", "")
        if not self._access.token and not is_loopback(_parts(f"//{host}").hostname or ""):
            return _problem(
                scope["path"], 421, "this server answers only to its loopback name", "Open http://127.0.0.1"
            )
        origin = headers.get("origin")
        changes = scope["method"] not in ("GET", "HEAD", "OPTIONS")
        if changes and origin is not None and _parts(origin).netloc != host:
            return _problem(scope["path"], 403, f"a page of {origin} may not change anything here", "")
        path: str = scope["path"]
        if path.startswith(_OPEN) or self._access.admits(_given(headers)):
            return None
        key = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[-1]
        if scope["method"] in ("GET", "HEAD") and self._access.admits_feed(path, key):
            return None
        if "text/html" in headers.get("accept", "") and not prometheus_error.is_ours(path):
            return RedirectResponse("/sign-in", status_code=303)
        return _problem(path, 401, "a token is needed", "Send it as `Authorization: Bearer …`")


def _parts(address: str) -> SplitResult:
    """The parts of an address; all empty when it is none, which no check takes for ours."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _given(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return cookie_parser(headers.get("cookie", "")).get(COOKIE, "")


def _problem(path: str, status: int, title: str, fix: str) -> ASGIApp:
    if prometheus_error.is_ours(path):
        return prometheus_error.refused(status, f"{title}. {fix}".strip(". "))
    return JSONResponse(
        {"title": title, "status": status, "fix": fix},
        status_code=status,
        media_type="application/problem+json",
    )
