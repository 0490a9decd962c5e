"""Asks a source how it is, and looks at what the source itself does not see: whether its webhooks can be proven here.

A reference to a secret is resolved in the process that takes webhooks, which need not have the variables of the shell
in which the source was added.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ktlo.errors import KtloError
from ktlo.sources.hooked import Hooked, only_listens, secret_of
from ktlo.sources.protocol import Health, Missing, Source, Status


def secret_problem(source: Source) -> Missing | None:
    """What is wrong with the secret of a source's webhooks in this process; ``None`` when nothing is."""
    if not isinstance(source, Hooked):
        return None
    try:
        secret_of(source)
    except KtloError as error:
        is_variable = source.webhook_secret.startswith("env:")
        return Missing(
            f"webhook_secret, which the process of ktlo cannot read: {error.what}",
            "deliveries are refused, to be sent again, until it can",
            "Set it for that process and start that again"
            if is_variable
            else error.fix or "Mend the reference, or what it leads to",
        )
    return None


async def health_of(source: Source) -> Health:
    """Can it be reached, can its webhooks be proven, and what is missing? As :meth:`Source.check`."""
    health = await source.check()
    problem = await asyncio.to_thread(secret_problem, source)
    if problem is None:
        return health
    return replace(
        health,
        status=Status.UNREACHABLE if health.status is Status.UNREACHABLE else Status.LIMITED,
        summary="Deliveries are refused: their secret cannot be read"
        if only_listens(source)
        else health.summary,
        missing=(problem, *health.missing),
    )
