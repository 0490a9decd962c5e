"""The language in which logs are searched, read into conditions with bound values.

``timeout service:shop severity:warn+ user.id=7 "connection reset" -health``: every term must hold, a hyphen before a
term turns it round. docs/telemetry-logs.md says it all; an error names the place in the text at which reading stopped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ktlo.errors import UsageError
from ktlo.store.streams.logs import SEVERITIES

MOST_TERMS = 30
MOST_TEXT = 2_000

FIELDS = {
    "service": "service", "version": "version", "environment": "environment", "instance": "instance",
    "logger": "scope_name", "event": "event_name", "trace": "trace_id", "span": "span_id",
}  # fmt: skip
"""Words before a colon, and the column that each asks for; ``severity`` is apart."""
_ROLLED_UP = frozenset({"service", "version", "environment"})
"""What the counts by minute can tell without the records."""

_TERM = re.compile(
    r'(?P<minus>-?)(?:(?P<name>[^\s":=]+)(?P<sign>:|!=|=))?(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s"]*))'
)
_TOKEN = re.compile(r"[A-Za-z0-9]+")
_ATTRIBUTE = re.compile(r"[^\s:=\"]{1,200}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a log record must be.

    Attributes:
        conditions: SQL over ``l``, a row of log_records, with parameters.
        values: of the parameters.
        needs_records: whether the counts by minute cannot tell; else ``conditions`` hold for them, too.
        trace: the trace that is asked for; empty when none.
        text: the query as it was written.
    """

    conditions: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    needs_records: bool = False
    trace: str = ""
    text: str = ""

    @property
    def where(self) -> str:
        """The conditions, to be appended to another one."""
        return "".join(f" AND {condition}" for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class _Term:
    at: int
    is_not: bool
    name: str
    sign: str
    value: str
    is_quoted: bool


def quoted(value: str) -> str:
    """A value as the language takes it, whatever is in it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def read(text: str) -> Wanted:
    """Read a query.

    Raises:
        UsageError: it cannot be read; the message says where.
    """
    if len(text) > MOST_TEXT:
        raise UsageError(f"the query has more than {MOST_TEXT} characters", where="query", fix="Shorten it")
    conditions: list[str] = []
    values: dict[str, Any] = {}
    needs_records, trace = False, ""
    for number, term in enumerate(_terms(text)):
        if number >= MOST_TERMS:
            raise _wrong(text, term.at, f"more than {MOST_TERMS} terms", "Leave some out")
        made, bound = _condition(text, term, f"q{number}")
        conditions.append(f"NOT ({made})" if term.is_not else f"({made})")
        values.update(bound)
        needs_records |= not (term.sign == ":" and (term.name in _ROLLED_UP or term.name == "severity"))
        if term.name == "trace" and term.sign == ":" and not term.is_not:
            trace = term.value.lower()
    return Wanted(tuple(conditions), values, needs_records, trace, text.strip())


def _terms(text: str) -> Iterator[_Term]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TERM.match(text, at)
        if found is None or found.end() == at:
            what = (
                "a quote that is not closed"
                if text[at:].lstrip("-").startswith('"')
                else "this cannot be read"
            )
            raise _wrong(text, at, what, 'Close the quote; a quote inside quotes is written \\"')
        end = found.end()
        if end < len(text) and not text[end].isspace():
            what = "a quote that is not closed" if text[end] == '"' else "a space is missing"
            raise _wrong(text, end, what, 'Write word "two words" service:shop user.id=7')
        is_quoted = found["quoted"] is not None
        value = re.sub(r"\\(.)", r"\1", found["quoted"]) if is_quoted else found["plain"]
        if not value and not (is_quoted and found["name"]):
            raise _wrong(text, at, "nothing is asked", "Write a word, or name=value")
        yield _Term(at, bool(found["minus"]), found["name"] or "", found["sign"] or "", value, is_quoted)
        at = end


def _wrong(text: str, at: int, what: str, fix: str) -> UsageError:
    around = text[max(0, at - 10) : at + 20].strip()
    return UsageError(f"{what}, at character {at + 1}: {around!r}", where="query", fix=fix)


def _condition(text: str, term: _Term, name: str) -> tuple[str, dict[str, Any]]:
    if term.sign == ":":
        return _field(text, term, name)
    if term.sign:
        return _attribute(text, term, name)
    return _words(term, name)


def _field(text: str, term: _Term, name: str) -> tuple[str, dict[str, Any]]:
    if term.name == "severity":
        return f"l.severity IN {{{name}:Array(String)}}", {name: _severities(text, term)}
    column = FIELDS.get(term.name)
    if column is None:
        known = ", ".join(f"{one}:" for one in ("severity", *FIELDS))
        raise _wrong(
            text, term.at, f"there is no {term.name}:", f"Known are {known} Other text goes in quotes"
        )
    value = term.value.lower() if column in ("trace_id", "span_id") else term.value
    return f"l.{column} = {{{name}:String}}", {name: value}


def _severities(text: str, term: _Term) -> list[str]:
    """``warn``, ``warn,error``, ``warn+`` (and worse); ``none`` for records that do not say."""
    said = term.value.lower()
    if said.endswith("+") and said[:-1] in SEVERITIES:
        return list(SEVERITIES[SEVERITIES.index(said[:-1]) :])
    wanted = said.split(",")
    for one in wanted:
        if one not in (*SEVERITIES, "none"):
            known = ", ".join(SEVERITIES)
            raise _wrong(
                text,
                term.at,
                f"there is no severity {one[:40]!r}",
                f"Known are {known}; warn+ is warn and worse",
            )
    return ["" if one == "none" else one for one in wanted]


def _attribute(text: str, term: _Term, name: str) -> tuple[str, dict[str, Any]]:
    if not _ATTRIBUTE.fullmatch(term.name):
        raise _wrong(text, term.at, "this is no name of an attribute", "Write user.id=7")
    key, value = f"{name}k", f"{name}v"
    maps = ("attributes", "resource", "scope_attributes")
    if term.value == "*" and not term.is_quoted:
        made = " OR ".join(f"mapContains(l.{one}, {{{key}:String}})" for one in maps)
        bound: dict[str, Any] = {key: term.name}
    else:
        made = " OR ".join(
            f"(mapContains(l.{one}, {{{key}:String}}) AND l.{one}[{{{key}:String}}] = {{{value}:String}})"
            for one in maps
        )
        bound = {key: term.name, value: term.value}
    return (f"NOT ({made})" if term.sign == "!=" else made), bound


def _words(term: _Term, name: str) -> tuple[str, dict[str, Any]]:
    """A word is a whole word; with a star, and in quotes, it may be a part of one."""
    value = term.value
    if not term.is_quoted and _TOKEN.fullmatch(value):
        return f"hasToken(lower(l.body), {{{name}:String}})", {name: value.lower()}
    if not term.is_quoted:
        value = value.strip("*") or value
    if value.isascii():
        return f"position(lower(l.body), {{{name}:String}}) > 0", {name: value.lower()}
    return f"positionCaseInsensitiveUTF8(l.body, {{{name}:String}}) > 0", {name: value}
