"""How many requests GitHub still allows, and when to wait, give up for now, or try again.

Read from the headers of every answer; asked before every request. Rules: GitHub's "Rate limits for the
REST API" (x-ratelimit-*, retry-after, one minute at least after a secondary limit, then ever longer).
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

PATIENCE_SECONDS = 60.0
"""Longest wait inside a run; a longer one ends the run and the next one continues."""
RESERVE_SHARE = 0.02
"""Share of an hour's quota left to others who use the same token."""
LONGEST_SECONDS = 7_200.0
"""Longest wait that is believed; a limit of GitHub's ends within an hour."""
SECONDARY_SECONDS = 60.0
"""First wait after a secondary limit that names none."""


@dataclass(frozen=True, slots=True)
class World:
    """What a run takes from outside besides GitHub: time and chance. Tests give their own."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random


class LimitReachedError(SourceError):
    """GitHub wants us to wait longer than a run is willing to. ``retry_after`` says how long."""


@dataclass(slots=True)
class Quota:
    """The allowance of one kind of request (REST, GraphQL), as last told by GitHub.

    Attributes:
        limit: requests (or points) an hour; ``None`` until told, and on servers without limits.
        remaining: what is left until ``resets_at``.
        resets_at: seconds since 1970 by GitHub's clock.
    """

    world: World
    limit: int | None = None
    remaining: int | None = None
    resets_at: float = 0.0
    _skew: float = field(default=0.0)
    _secondary: int = field(default=0)

    def note(self, headers: Mapping[str, str]) -> None:
        """Read the allowance and GitHub's clock off an answer."""
        self._skew = _server_time(headers, self.world.now()) - self.world.now()
        try:
            remaining = int(headers["x-ratelimit-remaining"])
            resets_at = float(int(headers["x-ratelimit-reset"]))
            limit = int(headers["x-ratelimit-limit"])
        except (KeyError, ValueError):
            return
        self.limit, self.remaining, self.resets_at = limit, remaining, resets_at

    def now(self) -> dt.datetime:
        """The time by GitHub's clock, so that a wrong clock here skips nothing."""
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
        await self._wait(wait + 1.0, f"the {self.limit:,} requests an hour that GitHub allows are used up")
        self.remaining = None

    async def refused(self, headers: Mapping[str, str]) -> None:
        """Wait after GitHub refused a request for its frequency.

        Raises:
            LimitReachedError: the wait is longer than a run waits.
        """
        if headers.get("x-ratelimit-remaining") == "0" and "retry-after" not in headers:
            self.note(headers)
            wait = max(self.resets_at - self.world.now() - self._skew, 0.0) + 1.0
            await self._wait(wait, f"the {self.limit or 0:,} requests an hour that GitHub allows are used up")
            self.remaining = None
            return
        wait = (
            SECONDARY_SECONDS * 2**self._secondary * (1 + 0.5 * self.world.chance() * bool(self._secondary))
        )
        self._secondary += 1
        with contextlib.suppress(KeyError, ValueError):
            wait = float(int(headers["retry-after"]))
        await self._wait(wait, "GitHub asks for a pause (its secondary limit on frequent requests)")

    def granted(self) -> None:
        """A request went through: the next refusal is a first one again."""
        self._secondary = 0

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
