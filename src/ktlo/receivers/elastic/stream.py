"""One request of an agent, from its first line to its answer.

An agent keeps a request open for up to ten seconds and writes events as they happen. They are taken as they come: a
batch is on disk after a second or a thousand events, whichever is first, and the answer at the end covers all of them.
Agents do not send an event twice, so the answer tells how many were kept, not what to send again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from google.protobuf.message import Message

from ktlo.receivers.access import ANYBODY, Sender
from ktlo.receivers.body import BadBodyError, TooLargeError
from ktlo.receivers.elastic.batch import Batch, LineError, read_metadata
from ktlo.receivers.elastic.lines import Lines, TooLong
from ktlo.receivers.elastic.reporter import Metadata
from ktlo.receivers.otlp.exchange import Accepted, NoRoomError, NotAllowedError

MOST_EVENTS = 1_000
MOST_BATCH = 1 << 20
"""A batch is taken at this many events, or bytes of lines."""
FLUSH_SECONDS = 1.0
"""Seconds after which it is taken anyway."""
MOST_REJECTED = 10_000
"""Events of one request that are refused before the rest of it is; no agent errs as often."""
_MOST_TOLD = 20
"""Errors that an answer lists; all are counted."""


class Export(Protocol):
    """Where OTLP requests of one signal go: checked, on disk, and counted."""

    def offer(self, request: Message, sender: Sender = ANYBODY) -> Accepted:
        """Keep a request; it is on disk when this returns."""

    def reject(self, reason: str, items: int = 1) -> None:
        """Count what did not become a request."""


@dataclass(frozen=True, slots=True)
class Exports:
    """The three signals.

    Attributes:
        traces: for transactions and spans.
        logs: for errors and log events.
        metrics: for metricsets.
    """

    traces: Export
    logs: Export
    metrics: Export

    def of(self, kind: str) -> Export:
        """The signal that a kind of event becomes; traces for one that is not known."""
        return {"error": self.logs, "log": self.logs, "metricset": self.metrics}.get(kind, self.traces)


@dataclass(slots=True)
class Outcome:
    """What became of a request.

    Attributes:
        accepted: events that are on disk.
        status: of the answer, as HTTP has it.
        errors: what is told of events that are not kept: message and the beginning of the line.
        untold: further ones.
    """

    accepted: int = 0
    status: int = 202
    errors: list[dict[str, str]] = field(default_factory=list)
    untold: int = 0

    def add(self, status: int, message: str, document: str = "") -> None:
        """Add an error; the highest status wins."""
        self.status = max(self.status, status)
        if len(self.errors) >= _MOST_TOLD:
            self.untold += 1
            return
        told = {"message": message}
        if document:
            told["document"] = document
        self.errors.append(told)

    def as_json(self) -> dict[str, object]:
        """The body of an answer."""
        told: dict[str, object] = {"accepted": self.accepted}
        if self.errors:
            more = [{"message": f"and {self.untold} more"}] if self.untold else []
            told["errors"] = [*self.errors, *more]
        return told


class Stream:
    """Takes a request's pieces; used by one thread at a time.

    Args:
        exports: where what is kept goes.
        encoding: of the header Content-Encoding.
        sender: who sends it.
        clock: nanoseconds since 1970.

    Raises:
        BadBodyError: the encoding is not known.
    """

    def __init__(
        self,
        exports: Exports,
        encoding: str = "",
        sender: Sender = ANYBODY,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.outcome = Outcome()
        self.is_over = False
        self._exports = exports
        self._sender = sender
        self._clock = clock
        self._lines = Lines(encoding)
        self._metadata: Metadata | None = None
        self._batch: Batch | None = None
        self._events = 0
        self._bytes = 0
        self._rejected = 0

    @property
    def held(self) -> int:
        """Bytes of lines that are in memory."""
        return self._bytes + self._lines.held

    def feed(self, piece: bytes) -> None:
        """Take a piece of the body; what cannot be kept is in the outcome, and ``is_over`` when nothing more is."""
        try:
            for line in self._lines.feed(piece):
                self._take(line)
                if self.is_over:
                    return
            if self._batch is not None and self._clock() - self._batch.received > FLUSH_SECONDS * 1e9:
                self.flush()
        except (BadBodyError, TooLargeError) as error:
            self._give_up(error)

    def finish(self) -> None:
        """The body has ended: take the rest."""
        if self.is_over:
            return
        try:
            for line in self._lines.finish():
                self._take(line)
        except BadBodyError as error:
            self._give_up(error)
        self.flush()
        self.is_over = True

    def flush(self) -> None:
        """Have everything on disk that was taken so far."""
        batch, events = self._batch, self._events
        self._batch, self._events, self._bytes = None, 0, 0
        if batch is None or not events:
            return
        try:
            if batch.spans:
                events -= self._offer(self._exports.traces, batch.traces)
            if batch.records:
                events -= self._offer(self._exports.logs, batch.logs)
            if batch.points:
                self._offer(self._exports.metrics, batch.metrics)
        except NotAllowedError as error:
            self.outcome.add(403, str(error))
            self.is_over = True
            return
        except NoRoomError as error:
            self.outcome.add(503, f"queue is full: {error.message}")
            self.is_over = True
            return
        self.outcome.accepted += events

    def _offer(self, export: Export, request: Message) -> int:
        """Have a request kept; answers how many of it are not."""
        accepted = export.offer(request, self._sender)
        if accepted.rejected:
            self.outcome.add(400, accepted.reason)
        return accepted.rejected

    def _take(self, line: bytes) -> None:
        if isinstance(line, TooLong):
            self._reject(LineError("event exceeded the permitted size", line))
            return
        if self._metadata is None:
            try:
                self._metadata = read_metadata(line)
            except LineError as error:
                self._exports.traces.reject(error.reason)
                self.outcome.add(400, error.message, error.document)
                self.is_over = True
            return
        if self._batch is None:
            self._batch = Batch(self._metadata, self._clock())
        try:
            self._batch.add(line)
        except LineError as error:
            self._reject(error)
            return
        self._events += 1
        self._bytes += len(line)
        if self._events >= MOST_EVENTS or self._bytes >= MOST_BATCH:
            self.flush()

    def _reject(self, error: LineError) -> None:
        self._exports.of(error.kind).reject(error.reason)
        self.outcome.add(400, error.message, error.document)
        self._rejected += 1
        if self._rejected >= MOST_REJECTED:
            self.outcome.add(400, f"{MOST_REJECTED:,} events cannot be kept; the rest is not read")
        if self._metadata is None or self._rejected >= MOST_REJECTED:
            self.flush()
            self.is_over = True

    def _give_up(self, error: BadBodyError | TooLargeError) -> None:
        """The rest of the body cannot be read: what came before it is kept."""
        self.flush()
        self._exports.traces.reject("the body of a request cannot be read to its end")
        self.outcome.add(413 if isinstance(error, TooLargeError) else 400, str(error))
        self.is_over = True
