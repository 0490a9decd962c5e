"""What came in since the process began: by signal, by way in, by service and minute.

Kept in memory and bounded: reasons and names come from outside, so only so many are told apart.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_NAMES = 200
"""Reasons (services) that are told apart; further ones are counted together."""
OTHERS = "(others)"
MINUTES = 60
"""Minutes that arrivals are remembered."""
_LONGEST = 160


def count(into: Counter[str], name: str, number: int = 1) -> None:
    """Count something that has a name from outside."""
    named = name[:_LONGEST]
    if named not in into and len(into) >= MOST_NAMES:
        named = OTHERS
    into[named] += number


@dataclass(slots=True)
class Tally:
    """One signal.

    Attributes:
        requests: requests that were acknowledged.
        items: spans (log records, data points) in them.
        rejected: items that were not kept, by reason.
        warned: items that were kept without something, by reason.
        resent: requests that had been acknowledged before.
        shed: requests that were refused because there was no room.
        malformed: requests that could not be read at all, by reason.
        stored: segments that the store has taken.
        own: items that ktlo reported of itself.
        load_seconds: in which the store took segments.
        set_aside: segments of which the store will not take something; that stays on disk.
        no_room: why the last request was refused; empty when there was room for it.
        last_error: what the store said last, empty when the last segment was taken.
        stored_at: seconds since 1970 when the store last took a segment; 0 for never.
    """

    requests: int = 0
    items: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    warned: Counter[str] = field(default_factory=Counter)
    resent: int = 0
    shed: int = 0
    malformed: Counter[str] = field(default_factory=Counter)
    stored: int = 0
    own: int = 0
    load_seconds: float = 0.0
    set_aside: int = 0
    no_room: str = ""
    last_error: str = ""
    stored_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Arrived:
    """What one service sent of one signal in the minutes that are remembered.

    Attributes:
        service: its service.name.
        by_minute: items kept in each minute, oldest first; the last is the minute that runs.
        rejected: items that were not kept.
    """

    service: str
    by_minute: tuple[int, ...]
    rejected: int

    @property
    def items(self) -> int:
        """Items kept in all minutes."""
        return sum(self.by_minute)


class Arrivals:
    """Items of one signal by service and minute.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._minutes: dict[int, tuple[Counter[str], Counter[str]]] = {}

    def add(self, service: str, items: int, rejected: int = 0) -> None:
        """Count what came from a service."""
        minute = int(self._clock() // 60)
        with self._guard:
            if minute not in self._minutes:
                self._minutes[minute] = (Counter(), Counter())
                for old in [one for one in self._minutes if one <= minute - MINUTES]:
                    del self._minutes[old]
            kept, refused = self._minutes[minute]
            if items:
                count(kept, service, items)
            if rejected:
                count(refused, service, rejected)

    def recent(self) -> list[Arrived]:
        """Services, the one that sent most first; beyond :data:`MOST_NAMES` they are counted together."""
        now = int(self._clock() // 60)
        with self._guard:
            minutes = {
                m: (Counter(k), Counter(r)) for m, (k, r) in self._minutes.items() if m > now - MINUTES
            }
        none: Counter[str] = Counter()
        names = {name for kept, refused in minutes.values() for name in (*kept, *refused)}
        listed = [
            Arrived(
                name,
                tuple(
                    minutes.get(minute, (none, none))[0][name] for minute in range(now - MINUTES + 1, now + 1)
                ),
                sum(refused[name] for _, refused in minutes.values()),
            )
            for name in names
        ]
        listed.sort(key=lambda one: (one.service == OTHERS, -one.items, one.service))
        beyond = listed[MOST_NAMES:]
        if not beyond:
            return listed
        together = Arrived(
            OTHERS,
            tuple(sum(column) for column in zip(*(one.by_minute for one in beyond), strict=True)),
            sum(one.rejected for one in beyond),
        )
        return [*listed[:MOST_NAMES], together]


class DoorTally:
    """One way in: what was let in, and what was turned away before anything was read of it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self.requests = 0
        self.refused: Counter[str] = Counter()

    def let_in(self) -> None:
        """Count a request that was answered with success."""
        with self._guard:
            self.requests += 1

    def turn_away(self, reason: str) -> None:
        """Count a request that was refused as a whole."""
        with self._guard:
            count(self.refused, reason)
