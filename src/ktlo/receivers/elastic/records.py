"""Errors and log events of an Elastic agent as OTLP log records.

An error with an exception becomes a record named ``exception`` with the conventions' ``exception.*`` attributes; one
that only was logged becomes the record it was. Log events are lines in ECS, nested or with dotted keys.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber

from ktlo.receivers.elastic.attributes import put, put_all, put_context
from ktlo.receivers.elastic.events import Error
from ktlo.receivers.elastic.moments import UnfitError, identifier, instant
from ktlo.receivers.elastic.stacks import message_of, stack_of, text_of, type_of

_SEVERITIES = {
    "trace": 1,
    "finest": 1,
    "finer": 1,
    "debug": 5,
    "fine": 5,
    "config": 5,
    "info": 9,
    "information": 9,
    "notice": 10,
    "warn": 13,
    "warning": 13,
    "error": 17,
    "err": 17,
    "severe": 17,
    "critical": 21,
    "crit": 21,
    "fatal": 21,
    "alert": 22,
    "emergency": 24,
}
_NAMES = {
    "log.logger": "log.logger",
    "log.origin.function": "code.function.name",
    "log.origin.file.name": "code.file.path",
    "log.origin.file.line": "code.line.number",
    "process.thread.name": "thread.name",
    "error.type": "exception.type",
    "error.message": "exception.message",
    "error.stack_trace": "exception.stacktrace",
    "event.dataset": "elastic.event.dataset",
}
_ELSEWHERE = frozenset(
    (
        "@timestamp",
        "message",
        "log.level",
        "trace.id",
        "transaction.id",
        "span.id",
        "service.name",
        "service.version",
        "service.environment",
        "service.node.name",
        "ecs.version",
    )
)
_DEEPEST = 10


def put_error(into: LogRecord, event: Error, received: int, language: str) -> None:
    """Fill a log record from an error.

    Args:
        into: empty.
        event: the error.
        received: now, in nanoseconds.
        language: the agent's name, by which a stack is written.

    Raises:
        UnfitError: it cannot be kept.
    """
    if event.exception is None and event.log is None:
        raise UnfitError("an error needs 'exception' or 'log'")
    into.time_unix_nano = instant(event.timestamp, received)
    into.observed_time_unix_nano = received
    if event.trace_id:
        into.trace_id = identifier(event.trace_id, 32, "trace_id")
        within = event.parent_id or event.transaction_id
        if within:
            into.span_id = identifier(within, 16, "parent_id" if event.parent_id else "transaction_id")
    here = into.attributes
    level = (event.log.level if event.log is not None else None) or "error"
    into.severity_text = level
    into.severity_number = SeverityNumber.ValueType(_SEVERITIES.get(level.lower(), 17))
    if event.exception is not None:
        into.event_name = "exception"
        message = message_of(event.exception)
        into.body.string_value = event.log.message if event.log is not None else message
        put(here, "exception.type", type_of(event.exception))
        put(here, "exception.message", message)
        put(here, "exception.stacktrace", stack_of(event.exception, language))
        code = event.exception.code
        put(here, "elastic.exception.code", None if code is None else str(code))
        put(here, "elastic.exception.handled", event.exception.handled)
        put_all(here, event.exception.attributes, "elastic.exception.attributes.")
    if event.log is not None:
        if event.exception is None:
            into.body.string_value = event.log.message
            if event.log.stacktrace:
                put(here, "code.stacktrace", text_of(event.log.stacktrace, language))
        put(here, "log.logger", event.log.logger_name)
        put(here, "elastic.log.param_message", event.log.param_message)
    put(here, "elastic.error.id", event.id)
    put(here, "elastic.error.culprit", event.culprit)
    if event.transaction is not None:
        put(here, "elastic.transaction.name", event.transaction.name)
        put(here, "elastic.transaction.type", event.transaction.type)
    if event.context is not None:
        put_context(here, event.context)


def flattened(said: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """A line in ECS with dotted keys only; ``labels`` stay together.

    Raises:
        UnfitError: it nests too deep.
    """
    if depth > _DEEPEST:
        raise UnfitError(f"a log event nests deeper than {_DEEPEST} levels")
    flat: dict[str, Any] = {}
    for key, value in said.items():
        name = prefix + key
        if isinstance(value, dict) and name not in ("labels", "faas"):
            flat.update(flattened(value, f"{name}.", depth + 1))
        else:
            flat[name] = value
    return flat


def put_log(into: LogRecord, flat: dict[str, Any], received: int) -> None:
    """Fill a log record from a log event whose keys are dotted.

    Raises:
        UnfitError: it cannot be kept.
    """
    into.time_unix_nano = _moment(flat.get("@timestamp"), received)
    into.observed_time_unix_nano = received
    level = _text(flat, "log.level")
    into.severity_text = level
    into.severity_number = SeverityNumber.ValueType(_SEVERITIES.get(level.lower(), 0))
    into.body.string_value = _text(flat, "message")
    if _text(flat, "error.type"):
        into.event_name = "exception"
    trace = _text(flat, "trace.id")
    if trace:
        into.trace_id = identifier(trace, 32, "trace.id")
        within = _text(flat, "span.id") or _text(flat, "transaction.id")
        if within:
            into.span_id = identifier(within, 16, "span.id")
    for key, value in flat.items():
        if key in ("labels", "faas") and isinstance(value, dict):
            put_all(into.attributes, value, "" if key == "labels" else "faas.")
        elif key not in _ELSEWHERE:
            put(into.attributes, _NAMES.get(key, key), value)


def _text(flat: dict[str, Any], key: str) -> str:
    value = flat.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnfitError(f"{key} is {type(value).__name__}, not text")
    return value


def _moment(said: object, received: int) -> int:
    """``@timestamp`` in microseconds, or as the text that ECS loggers write."""
    if isinstance(said, str):
        try:
            at = dt.datetime.fromisoformat(said)
        except ValueError as error:
            raise UnfitError(f"@timestamp {said[:40]!r} is not a time") from error
        at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
        since = at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        return instant(since // dt.timedelta(microseconds=1), received)
    if said is not None and (isinstance(said, bool) or not isinstance(said, int)):
        raise UnfitError("@timestamp is neither microseconds nor a time")
    return instant(said, received)
