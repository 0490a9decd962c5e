"""``POST /hooks/SOURCE``: where other services send their webhooks.

Each source proves its senders itself (``sources/hooked``), so no token of ktlo's is asked. A webhook is answered 200
after its rows are durable; 401 without proof; 400 for what the source does not understand (kept, with the reason); 503
when the store does not take it now, or the secret cannot be read here, so that the sender tries again.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from ktlo.errors import StoreError, TooLargeError, UserError
from ktlo.server.collecting import Collecting
from ktlo.server.deriving import TOLD
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.sources.delivering import deliver, refuse
from ktlo.sources.hooked import Incoming
from ktlo.sources.refusals import EVERY, Refusals
from ktlo.store.protocol import Store

router = APIRouter(tags=["webhooks"])

_log = logging.getLogger(__name__)

LARGEST = 25 << 20
"""Bytes of a webhook's body; GitHub's own limit, the largest of those read here."""


class TakenOut(BaseModel):
    """What became of a webhook."""

    event: str = Field(description="What it tells of, as the sender names it; empty for a repeat.")
    rows: int = Field(description="Rows written.")
    is_repeat: bool = Field(description="It had been taken before.")
    why_ignored: str = Field(description="Why nothing of it is used; empty when something is.")


@router.post("/hooks/{source:path}")
async def take(request: Request, source: str) -> TakenOut:
    """Take a webhook for a source."""
    runtime: Runtime = request.app.state.runtime
    access: Access = request.app.state.access
    collecting: Collecting = request.app.state.collecting
    refusals: Refusals = request.app.state.refusals
    try:
        body = await _body(request)
    except TooLargeError as error:
        at, why = dt.datetime.now(dt.UTC), error.what
        await run_in_threadpool(lambda: refuse(runtime.source(source), why, at, runtime.store, refusals))
        raise
    incoming = Incoming(
        {name.lower(): value for name, value in request.headers.items()},
        body,
        dt.datetime.now(dt.UTC),
        dict(request.query_params),
    )

    def work() -> TakenOut:
        outcome = deliver(
            runtime.source(source), incoming, runtime.store, refusals, needs_secret=bool(access.token)
        )
        if outcome.nouns & TOLD:
            collecting.deriving.ask()
        return TakenOut(
            event=outcome.event,
            rows=outcome.rows,
            is_repeat=outcome.is_repeat,
            why_ignored=outcome.why_ignored,
        )

    return await run_in_threadpool(work)


@router.head("/hooks/{source:path}", include_in_schema=False)
@router.get("/hooks/{source:path}", include_in_schema=False)
def is_there(request: Request, source: str) -> Response:
    """Senders that test an address by GET find it there, and learn nothing."""
    del request, source
    return Response(status_code=204)


async def _body(request: Request) -> bytes:
    told = request.headers.get("content-length", "")
    pieces, size = [], int(told) if told.isdigit() else 0
    if size <= LARGEST:
        size = 0
        try:
            async for piece in request.stream():
                size += len(piece)
                if size > LARGEST:
                    break
                pieces.append(piece)
        except ClientDisconnect:
            raise UserError(
                "the sender left in the middle of the body", fix="Send it again, with a longer time-out"
            ) from None
    if size > LARGEST:
        raise TooLargeError(
            f"a webhook of more than {LARGEST >> 20} MiB is not taken",
            fix="Have the sender send fewer events at once",
        )
    return b"".join(pieces)


async def write_refusals(refusals: Refusals, store: Store) -> None:
    """Write what was counted and is not yet in the store, every few seconds until cancelled, and then what is left."""

    def write(*, is_last: bool = False) -> None:
        try:
            refusals.write(store, dt.datetime.now(dt.UTC), is_last=is_last)
        except StoreError as error:
            _log.warning("counts of refused webhooks wait for the store: %s", error)

    try:
        while True:
            await asyncio.sleep(EVERY.total_seconds())
            await run_in_threadpool(write)
    finally:
        write(is_last=True)
