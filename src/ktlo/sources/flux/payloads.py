"""The event of Flux's notification-controller and what its metadata say; unknown fields are ignored.

Formats: ``docs/spec/v1beta3/events.md`` and ``providers.md`` of fluxcd/notification-controller, ``apis/event/v1beta1``
of fluxcd/pkg; revisions as in RFC 0005 (``main@sha1:…``), and as before Flux 2.0 (``main/…``).
"""

from __future__ import annotations

import datetime as dt
import re

import msgspec

_COMMIT = re.compile(r"(?:[@/]|^)(?:sha1:)?(?P<sha>[0-9a-f]{40})$")
_BUILD = re.compile(r"\+(?P<sha>[0-9a-f]{7,40})(?:\.[0-9]+)?$")


class Involved(msgspec.Struct, rename="camel"):
    """The object that an event is about."""

    kind: str
    name: str
    namespace: str = ""
    api_version: str = ""


class Event(msgspec.Struct, rename="camel"):
    """One event of a controller."""

    involved_object: Involved
    severity: str
    timestamp: dt.datetime
    reason: str
    message: str = ""
    metadata: dict[str, str] = {}
    reporting_controller: str = ""

    @property
    def subject(self) -> str:
        """What it is about: ``Kustomization/apps/webapp``."""
        about = self.involved_object
        return f"{about.kind}/{about.namespace}/{about.name}"

    def told(self, key: str) -> str:
        """A key of the metadata, with or without the group of the object before it (Flux 2.4 leaves that out)."""
        group = self.involved_object.api_version.partition("/")[0]
        return self.metadata.get(f"{group}/{key}", "") or self.metadata.get(key, "")

    @property
    def revision(self) -> str:
        """What was put there: the commit behind an artifact before the artifact itself."""
        return self.told("originRevision") or self.told("revision")

    @property
    def commit(self) -> str:
        """The commit: what the object's annotations say it is (``commit``), else the one in the revision."""
        return commit_of(self.told("commit")) or commit_of(self.revision)


class Dispatched(msgspec.Struct):
    """GitHub's ``repository_dispatch``, with the event that the provider ``githubdispatch`` gave it."""

    client_payload: Event


def commit_of(revision: str) -> str:
    """The commit in a revision: ``main@sha1:…``, ``main/…``, ``sha1:…``; of a chart ``0.1.4+abc1234``; else empty."""
    found = _COMMIT.search(revision) or _BUILD.search(revision)
    return found["sha"] if found else ""


def version_of(revision: str) -> str:
    """The tag in a revision (``v1.2.0@sha1:…``), or all of it where it is a version; empty for a mere branch."""
    name, _, rest = re.sub(r"/[0-9a-f]{40}$", "", revision).partition("@")
    if name == "latest":  # it names no version
        return rest
    tag = name.removeprefix("refs/tags/")
    is_version = rest.startswith("sha256:") or tag != name or re.match(r"v?[0-9]+\.[0-9]", name) is not None
    return tag if is_version else ""
