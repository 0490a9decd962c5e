"""Attributes under OpenTelemetry's names: how values are written, and what an event's context becomes.

Names are those of the semantic conventions (http, url, server, client, user, messaging); what has none there gets the
prefix ``elastic.`` or keeps the name that people gave it (tags, labels). Headers that carry credentials are not kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from ktlo.receivers.elastic.events import Context, Message, Request, Response, Url
from ktlo.receivers.elastic.reporter import User

_WIDEST = 1 << 63
_SECRET = frozenset(
    ("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token", "api-key")
)
_REDACTED = "[REDACTED]"
_CREDENTIALS = re.compile(r"//[^/@?#]*@")
_json = msgspec.json.Encoder()


def put(into: Any, key: str, value: object) -> None:
    """Add an attribute to a message's attributes; nothing and empty text add none.

    Args:
        into: repeated KeyValue.
        key: its name.
        value: text, a number, a truth value; anything else becomes JSON text.
    """
    if value is None or value == "":
        return
    kind = type(value)
    said = into.add(key=key).value
    if kind is str:
        said.string_value = value
    elif kind is bool:
        said.bool_value = value
    elif kind is int and -_WIDEST <= value < _WIDEST:  # type: ignore[operator]
        said.int_value = value
    elif kind is float:
        said.double_value = value
    else:
        said.string_value = _json.encode(value).decode()


def put_all(into: Any, values: Mapping[str, Any] | None, prefix: str = "") -> None:
    """Add every entry of an object."""
    for key, value in (values or {}).items():
        put(into, prefix + key, value)


def put_context(into: Any, context: Context) -> None:
    """Add what surrounds a transaction or an error."""
    if context.request is not None:
        _request(into, context.request)
    if context.response is not None:
        put_response(into, context.response)
    if context.page is not None:
        if context.request is None:
            put(into, "url.full", without_credentials(context.page.url))
        put(into, "http.request.header.referer", context.page.referer)
    if context.message is not None:
        put_message(into, context.message)
    if context.user is not None:
        put_user(into, context.user)
    put_all(into, context.tags)
    put_all(into, context.custom, "elastic.custom.")


def put_user(into: Any, user: User) -> None:
    """Add who asked."""
    put(into, "user.id", None if user.id is None else str(user.id))
    put(into, "user.name", user.username)
    put(into, "user.email", user.email)
    put(into, "user.domain", user.domain)


def put_message(into: Any, message: Message) -> None:
    """Add a message that was sent or received."""
    if message.queue is not None:
        put(into, "messaging.destination.name", message.queue.name)
    put(into, "messaging.rabbitmq.destination.routing_key", message.routing_key)
    if message.body != _REDACTED:
        put(into, "messaging.message.body", message.body)
    _headers(into, "messaging.header.", message.headers)
    if message.age is not None:
        put(into, "elastic.message.age_ms", message.age.ms)


def put_response(into: Any, response: Response) -> None:
    """Add an answer."""
    put(into, "http.response.status_code", response.status_code)
    _headers(into, "http.response.header.", response.headers)
    size = response.transfer_size if response.encoded_body_size is None else response.encoded_body_size
    if size is not None and math.isfinite(size):
        put(into, "http.response.body.size", int(size))


def without_credentials(url: str | None) -> str | None:
    """A URL whose user and password are not told (semantic conventions, ``url.full``)."""
    if url is None or "@" not in url:
        return url
    return _CREDENTIALS.sub("//REDACTED:REDACTED@", url, count=1)


def port_of(said: str | int | None) -> int | None:
    """A port that may be written as text."""
    if isinstance(said, str):
        said = int(said) if said.isascii() and said.isdigit() and len(said) < 6 else None
    return said if said is not None and 0 < said < 65536 else None


def _request(into: Any, request: Request) -> None:
    put(into, "http.request.method", request.method and request.method.upper())
    put(into, "network.protocol.version", request.http_version)
    if request.url is not None:
        _url(into, request.url)
    if request.socket is not None:
        put(into, "client.address", request.socket.remote_address)
    for name, value in (request.headers or {}).items():
        if name.lower() == "user-agent":
            put(into, "user_agent.original", ", ".join(value) if _is_list_of_text(value) else value)
    _headers(into, "http.request.header.", request.headers)
    if request.body != _REDACTED:
        put(into, "http.request.body.content", request.body)


def _url(into: Any, url: Url) -> None:
    put(into, "url.full", without_credentials(url.full))
    if url.full is None:
        put(into, "url.original", without_credentials(url.raw))
    put(into, "url.scheme", url.protocol and url.protocol.rstrip(":"))
    put(into, "url.path", url.pathname)
    put(into, "url.query", url.search and url.search.removeprefix("?"))
    put(into, "url.fragment", url.hash and url.hash.removeprefix("#"))
    put(into, "server.address", url.hostname)
    put(into, "server.port", port_of(url.port))


def _headers(into: Any, prefix: str, headers: Mapping[str, Any] | None) -> None:
    for name, value in (headers or {}).items():
        lower = name.lower()
        if lower not in _SECRET and lower != "user-agent" and value != _REDACTED:
            put(into, prefix + lower, ", ".join(value) if _is_list_of_text(value) else value)


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
