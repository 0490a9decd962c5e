"""How many names of services reported within a day, and whether that is more than anybody can look after.

Counted exactly, over spans, log records and series of metrics. Many names come from a client that puts the
identifier of a process, a request or a person into ``service.name``; OpenTelemetry has ``service.instance.id`` for that
(semantic conventions, "Service").
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ktlo.store.protocol import Queryable

WITHIN = dt.timedelta(days=1)

_NAMES = """
SELECT uniqExact(service) AS names FROM (
  SELECT service FROM ktlo.operation_minutes_states WHERE minute >= {since:DateTime64(6, 'UTC')} GROUP BY service
  UNION ALL
  SELECT service FROM ktlo.log_minutes_states WHERE minute >= {since:DateTime64(6, 'UTC')} GROUP BY service
  UNION ALL
  SELECT service FROM ktlo.metric_series_states WHERE last_at >= {since:DateTime64(6, 'UTC')} GROUP BY service
)"""


@dataclass(frozen=True, slots=True)
class Sprawl:
    """Names of services.

    Attributes:
        names: different ones within :data:`WITHIN`.
        limit: beyond which they are too many, as the settings say.
        most_from: clients that sent most of them since midnight, in words, the first first; empty when unknown.
    """

    names: int
    limit: int
    most_from: tuple[str, ...]

    @property
    def is_too_many(self) -> bool:
        """Whether somebody should do something about it."""
        return self.names > self.limit

    @property
    def said(self) -> str:
        """What is wrong, in a sentence or three; empty when nothing is."""
        if not self.is_too_many:
            return ""
        who = (
            f"Most were sent by {'; '.join(self.most_from)}."
            if self.most_from
            else "Who sends them is told when more come: ktlo was started since."
        )
        return f"{self.names:,} names of services within a day are too many (more than {self.limit:,}). {who}"


def names_within(store: Queryable, now: dt.datetime) -> int:
    """Different names of services that reported within the last day, whatever the signal."""
    found: int = store.query(_NAMES, {"since": now - WITHIN}).to_pylist()[0]["names"]
    return found
