"""How many requests a service still allows, and when to wait, give up for now, or try again.

Read from the headers of every answer; asked before every request. Services tell it by ``X-RateLimit-*`` (GitHub,
Jira, Sentry) or ``RateLimit-*`` (GitLab, PagerDuty; IETF draft-ietf-httpapi-ratelimit-headers), with the end of the
window as seconds since 1970, as seconds from now, or as a date. A refusal that names no pause is followed by one
minute, then ever longer ones (GitHub's "Rate limits for the REST API").
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import email.utils
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from ktlo.errors import SourceError
from ktlo.wording import counted

PATIENCE_SECONDS = 60.0
"""Longest wait inside a run; a longer one ends the run and the next one continues."""
RESERVE_SHARE = 0.02
"""Share of an hour's quota left to others who use the same token."""
LONGEST_SECONDS = 7_200.0
"""Longest wait that is believed; the limits of the services read here end within an hour."""
SECONDARY_SECONDS = 60.0
"""First wait after a secondary limit that names none."""

_PREFIXES = ("x-ratelimit-", "ratelimit-", "x-sentry-rate-limit-")


@dataclass(frozen=True, slots=True)
class World:
    """What a run takes from outside besides the service: time and chance. Tests give their own."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random


class LimitReachedError(SourceError):
    """The service wants us to wait longer than a run is willing to. ``retry_after`` says how long."""


@dataclass(slots=True)
class Quota:
    """The allowance of one kind of request (REST, GraphQL), as last told by GitHub.

    Attributes:
        world: time and chance.
        service: as people call it.
        span: what the limit counts by: ``an hour``; empty where the service does not say.
        limit: requests (or points) in a window; ``None`` until told, and on servers without limits.
        remaining: what is left until ``resets_at``.
        resets_at: seconds since 1970 by the service's clock.
    """

    world: World
    service: str
    span: str = ""
    limit: int | None = None
    remaining: int | None = None
    resets_at: float = 0.0
    _skew: float = field(default=0.0)
    _secondary: int = field(default=0)

    def note(self, headers: Mapping[str, str]) -> None:
        """Read the allowance and the service's clock off an answer."""
        self._skew = _server_time(headers, self.world.now()) - self.world.now()
        for prefix in _PREFIXES:
            try:
                remaining = int(headers[f"{prefix}remaining"])
                resets_at = _moment(headers[f"{prefix}reset"], self.world.now() + self._skew)
                limit = int(headers[f"{prefix}limit"].partition(",")[0])
            except (KeyError, ValueError):
                continue
            self.limit, self.remaining, self.resets_at = limit, remaining, resets_at
            return

    def now(self) -> dt.datetime:
        """The time by the service's clock, so that a wrong clock here skips nothing."""
        return dt.datetime.fromtimestamp(self.world.now() + self._skew, dt.UTC)

    async def permit(self) -> None:
        """Return when a request may be sent.

        Raises:
            LimitReachedError: the quota is used up for longer than a run waits.
        """
        if self.remaining is None or self.limit is None:
            return
        reserve = int(self.limit * RESERVE_SHARE) if self.limit > 100 else 0
        wait = self.resets_at - self.world.now() - self._skew
        if self.remaining > reserve or wait <= 0:
            return
        await self._wait(wait + 1.0, self._used_up())
        self.remaining = None

    async def refused(self, headers: Mapping[str, str]) -> None:
        """Wait after a request was refused for its frequency.

        Raises:
            LimitReachedError: the wait is longer than a run waits.
        """
        if "retry-after" not in headers and any(headers.get(f"{p}remaining") == "0" for p in _PREFIXES):
            self.note(headers)
            wait = max(self.resets_at - self.world.now() - self._skew, 0.0) + 1.0
            await self._wait(wait, self._used_up())
            self.remaining = None
            return
        wait = (
            SECONDARY_SECONDS * 2**self._secondary * (1 + 0.5 * self.world.chance() * bool(self._secondary))
        )
        self._secondary += 1
        with contextlib.suppress(KeyError, ValueError):
            wait = _pause(headers["retry-after"], self.world.now() + self._skew)
        await self._wait(wait, f"{self.service} asks for a pause (its limit on frequent requests)")

    def granted(self) -> None:
        """A request went through: the next refusal is a first one again."""
        self._secondary = 0

    def _used_up(self) -> str:
        span = f" {self.span}" if self.span else ""
        return f"the {counted(self.limit or 0, 'requests')}{span} that {self.service} allows are used up"

    async def _wait(self, seconds: float, why: str) -> None:
        if seconds > PATIENCE_SECONDS or self._secondary > 3:
            seconds = min(seconds, LONGEST_SECONDS)
            at = dt.datetime.fromtimestamp(self.world.now() + seconds, dt.UTC)
            raise LimitReachedError(
                f"{why}; the next run continues from here after {at:%H:%M} UTC",
                retry_after=seconds,
            )
        await self.world.sleep(seconds)


def _server_time(headers: Mapping[str, str], otherwise: float) -> float:
    try:
        return email.utils.parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return otherwise


def _pause(said: str, now: float) -> float:
    """Seconds of ``Retry-After``: a whole number or a date (RFC 9110, section 10.2.3)."""
    try:
        return float(int(said))
    except ValueError:
        return max(email.utils.parsedate_to_datetime(said).timestamp() - now, 0.0)


_EPOCH_FROM = 1_000_000_000
"""Numbers from here on are seconds since 1970; smaller ones are seconds from now."""


def _moment(said: str, now: float) -> float:
    """End of a window, in seconds since 1970.

    Raises:
        ValueError: it is neither a number nor a date.
    """
    try:
        number = float(int(said))
    except ValueError:
        return dt.datetime.fromisoformat(said).timestamp()
    return number if number >= _EPOCH_FROM else now + number
