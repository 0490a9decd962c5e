"""Whether too many names of services report, and which clients send them: what pages, API and ``ktlo doctor`` tell."""

from __future__ import annotations

import datetime as dt

from ktlo.receivers.namers import Namer
from ktlo.server.receiving import Receiving
from ktlo.server.runtime import Runtime
from ktlo.telemetry.sprawl import Sprawl, names_within
from ktlo.wording import counted


def sprawl_of(receiving: Receiving | None, running: Runtime) -> Sprawl:
    """How many names reported within a day, against what the settings allow.

    Args:
        receiving: knows who sends; ``None`` where nothing is received.
        running: its store and settings.
    """
    # What has no address is ktlo itself, which reports as one service.
    senders = [one for one in receiving.namers.most() if one.client.address] if receiving else []
    return Sprawl(
        names_within(running.store, dt.datetime.now(dt.UTC)),
        running.settings.telemetry.many_services,
        tuple(_words(one) for one in senders if one.names * 10 >= senders[0].names),
    )


def _words(one: Namer) -> str:
    host = f", host {one.host}" if one.host else ""
    names = counted(one.names, "names")
    return f"{one.client} ({names}, the last new one {one.example or '(empty)'}{host})"
