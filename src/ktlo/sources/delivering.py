"""Runs one webhook: proof, then its rows, then the delivery as it came.

The order makes a crash repeat work and never lose it: a delivery that is known has all its rows, one that is not is
sent again by its sender, and rows are idempotent. A delivery that was taken before is answered as if it were new.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ktlo.errors import KtloError, SignatureError, SourceError, UserError
from ktlo.records import TABLES
from ktlo.records.arrow import from_arrow, to_arrow
from ktlo.records.collection import Delivery, Rejection
from ktlo.sources.clocks import corrected
from ktlo.sources.hooked import Hooked, Incoming, Taken, secret_of
from ktlo.sources.lengths import named
from ktlo.sources.merging import merged
from ktlo.sources.missing_items import told_of
from ktlo.sources.protocol import Source
from ktlo.sources.reclassifying import may_change, reclassified
from ktlo.sources.refusals import Refusals
from ktlo.store.protocol import Store

MOST_KEPT = 1 << 20
"""Bytes of a body that is kept to be read again; a larger one is read once."""
_LONGEST_NAME = 200
"""Characters of a delivery's name."""
_PAGE = 500
_SECRET_SECONDS = 60.0
"""When a sender shall come again while the secret cannot be read: a person has to do something first."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a webhook.

    Attributes:
        event: what it tells of.
        rows: rows written.
        is_repeat: it had been taken before.
        why_ignored: why nothing of it is used.
        nouns: tables that rows were written into.
    """

    event: str
    rows: int
    is_repeat: bool = False
    why_ignored: str = ""
    nouns: frozenset[str] = frozenset()


def deliver(
    source: Source, incoming: Incoming, store: Store, refusals: Refusals, *, needs_secret: bool
) -> Outcome:
    """Take one webhook.

    Args:
        source: whom it is for.
        incoming: the webhook.
        store: where it goes.
        refusals: counts those without proof.
        needs_secret: refuse where no secret is configured: others than this machine can send.

    Raises:
        SignatureError: it does not prove where it comes from; a count of it is kept, nothing else.
        SourceError: the secret cannot be read here; a count of it is kept, and the sender shall send it again.
        UserError: the source takes none, or the body is not what it expects; the body is kept with the reason.
        StoreError: the store does not take it; the sender shall send it again.
    """
    if not isinstance(source, Hooked):
        raise UserError(f"{source.source_id} takes no webhooks", fix="`ktlo sources` lists what is connected")
    key = _key_of(source, incoming, store, refusals)
    try:
        if key:
            source.verify(incoming, key)
        elif needs_secret:
            raise SignatureError(
                "webhooks from other machines need a secret, and this source has none",
                fix="Set webhook_secret: env:NAME in the source's options",
            )
    except SignatureError as error:
        refuse(source, error.what, incoming.received_at, store, refusals)
        raise
    name = _name_of(source, incoming)
    if _is_known(source.source_id, name, store):
        return Outcome("", 0, is_repeat=True)
    kept = _kept(source, incoming, name)
    try:
        taken = corrected(source, source.receive(incoming), incoming.received_at)
    except UserError as error:
        store.insert(
            TABLES["deliveries"], to_arrow([replace(kept, status="refused", reason=error.what)], Delivery)
        )
        if not error.fix:
            error.fix = (
                f"Have the sender send what `ktlo sources hook {source.source_id}` lists; the body is kept, and"
                f" `ktlo sources replay {source.source_id}` reads it again once the source understands it"
            )
        raise
    rows = sum(batch.num_rows for batch in taken.rows.values())
    told = replace(
        kept, event=taken.event, status="taken" if rows else "ignored", reason=taken.why_ignored, rows=rows
    )
    _write(source, taken, store, incoming.received_at)
    # Last: a delivery that is known has all its rows.
    store.insert(TABLES["deliveries"], to_arrow([told], Delivery))
    nouns = frozenset(name for name, batch in taken.rows.items() if batch.num_rows)
    return Outcome(taken.event, rows, why_ignored=taken.why_ignored, nouns=nouns)


def replay_outdated(source: Source, store: Store) -> int:
    """Read a source's kept deliveries again where an earlier mapping read one: the first run after an upgrade does.

    Returns:
        Deliveries read again.
    """
    if not isinstance(source, Hooked) or not source.setup.reading:
        return 0
    (row,) = store.query(
        "SELECT count() AS n FROM ktlo.deliveries WHERE source = {source:String} AND body != ''"
        " AND reading < {reading:UInt32}",
        {"source": source.source_id, "reading": source.setup.reading},
    ).to_pylist()
    return replay(source, store)[0] if row["n"] else 0


