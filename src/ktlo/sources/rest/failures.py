"""What a service says when it refuses, and why it could not be reached; in words, without what was sent."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import httpx
import msgspec


class _Said(msgspec.Struct):
    message: Any = ""
    error: Any = ""
    errorMessages: list[Any] = []  # noqa: N815 - Jira's spelling
    detail: Any = ""


def message(response: httpx.Response) -> str:
    """What a refusal says, at most 200 characters; empty when it says nothing that can be read."""
    try:
        said = msgspec.json.decode(response.content, type=_Said)
    except (msgspec.DecodeError, RecursionError):
        return ""
    for part in (said.message, said.errorMessages, said.error, said.detail):
        if part and isinstance(part, str):
            return part[:200]
        if isinstance(part, dict) and isinstance(part.get("message"), str):
            return str(part["message"])[:200]
        if part and isinstance(part, list):
            return "; ".join(str(each) for each in part)[:200]
    return ""


def unreached(error: BaseException) -> str:
    """Why no connection came about; without the error's own text, which may name what was sent."""
    reasons: list[BaseException] = []
    while error not in reasons:
        reasons.append(error)
        error = error.__cause__ or error.__context__ or error
    if any(isinstance(one, socket.gaierror) for one in reasons):
        return "its name is not known"
    if any(isinstance(one, ssl.SSLError) for one in reasons):
        return "its certificate is not accepted"
    if any(isinstance(one, ConnectionRefusedError) for one in reasons):
        return "nobody listens at that address (connection refused)"
    return "the connection failed"
