"""What each source's last check said, kept in the store, so that lists need not ask outside again.

A right that is taken away shows in no reading: what may not be read is simply not there. So a server looks at each of
its sources once a day by itself (:mod:`ktlo.server.collecting`).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from dataclasses import dataclass

from ktlo.errors import KtloError
from ktlo.records import TABLES
from ktlo.records.arrow import from_arrow, to_arrow
from ktlo.records.collection import SourceCheck
from ktlo.sources.checking import health_of
from ktlo.sources.protocol import Health, Missing, Source, Status
from ktlo.store.protocol import Store

PATIENCE = 20.0
"""Seconds after which a check counts as unanswered."""
EVERY = dt.timedelta(days=1)
"""Age of a check from which on a source is looked at again."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A check's answer and when it was given."""

    health: Health
    at: dt.datetime


class Checks:
    """The last checks by source identifier.

    Args:
        store: keeps them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._guard = threading.Lock()
        self._last: dict[str, Checked] | None = None

    def last(self, source_id: str) -> Checked | None:
        """The last check; ``None`` before the first."""
        return self._known().get(source_id)

    def health(self, source_id: str) -> Health | None:
        """What the last check said; ``None`` before the first."""
        checked = self.last(source_id)
        return checked.health if checked else None

    def is_due(self, source_id: str, now: dt.datetime) -> bool:
        """Whether a source was not looked at for a day, or never."""
        checked = self.last(source_id)
        return checked is None or not dt.timedelta() <= now - checked.at < EVERY

    async def check(self, source: Source) -> Checked:
        """Check a source now. Never raises for what the outside does."""
        try:
            health = await asyncio.wait_for(health_of(source), PATIENCE)
        except TimeoutError:
            health = Health(Status.UNREACHABLE, f"No answer within {PATIENCE:.0f} s.")
        except KtloError as error:
            health = Health(Status.UNREACHABLE, str(error))
        return await asyncio.to_thread(self.keep, source.source_id, health)

    def keep(self, source_id: str, health: Health) -> Checked:
        """Keep a check, which may have been made elsewhere, as when a source is added by the command line."""
        checked = Checked(health, dt.datetime.now(dt.UTC))
        row = SourceCheck(
            source=source_id,
            checked_at=checked.at,
            status=health.status.value,
            summary=health.summary,
            missing=tuple(one.what for one in health.missing),
            costs=tuple(one.cost for one in health.missing),
            fixes=tuple(one.fix for one in health.missing),
        )
        self._store.insert(TABLES["source_checks"], to_arrow([row], SourceCheck))
        self._known()[source_id] = checked
        return checked

    def _known(self) -> dict[str, Checked]:
        """Those of a former process are read once; from then on this one knows all of them."""
        with self._guard:
            if self._last is None:
                self._last = self._read()
            return self._last

    def _read(self) -> dict[str, Checked]:
        rows = from_arrow(self._store.query("SELECT * FROM ktlo.source_checks"), SourceCheck)
        return {
            row.source: Checked(
                Health(
                    Status(row.status),
                    row.summary,
                    tuple(map(Missing, row.missing, row.costs, row.fixes)),
                ),
                row.checked_at,
            )
            for row in rows
        }
