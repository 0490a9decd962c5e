"""One OTLP request and its answer, whatever the signal and without a transport: what gRPC and HTTP have in common.

A request that is no OTLP is refused as a whole; of one that is, what cannot be kept is rejected with its reason and the
rest is kept. Other formats are turned into OTLP's messages and pass here too. Status codes and retryable ones are the
specification's ("OTLP/gRPC Response", "OTLP/HTTP Response"): bad data is never to be sent again, no room is.
"""

from __future__ import annotations

import enum
import threading
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError, Message

from ktlo.receivers.access import ANYBODY, Sender
from ktlo.receivers.intake import Intake
from ktlo.receivers.namers import Namers
from ktlo.receivers.otlp import json_form
from ktlo.receivers.otlp.accepting import MalformedError, Reasons, service_of
from ktlo.receivers.otlp.signals import OtlpSignal
from ktlo.receivers.spool import SpoolFullError
from ktlo.receivers.tally import count

RETRY_SECONDS = 5


class Encoding(enum.StrEnum):
    """Encodings of a request and its answer, by media type."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


class NoRoomError(Exception):
    """Nothing was kept; the same request may be sent again after ``seconds``."""

    def __init__(self, message: str, seconds: int = RETRY_SECONDS) -> None:
        super().__init__(message)
        self.message = message
        self.seconds = seconds


class NotAllowedError(Exception):
    """Nothing was kept: the sender's key is not for the services it speaks for. It shall not be sent again."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a request.

    Attributes:
        items: kept.
        rejected: not kept.
        reason: why, and what others were kept without, in words; empty when all is kept as it came.
    """

    items: int
    rejected: int
    reason: str


def parse(body: bytes, into: Message) -> None:
    """Read a request in protobuf.

    Raises:
        MalformedError: it is none of that class.
    """
    try:
        into.ParseFromString(body)
    except DecodeError as error:
        raise MalformedError(f"the body is not an {type(into).__name__} in protobuf") from error


def keep(signal: OtlpSignal, request: Message, reasons: Reasons, body: bytes = b"") -> tuple[int, bytes]:
    """Change a request to what is kept of it.

    Args:
        signal: the request's.
        request: is changed.
        reasons: get what is not kept.
        body: the request's serialized form, if there is one.

    Returns:
        Items that are kept, and the request as the spool takes it: ``body`` itself where nothing changed.
    """
    # The engine's own reader refuses what protobuf allows: groups, fields of another wire type, a true that is not 1.
    # What is kept is therefore written anew, without what nobody knows.
    request.DiscardUnknownFields()
    written = request.SerializeToString()
    items = signal.glance(written)
    if items is None:
        items = signal.keep(request, reasons)
        written = request.SerializeToString()
    if not items:
        written = b""
    return items, body if written == body else written


class Export:
    """Takes the requests of one signal.

    Args:
        signal: whose requests.
        intake: where what is kept goes.
        namers: counts names of services by client; one of its own when ``None``.
    """

    def __init__(self, signal: OtlpSignal, intake: Intake, namers: Namers | None = None) -> None:
        self.signal = signal
        self.intake = intake
        self.namers = namers or Namers()
        self._counting = threading.Lock()

    def take(self, body: bytes, encoding: Encoding, sender: Sender = ANYBODY) -> Any:
        """Keep a request and answer it.

        Args:
            body: a request of the signal, decompressed.
            encoding: of the body.
            sender: who sent it.

        Returns:
            The signal's Export…ServiceResponse.

        Raises:
            MalformedError: it is not what it says it is; nothing is kept, and it shall not be sent again.
            NotAllowedError: nothing of it is of a service that the sender may speak for.
            NoRoomError: nothing is kept now, and it shall be sent again.
        """
        request = self.signal.request()
        try:
            if encoding is Encoding.JSON:
                json_form.read(body, request)
            else:
                parse(body, request)
        except MalformedError as error:
            self.malformed(str(error))
            raise
        accepted = self.offer(request, sender, body)
        answer = self.signal.response()
        if accepted.reason:
            setattr(answer.partial_success, self.signal.rejected, accepted.rejected)
            answer.partial_success.error_message = accepted.reason
        return answer

    def offer(
        self, request: Message, sender: Sender = ANYBODY, body: bytes = b"", identity: bytes = b""
    ) -> Accepted:
        """Keep a request that was read, or made from another format; the request is changed to what is kept.

        Args:
            request: of the signal's class.
            sender: who sent it.
            body: its serialized form, if there is one.
            identity: what it was made from, by which it is recognised when it is sent again; itself when empty.

        Raises:
            NotAllowedError: nothing of it is of a service that the sender may speak for.
            NoRoomError: nothing is kept now, and it shall be sent again.
        """
        reasons = Reasons()
        groups = getattr(request, self.signal.groups)
        refused = self._refuse_others(groups, sender, reasons)
        if refused and not groups:
            self._count(reasons)
            raise NotAllowedError("; ".join(reasons.rejected))
        before = [(service_of(group.resource), self.signal.count(group)) for group in groups]
        items, written = keep(self.signal, request, reasons, body)
        rejected = sum(reasons.rejected.values())
        is_new = True
        if items:
            try:
                is_new = self.intake.take(written, items, identity)
            except SpoolFullError as error:
                raise NoRoomError(str(error)) from error
        for (service, came), group in zip(before, groups, strict=True):
            kept = self.signal.count(group)
            self.intake.arrivals.add(service, kept if is_new else 0, came - kept)
            if kept:
                self.namers.add(sender, service, group.resource)
        self._count(reasons)
        return Accepted(items, rejected, reasons.said(self.signal.item))

    def reject(self, reason: str, items: int = 1) -> None:
        """Count items of another format that did not become a request."""
        with self._counting:
            count(self.intake.tally.rejected, reason, items)

    def own(self, items: int) -> None:
        """Count items that ktlo reported of itself, so that nobody takes them for a service's."""
        with self._counting:
            self.intake.tally.own += items

    def warn(self, reason: str) -> None:
        """Count a request that was taken, with what is odd about it."""
        with self._counting:
            count(self.intake.tally.warned, reason, 1)

    def malformed(self, reason: str) -> None:
        """Count a request that could not be read at all."""
        with self._counting:
            count(self.intake.tally.malformed, reason)

    def _refuse_others(self, groups: Any, sender: Sender, reasons: Reasons) -> bool:
        """Take out what the sender may not say; True when something was."""
        if not sender.services:
            return False
        others = [
            (place, service)
            for place, group in enumerate(groups)
            if not sender.speaks_for(service := service_of(group.resource))
        ]
        for place, service in reversed(others):
            items = self.signal.count(groups[place])
            reasons.rejected[sender.refusal(service)] += items
            self.intake.arrivals.add(service, 0, items)
            del groups[place]
        return bool(others)

    def _count(self, reasons: Reasons) -> None:
        if not reasons.rejected and not reasons.warned:
            return
        tally = self.intake.tally
        with self._counting:
            for reason, number in reasons.rejected.items():
                count(tally.rejected, reason, number)
            for reason, number in reasons.warned.items():
                count(tally.warned, reason, number)
