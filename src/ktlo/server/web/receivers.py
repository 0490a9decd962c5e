"""The page Telemetry: where to send, what came from whom, what was turned away and why."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from ktlo.report.charts.chart import Head
from ktlo.report.charts.sparkline import Sparkline
from ktlo.server.api.metrics import Running
from ktlo.server.api.receivers import SenderOut, SignalOut, StateOut, state_of
from ktlo.server.api.telemetry_forward import forwards_of
from ktlo.server.web.rendering import render

router = APIRouter()

MOST_SENDERS = 50
"""Services of a signal in the table of senders, those that sent most; the API has more."""


@dataclass(frozen=True, slots=True)
class SenderRow:
    """A service in the table of senders.

    Attributes:
        signal: what it sent.
        sender: how much.
        picture: of its last hour.
    """

    signal: SignalOut
    sender: SenderOut
    picture: Markup


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A reason for which something was not kept.

    Attributes:
        what: requests, or items of a signal.
        number: of them.
        reason: why.
    """

    what: str
    number: int
    reason: str


@router.get("/telemetry")
def telemetry_page(request: Request, running: Running) -> Response:
    """The ways in: where to send, what came, what was turned away."""
    state = state_of(request, running)
    return render(
        request,
        "telemetry.html",
        "telemetry",
        state=state,
        senders=_senders(state),
        more_senders=sum(max(len(one.senders) - MOST_SENDERS, 0) for one in state.signals),
        turned_away=_turned_away(state),
        forwards=forwards_of(request),
        now=dt.datetime.now(dt.UTC),
    )


@router.get("/telemetry.json")
def telemetry_json(request: Request, running: Running) -> StateOut:
    """The same as JSON."""
    return state_of(request, running)


def _senders(state: StateOut) -> list[SenderRow]:
    rows = []
    for signal in state.signals:
        for number, sender in enumerate(signal.senders[:MOST_SENDERS]):
            head = Head(f"{signal.signal}-{number}", f"{signal.item}s of {sender.service or '(no name)'}")
            picture = Sparkline(head, _whole_minutes(sender.by_minute)).svg()
            rows.append(SenderRow(signal, sender, picture))
    return rows


def _whole_minutes(by_minute: list[int]) -> tuple[float | None, ...]:
    """Minutes that can be told in full: not the one in which a sender began, nor the one that runs."""
    first = next((place for place, items in enumerate(by_minute) if items), len(by_minute))
    return tuple(float(items) if place > first else None for place, items in enumerate(by_minute[:-1]))


def _turned_away(state: StateOut) -> list[TurnedAway]:
    rows = []
    for signal in state.signals:
        item = f"{signal.item}s"
        rows += [TurnedAway(f"{item} rejected", n, reason) for reason, n in signal.rejected.items()]
        rows += [TurnedAway(f"{item} mended", n, reason) for reason, n in signal.warned.items()]
        if signal.shed:
            rows.append(
                TurnedAway(
                    f"requests of {signal.signal} told to wait", signal.shed, "no room; senders try again"
                )
            )
    for door in state.doors:
        rows += [TurnedAway(f"{door.protocol} requests", n, reason) for reason, n in door.refused.items()]
    return rows
