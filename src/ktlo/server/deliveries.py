"""Webhooks of a source, for its page, the API and the CLI: how to connect the sender, what came, what was refused."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

import pyarrow as pa

from ktlo.sources.hooked import Hooked
from ktlo.sources.protocol import Source
from ktlo.store.protocol import Store

_SUMMARY = """
SELECT sumIf(times, status = 'taken') AS taken, sumIf(times, status = 'ignored') AS ignored,
  sumIf(times, status = 'refused') AS refused, maxIf(received_at, status = 'taken') AS last_at
FROM ktlo.deliveries WHERE source = {source:String}"""

_NEWEST = """
SELECT received_at, event, status, reason, rows, times, delivery_id FROM ktlo.deliveries
WHERE source = {source:String} ORDER BY received_at DESC LIMIT {limit:UInt32}"""


@dataclass(frozen=True, slots=True)
class Hook:
    """How a sender is connected, and how it goes.

    Attributes:
        path: of the address; the host is the one that the sender reaches ktlo by.
        where: where in the sender it is set.
        events: which events to choose.
        proof: how the sender proves itself.
        has_secret: a secret is configured.
        taken: webhooks taken.
        ignored: webhooks in which nothing is used.
        refused: webhooks without proof, or not understood.
        last_at: when the last was taken; ``None`` before the first.
        paste: what to paste into the sender, with ``ADDRESS`` where the address goes; empty where nothing is.
    """

    path: str
    where: str
    events: tuple[str, ...]
    proof: str
    has_secret: bool
    taken: int
    ignored: int
    refused: int
    last_at: dt.datetime | None
    paste: str = ""

    def pasted(self, base_url: str) -> str:
        """What to paste, with the address by which the sender reaches ktlo."""
        return self.paste.replace("ADDRESS", f"{base_url.rstrip('/')}{self.path}")


def is_only_here(base_url: str) -> bool:
    """Whether an address is of this machine only, so that no other reaches it."""
    host = urlsplit(base_url).hostname or ""
    with contextlib.suppress(ValueError):
        found = ipaddress.ip_address(host)
        return found.is_loopback or found.is_unspecified
    return host == "localhost" or host.endswith(".localhost")


def reached_by(base_url: str) -> str:
    """What to do where an address is of this machine only, as one sentence; empty where others reach it."""
    if not is_only_here(base_url):
        return ""
    return (
        f"{base_url} is an address of this machine only: set server.public_url in ktlo.yaml to the one by which the"
        " sender reaches ktlo."
    )


def hook_of(source: Source, store: Store) -> Hook | None:
    """The webhooks of a source; ``None`` when it takes none."""
    if not isinstance(source, Hooked):
        return None
    (row,) = store.query(_SUMMARY, {"source": source.source_id}).to_pylist()
    return Hook(
        path=f"/hooks/{source.source_id}",
        where=source.setup.where,
        events=source.setup.events,
        proof=source.setup.proof,
        has_secret=bool(source.webhook_secret),
        taken=row["taken"],
        ignored=row["ignored"],
        refused=row["refused"],
        last_at=row["last_at"] if row["taken"] else None,
        paste=source.setup.paste,
    )


def newest(store: Store, source_id: str, limit: int) -> pa.Table:
    """The newest webhooks of a source, without their bodies."""
    return store.query(_NEWEST, {"source": source_id, "limit": limit})
