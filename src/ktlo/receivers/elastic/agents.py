"""Configuration that agents fetch: what ``telemetry.agents`` in ktlo.yaml says for a service and an environment.

The entry that names both goes before one that names the service, that before one that names the environment, and that
before one for everybody. Values are text, as agents expect them; the ETag follows from what they say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from ktlo.settings.agents import AgentSettings

MAX_AGE = 30
"""Seconds after which an agent asks again; apm-server's default."""


class OfService(msgspec.Struct, frozen=True):
    """Who asks."""

    name: str = ""
    environment: str | None = None


class Query(msgspec.Struct, frozen=True):
    """The body of a question.

    Attributes:
        service: who asks.
        etag: of what it has.
    """

    service: OfService = OfService()
    etag: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """What an agent is told.

    Attributes:
        settings: names and values.
        etag: names them, without quotes.
    """

    settings: dict[str, str]
    etag: str


def configuration(entries: Sequence[AgentSettings], service: str, environment: str) -> Answer:
    """The settings of one service in one environment; none when no entry is for it."""
    best, settings = -1, {}
    for entry in entries:
        if entry.service not in ("", service) or entry.environment not in ("", environment):
            continue
        rank = 2 * bool(entry.service) + bool(entry.environment)
        if rank > best:
            best, settings = rank, {name: _text(value) for name, value in entry.settings.items()}
    told = msgspec.json.encode(settings, order="sorted")
    return Answer(settings, hashlib.sha256(told).hexdigest()[:32])


def _text(value: str | bool | int | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
