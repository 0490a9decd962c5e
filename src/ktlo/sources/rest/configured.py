"""What configurations of REST services have in common: a plain address, and from when history is read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Container
from urllib.parse import urlsplit

from pydantic import AfterValidator

from ktlo.sources.rest.quota import World

DEFAULT_HISTORY = dt.timedelta(days=365)
_SCP = re.compile(r"(?:[^@/]+@)?(?P<host>[^/:@]+\.[^/:@]+):[^/].*")


def address_like(example: str) -> AfterValidator:
    """Of an option that is the address of a service: it is kept without query and last slash.

    ``Annotated[str, address_like("https://tracker.example.org")]``. What is no address over HTTP, or carries a secret,
    is refused; the value is not quoted.

    Args:
        example: an address of the kind that is meant, for the message.
    """
    return AfterValidator(lambda said: _plain(said, example))


def optional_address_like(example: str) -> AfterValidator:
    """As :func:`address_like`, for an option that may be empty."""
    return AfterValidator(lambda said: _plain(said, example) if said.strip() else "")


def _plain(said: str, example: str) -> str:
    parts = urlsplit(said.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"expected an address such as {example}")
    if parts.username or parts.password:
        raise ValueError("no secrets in the address: give the token by `token`, as env:NAME or file:PATH")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def elsewhere(said: object, public: Container[str]) -> str:
    """Where a repository's or project's address says that its forge is; empty where that is the public one, or unsaid.

    Args:
        said: the option, of whatever type it was given.
        public: hosts of the public one.
    """
    named = _named_address(said) if isinstance(said, str) else ""
    return "" if urlsplit(named).hostname in public else named


def _named_address(said: str) -> str:
    """``https://HOST``; empty where none is named.

    A host without a dot in ``git@HOST:owner/name`` is a name of somebody's SSH settings, and says nothing.
    """
    said = said.strip()
    if "://" not in said:
        match = _SCP.fullmatch(said)
        return f"https://{match['host'].lower()}" if match else ""
    parts = urlsplit(said)
    if parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"
    return f"https://{parts.hostname}" if parts.hostname else ""


def horizon(since: dt.date | None, world: World, history: dt.timedelta = DEFAULT_HISTORY) -> dt.datetime:
    """From when the first run reads: midnight (UTC) of a day that was asked for, else ``history`` before now."""
    if since is not None:
        return dt.datetime.combine(since, dt.time(), dt.UTC)
    now = dt.datetime.fromtimestamp(world.now(), dt.UTC)
    return (now - history).replace(microsecond=0)
