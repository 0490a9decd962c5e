"""What people say of errors, and whether an error that was resolved has come back.

Said things are lines of the state's append-only journal: subject ``error`` (resolved or ignored) and ``error_issue``
(the issue that was made of it), key the group's fingerprint. "Resolved in version X" keeps the versions that ran before
X: what these still report while X is rolled out is no regression, a report of any other version is.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ktlo.errors import UsageError
from ktlo.store.protocol import Queryable
from ktlo.store.state import State
from ktlo.telemetry.errors import Group
from ktlo.telemetry.interval import Interval

SUBJECT, ISSUE = "error", "error_issue"
MOST_TEXT = 500

_SINCE = """
SELECT version, min(at) AS at, sum(n) AS occurrences FROM (
  SELECT toString(e.version) AS version, toDateTime64(e.occurred_at, 6, 'UTC') AS at, toInt64(1) AS n
  FROM ktlo.error_events AS e WHERE e.fingerprint = {id:String}
    AND e.occurred_at > {said:DateTime64(9, 'UTC')} AND e.occurred_at < {next:DateTime64(9, 'UTC')}
  UNION ALL
  SELECT toString(m.version), m.minute, m.occurrences
  FROM ktlo.error_minutes_states AS m WHERE m.fingerprint = {id:String} AND m.minute >= {next:DateTime64(6, 'UTC')}
  UNION ALL
  SELECT toString(r.version), r.minute, -r.repeats
  FROM ktlo.error_repeats AS r WHERE r.fingerprint = {id:String} AND r.minute >= {next:DateTime64(6, 'UTC')}
) GROUP BY version HAVING occurrences > 0 ORDER BY at"""

_VERSIONS = """
SELECT h.version AS version, min(h.hour) AS at FROM ktlo.version_hours AS h
WHERE h.service IN {services:Array(String)} AND h.version != '' GROUP BY version"""


class Said(enum.StrEnum):
    """What a person can say of an error."""

    RESOLVED = "resolved"
    IGNORED = "ignored"
    OPEN = "open"


class Standing(enum.StrEnum):
    """Where an error stands; what wants a person first comes first."""

    REGRESSED = "regressed"
    NEW = "new"
    OPEN = "open"
    RESOLVED = "resolved"
    IGNORED = "ignored"


ORDER = {standing: place for place, standing in enumerate(Standing)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was said last of an error.

    Attributes:
        said: resolved or ignored.
        version: that it is resolved in; empty for "as of now".
        reason: why it is ignored.
        until: last day on which it is ignored; ``None`` for ever.
        older: versions that ran before ``version``.
        author: who said it.
        said_at: when.
    """

    said: Said
    version: str
    reason: str
    until: dt.date | None
    older: tuple[str, ...]
    author: str
    said_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Return:
    """An error that came back after it was resolved: when, in which version, how often since."""

    at: dt.datetime
    version: str
    occurrences: int


@dataclass(frozen=True, slots=True)
class Judged:
    """Where a group stands and why."""

    standing: Standing
    verdict: Verdict | None = None
    back: Return | None = None
    issue: str = ""


def resolve(state: State, store: Queryable, group: Group, version: str, author: str) -> None:
    """Say that an error is resolved, from a version on or from now on."""
    _checked(version, "version")
    older: tuple[str, ...] = ()
    if version:
        rows = store.query(_VERSIONS, {"services": list(group.services)}).to_pylist()
        began = {row["version"]: row["at"] for row in rows}
        here = began.pop(version, None)
        older = tuple(sorted(one for one, at in began.items() if here is None or at < here))
    said = {"said": Said.RESOLVED, "version": version, "older": older}
    state.correct(SUBJECT, group.fingerprint, json.dumps(said), author)


def ignore(state: State, group: Group, reason: str, until: dt.date | None, author: str) -> None:
    """Say that an error is nothing to act on.

    Raises:
        UsageError: no reason is given.
    """
    _checked(reason, "reason")
    if not reason.strip():
        raise UsageError("ignoring an error needs a reason", where="reason", fix="Say why in a line")
    said = {"said": Said.IGNORED, "reason": reason.strip(), "until": until.isoformat() if until else ""}
    state.correct(SUBJECT, group.fingerprint, json.dumps(said), author)