def _key_of(source: Hooked, incoming: Incoming, store: Store, refusals: Refusals) -> str:
    try:
        return secret_of(source)
    except KtloError as error:
        refuse(source, f"webhook_secret cannot be read: {error.what}", incoming.received_at, store, refusals)
        # What is missing is for who runs ktlo, not for who sends.
        raise SourceError(
            "webhooks of this source cannot be proven now",
            fix="Send it again later",
            retry_after=_SECRET_SECONDS,
        ) from error


def refuse(source: Source | Hooked, reason: str, at: dt.datetime, store: Store, refusals: Refusals) -> None:
    """Count a webhook of which nothing was read; a source that takes none has no count."""
    if isinstance(source, Hooked):
        refusals.note(source.source_id, reason, at)
        refusals.write(store, at)


def replay(source: Source, store: Store) -> tuple[int, int]:
    """Read every kept delivery of a source again, by its options as they are now.

    Returns:
        Deliveries read, and rows written from them.

    Raises:
        UserError: the source takes no webhooks.
    """
    if not isinstance(source, Hooked):
        raise UserError(f"{source.source_id} takes no webhooks", fix="`ktlo sources` lists what is connected")
    read = written = 0
    for before in _kept_deliveries(source.source_id, store):
        kept = replace(before, reading=source.setup.reading)
        incoming = Incoming(kept.headers, kept.body.encode(), kept.received_at)
        try:
            taken = corrected(source, source.receive(incoming), incoming.received_at)
        except UserError as error:
            outcome = replace(kept, status="refused", reason=error.what, rows=0)
        else:
            rows = sum(batch.num_rows for batch in taken.rows.values())
            written += rows
            _write(source, taken, store, incoming.received_at)
            outcome = replace(
                kept,
                event=taken.event,
                status="taken" if rows else "ignored",
                reason=taken.why_ignored,
                rows=rows,
            )
        store.insert(TABLES["deliveries"], to_arrow([outcome], Delivery))
        read += 1
    return read, written


def _name_of(source: Hooked, incoming: Incoming) -> str:
    try:
        return named(source.name_of(incoming) or incoming.digest, _LONGEST_NAME)
    except UserError:  # receiving it says why
        return incoming.digest


_writing = threading.Lock()
"""Rows are completed by what is there: two webhooks of one item must not pass each other."""


def _write(source: Source, taken: Taken, store: Store, at: dt.datetime) -> None:
    with _writing:
        _insert(source, taken, store, at)
        if may_change(source):
            for table, removals in reclassified(taken.rows, store).items():
                store.insert(TABLES[table], removals)


def _insert(source: Source, taken: Taken, store: Store, at: dt.datetime) -> None:
    for table, batch in merged(taken.rows, taken.untold, store).items():
        store.insert(TABLES[table], batch)
    told_of(source.source_id, taken.rows, store, at)
    if taken.rejected:
        store.insert(TABLES["rejections"], to_arrow(taken.rejected, Rejection))


def _kept(source: Hooked, incoming: Incoming, name: str) -> Delivery:
    body = incoming.body if len(incoming.body) <= MOST_KEPT else b""
    return Delivery(
        source=source.source_id,
        delivery_id=name,
        received_at=incoming.received_at,
        event="",
        status="taken",
        reason="",
        rows=0,
        times=1,
        headers={
            name: incoming.headers[name] for name in source.setup.kept_headers if name in incoming.headers
        },
        body=body.decode("utf-8", "replace"),
        reading=source.setup.reading,
    )


def _is_known(source_id: str, name: str, store: Store) -> bool:
    found = store.query(
        "SELECT count() AS n FROM ktlo.deliveries WHERE source = {source:String} AND delivery_id = {name:String}"
        " AND status != 'refused'",
        {"source": source_id, "name": name},
    )
    return bool(found["n"][0].as_py())


def _kept_deliveries(source_id: str, store: Store) -> Iterator[Delivery]:
    after = ""
    while True:
        page = store.query(
            "SELECT source, delivery_id, received_at, event, status, reason, rows, times, headers, body, reading"
            " FROM ktlo.deliveries WHERE source = {source:String} AND delivery_id > {after:String} AND body != ''"
            " ORDER BY delivery_id LIMIT {most:UInt32}",
            {"source": source_id, "after": after, "most": _PAGE},
        )
        found: list[Delivery] = from_arrow(page, Delivery)
        if not found:
            return
        yield from found
        after = found[-1].delivery_id
