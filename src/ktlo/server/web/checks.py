"""What each source's last check said, remembered while the process lives, so that lists need not ask outside again."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass

from ktlo.errors import KtloError
from ktlo.sources.checking import health_of
from ktlo.sources.protocol import Health, Source, Status

PATIENCE = 20.0
"""Seconds after which a check counts as unanswered."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A check's answer and when it was given."""

    health: Health
    at: dt.datetime


class Checks:
    """The last checks by source identifier."""

    def __init__(self) -> None:
        self._last: dict[str, Checked] = {}

    def last(self, source_id: str) -> Checked | None:
        """The last check; ``None`` before the first."""
        return self._last.get(source_id)

    def health(self, source_id: str) -> Health | None:
        """What the last check said; ``None`` before the first."""
        checked = self.last(source_id)
        return checked.health if checked else None

    async def check(self, source: Source) -> Checked:
        """Check a source now. Never raises for what the outside does."""
        try:
            health = await asyncio.wait_for(health_of(source), PATIENCE)
        except TimeoutError:
            health = Health(Status.UNREACHABLE, f"No answer within {PATIENCE:.0f} s.")
        except KtloError as error:
            health = Health(Status.UNREACHABLE, str(error))
        return self.keep(source.source_id, health)

    def keep(self, source_id: str, health: Health) -> Checked:
        """Remember a check that was made elsewhere, as when a source is added by the command line."""
        checked = Checked(health, dt.datetime.now(dt.UTC))
        self._last[source_id] = checked
        return checked
