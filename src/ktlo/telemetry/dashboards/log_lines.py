"""The newest log records of a panel: by service, least severity and a text in the message."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ktlo.store.protocol import Queryable
from ktlo.telemetry.interval import Interval

_SEVERITIES = ("trace", "debug", "info", "warn", "error", "fatal")
_LINES = """
SELECT l.logged_at AS at, l.service AS service, l.severity AS severity, l.body AS body, l.trace_id AS trace_id
FROM ktlo.log_records AS l
WHERE l.logged_at >= {start:DateTime64(9, 'UTC')} AND l.logged_at < {end:DateTime64(9, 'UTC')}
  AND ({service:String} = '' OR l.service = {service:String})
  AND (empty({severities:Array(String)}) OR l.severity IN {severities:Array(String)})
  AND ({contains:String} = '' OR positionCaseInsensitiveUTF8(l.body, {contains:String}) > 0)
ORDER BY l.logged_at DESC LIMIT {most:UInt32}"""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log record.

    Attributes:
        at: when it was written.
        service: by whom.
        severity: word of its range; empty when not told.
        body: message.
        trace_id: its trace; empty for none.
    """

    at: dt.datetime
    service: str
    severity: str
    body: str
    trace_id: str


def log_lines(
    store: Queryable, of: Interval, *, service: str, severity: str, contains: str, most: int
) -> list[LogLine]:
    """Records of a stretch, newest first.

    Args:
        store: where they are.
        of: the stretch.
        service: exact name; empty for all.
        severity: the least; empty for all.
        contains: text of the message in either case; empty for all.
        most: how many.
    """
    severities = list(_SEVERITIES[_SEVERITIES.index(severity) :]) if severity else []
    asked = {
        "start": of.start, "end": of.end, "service": service, "severities": severities, "contains": contains,
        "most": most,
    }  # fmt: skip
    return [
        LogLine(
            row["at"].to_pydatetime(warn=False),
            row["service"],
            row["severity"],
            row["body"][:500],
            row["trace_id"],
        )
        for row in store.query(_LINES, asked).to_pylist()
    ]
