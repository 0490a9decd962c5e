"""The part of an Argo CD Application that ktlo reads; unknown fields are ignored, so the whole of it may be sent too.

Format: ``manifests/crds/application-crd.yaml`` of argoproj/argo-cd; what Argo leaves out, templates write as ``null``.
"""

from __future__ import annotations

import datetime as dt

import msgspec


class Metadata(msgspec.Struct):
    """Which application it is."""

    name: str
    namespace: str | None = None
    labels: dict[str, str] | None = None


class Destination(msgspec.Struct):
    """Where it is deployed to."""

    namespace: str | None = None
    name: str | None = None


class Spec(msgspec.Struct):
    """What is wanted."""

    destination: Destination | None = None


class Health(msgspec.Struct, rename="camel"):
    """How it is."""

    status: str | None = None
    last_transition_time: dt.datetime | None = None
    message: str | None = None


class Summary(msgspec.Struct):
    """What it consists of."""

    images: list[str] | None = None


class Initiator(msgspec.Struct):
    """Who asked for a sync."""

    username: str | None = None


class Sync(msgspec.Struct, rename="camel"):
    """What was asked for."""

    auto_heal_attempts_count: int | None = None
    dry_run: bool | None = None
    revision: str | None = None
    revisions: list[str] | None = None


class Operation(msgspec.Struct, rename="camel"):
    """A sync as it was asked for."""

    initiated_by: Initiator | None = None
    sync: Sync | None = None


class SyncResult(msgspec.Struct):
    """What a sync was made to; several sources have several revisions."""

    revision: str | None = None
    revisions: list[str] | None = None


class OperationState(msgspec.Struct, rename="camel"):
    """The last sync."""

    phase: str
    started_at: dt.datetime
    finished_at: dt.datetime | None = None
    message: str | None = None
    operation: Operation = msgspec.field(default_factory=Operation)
    sync_result: SyncResult | None = None

    @property
    def revisions(self) -> list[str]:
        """What was synced, or was to be where it came to nothing."""
        for told in (self.sync_result, self.operation.sync):
            if told is not None:
                found = [one for one in (told.revision, *(told.revisions or ())) if one]
                if found:
                    return found
        return []


class State(msgspec.Struct, rename="camel"):
    """How it is, and the last sync."""

    operation_state: OperationState | None = None
    health: Health | None = None
    summary: Summary | None = None


class Application(msgspec.Struct):
    """One application."""

    metadata: Metadata
    status: State
    spec: Spec = msgspec.field(default_factory=Spec)


class Notification(msgspec.Struct):
    """What the template makes of an application."""

    app: Application
    url: str | None = None


def tag_of(image: str) -> tuple[str, str]:
    """Name and tag of an image, ``registry:5000/team/app:1.2@sha256:…``; the tag is empty where there is none."""
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return name, tag