def reopen(state: State, group: Group, author: str) -> None:
    """Take back what was said."""
    state.correct(SUBJECT, group.fingerprint, "", author)


def link_issue(state: State, group: Group, url: str, author: str) -> None:
    """Say which issue was made of an error; an empty address takes it back.

    Raises:
        UsageError: it is no http(s) address.
    """
    _checked(url, "issue")
    parts = urlsplit(url.strip())
    if url.strip() and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise UsageError(
            f"{url[:80]!r} is no address of an issue",
            where="issue",
            fix="Paste it from the browser: https://…",
        )
    state.correct(ISSUE, group.fingerprint, url.strip(), author)


def _checked(text: str, name: str) -> None:
    if len(text) > MOST_TEXT:
        raise UsageError(f"{name} has more than {MOST_TEXT} characters", where=name, fix="Shorten it")


def verdicts(state: State) -> dict[str, Verdict]:
    """What is said of errors, by fingerprint."""
    found = {}
    for one in state.corrections(SUBJECT):
        said = json.loads(one.value)
        until = said.get("until", "")
        found[one.key] = Verdict(
            Said(said["said"]), said.get("version", ""), said.get("reason", ""),
            dt.date.fromisoformat(until) if until else None, tuple(said.get("older", ())), one.author, one.said_at,
        )  # fmt: skip
    return found


def issues(state: State) -> dict[str, str]:
    """Issues that were made of errors, by fingerprint."""
    return {one.key: one.value for one in state.corrections(ISSUE)}


def came_back(store: Queryable, group: Group, verdict: Verdict) -> Return | None:
    """Whether a resolved error occurred again where it should not; ``None`` when not."""
    if verdict.said is not Said.RESOLVED or group.last_seen <= verdict.said_at:
        return None
    whole = verdict.said_at.replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
    rows = store.query(_SINCE, {"id": group.fingerprint, "said": verdict.said_at, "next": whole}).to_pylist()
    new = [row for row in rows if row["version"] not in verdict.older or not verdict.version]
    if not new:
        return None
    return Return(new[0]["at"], new[0]["version"], sum(row["occurrences"] for row in new))


def judge(store: Queryable, group: Group, of: Interval, verdict: Verdict | None, issue: str = "") -> Judged:
    """Where a group stands at the end of a stretch; new is what occurred first within it."""
    if verdict is not None and verdict.said is Said.IGNORED:
        if verdict.until is None or of.end.date() <= verdict.until:
            return Judged(Standing.IGNORED, verdict, None, issue)
        verdict = None
    if verdict is not None:
        back = came_back(store, group, verdict)
        return Judged(Standing.REGRESSED if back else Standing.RESOLVED, verdict, back, issue)
    return Judged(Standing.NEW if group.first_seen >= of.start else Standing.OPEN, None, None, issue)


def history(state: State, fingerprint: str) -> list[Mapping[str, object]]:
    """Everything that was said of one error, oldest first."""
    lines = [(one.said_at, one, False) for one in state.history(SUBJECT) if one.key == fingerprint]
    lines += [(one.said_at, one, True) for one in state.history(ISSUE) if one.key == fingerprint]
    return [
        {"at": at, "author": one.author, "said": _words(one.value, is_issue=is_issue)}
        for at, one, is_issue in sorted(lines, key=lambda line: line[0])
    ]


def _words(value: str, *, is_issue: bool) -> str:
    if is_issue:
        return f"issue {value}" if value else "no issue"
    if not value:
        return "open again"
    said = json.loads(value)
    if said["said"] == Said.RESOLVED:
        return f"resolved in {said['version']}" if said.get("version") else "resolved"
    until = f" until {said['until']}" if said.get("until") else ""
    return f"ignored{until}: {said.get('reason', '')}"
