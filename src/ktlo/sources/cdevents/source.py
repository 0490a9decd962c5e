"""The source itself: it only listens, to any sender of CloudEvents that carry CDEvents."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from pydantic import BaseModel

from ktlo.records.collection import Rejection
from ktlo.sources.cdevents import mapping
from ktlo.sources.cdevents.payloads import TYPE, CDEvent, events_of
from ktlo.sources.hooked import Incoming, Setup, Taken, bearer, demand_token
from ktlo.sources.listening import ListeningConfig, ListeningSource
from ktlo.sources.rest.rows import Row, batches


class CDEventsSource(ListeningSource):
    """Whatever sends CDEvents."""

    kind: ClassVar[str] = "cdevents"
    summary: ClassVar[str] = "deployments, incidents, pipeline runs and tickets as CDEvents over CloudEvents"
    config: ClassVar[type[BaseModel]] = ListeningConfig
    brings: tuple[str, ...] = ("deployments", "incidents", "incident_events", "issues", "workflow_runs")
    setup: Setup = Setup(
        where="the sender's sink (Tekton, Jenkins, Argo, Spinnaker, Knative broker): this address, HTTP POST",
        events=mapping.USED,
        proof="Authorization: Bearer and the same secret",
        kept_headers=("content-type", "ce-id", "ce-type", "ce-source", "ce-specversion"),
    )

    def verify(self, incoming: Incoming, key: str) -> None:
        """See :meth:`ktlo.sources.hooked.Hooked.verify`."""
        demand_token(bearer(incoming), key)

    def name_of(self, incoming: Incoming) -> str:
        """Source and identifier of the CloudEvent in binary mode, which name it; else the content."""
        given = incoming.headers.get("ce-id", "")
        return f"{incoming.headers.get('ce-source', '')} {given}" if given else incoming.digest

    def receive(self, incoming: Incoming) -> Taken:
        """See :meth:`ktlo.sources.hooked.Hooked.receive`."""
        rows: list[tuple[str, Row]] = []
        rejected: list[Rejection] = []
        kinds: list[str] = []
        unused: list[str] = []
        for number, raw in enumerate(events_of(incoming), start=1):
            try:
                event = msgspec.json.decode(raw, type=CDEvent)
                match = TYPE.fullmatch(event.context.type)
                if match is None:
                    raise ValueError(f"{event.context.type[:80]!r} is no type of CDEvents")
                kind = f"{match['subject']}.{match['predicate']}"
                made = mapping.rows(event, match["subject"], match["predicate"], self.source_id)
                if made is None:
                    unused.append(kind)
                    continue
                rows += made
                kinds.append(kind)
                if match["subject"] == "ticket" and (words := mapping.left_out(event)):
                    rejected.append(self._reject(number, words, bytes(raw), incoming, is_kept=True))
            except ValueError as error:  # msgspec's own among them
                reason = f"this is not as CDEvents are written: {error}"
                rejected.append(self._reject(number, reason, bytes(raw), incoming))
        why = ""
        if not rows:
            why = f"ktlo does not use {', '.join(dict.fromkeys(unused))}" if unused else "it holds no CDEvent"
        return Taken(
            ", ".join(dict.fromkeys(kinds or unused)),
            batches(rows),
            tuple(rejected),
            why,
            untold=mapping.UNTOLD,
        )
