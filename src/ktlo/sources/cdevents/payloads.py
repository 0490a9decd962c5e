"""CloudEvents and the CDEvents in them; unknown fields are ignored.

A CDEvent is the data of a CloudEvent: a context that says what, when and by whom, and a subject. Format: CDEvents
"Common metadata", CloudEvents "HTTP Protocol Binding" (binary mode: attributes are ``ce-`` headers).
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from urllib.parse import unquote

import msgspec

from ktlo.errors import UserError
from ktlo.sources.hooked import Incoming, decoded

TYPE = re.compile(r"dev\.cdevents\.(?P<subject>[a-z]+)\.(?P<predicate>[a-z]+)\.(?P<version>[0-9A-Za-z.-]+)")


class Context(msgspec.Struct):
    """What happened, when, and who says so."""

    id: str
    type: str
    timestamp: dt.datetime
    source: str = ""


class Reference(msgspec.Struct):
    """Another subject: an environment, a service, a repository."""

    id: str = ""
    source: str | None = None

    @property
    def name(self) -> str:
        """The last part of its identifier."""
        return self.id.strip("/").rpartition("/")[2] or self.id


class Subject(msgspec.Struct):
    """What it happened to; its content differs by type."""

    id: str
    source: str | None = None
    content: dict[str, Any] = {}


class CDEvent(msgspec.Struct):
    """One event."""

    context: Context
    subject: Subject


class CloudEvent(msgspec.Struct):
    """The envelope in structured mode."""

    specversion: str
    type: str
    id: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


def events_of(incoming: Incoming) -> list[msgspec.Raw]:
    """The CDEvents of a request, each still raw: structured, batched, binary, or bare.

    Raises:
        UserError: the request is no CloudEvent in JSON.
    """
    kind = incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/cloudevents-batch+json":
        return [one.data for one in decoded(incoming, list[CloudEvent])]
    if kind == "application/cloudevents+json":
        return [decoded(incoming, CloudEvent).data]
    if "ce-type" not in incoming.headers and kind not in ("application/json", ""):
        raise UserError(f"this is no CloudEvent in JSON but {kind[:60]!r}")
    body = decoded(incoming, msgspec.Raw)
    # Without the media type, an envelope is told from a bare CDEvent by its specversion.
    try:
        return [msgspec.json.decode(body, type=CloudEvent).data]
    except msgspec.ValidationError:
        return [body]


def version_of(purl: str) -> str:
    """Version in a package URL, ``pkg:oci/app@sha256%3Aab?tag=1.2``: the tag where there is one."""
    rest, _, query = purl.partition("?")
    for pair in query.partition("#")[0].split("&"):
        name, _, value = pair.partition("=")
        if name == "tag" and value:
            return unquote(value)
    return unquote(rest.partition("@")[2])
