"""The receivers over HTTP: doors, signals, what came from which service by minute, and what was turned away and why."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from ktlo.receivers.tally import MINUTES
from ktlo.records.telemetry import ITSELF
from ktlo.server.api.metrics import Running
from ktlo.server.receiving import Receiving
from ktlo.server.runtime import Runtime
from ktlo.server.sprawl import sprawl_of
from ktlo.telemetry.sprawl import Sprawl
from ktlo.telemetry.stored import STREAMS, Stored, stored

router = APIRouter(tags=["telemetry"])


class DoorOut(BaseModel):
    """One way in."""

    protocol: str
    address: str = Field(description="What senders are configured with; empty when it is closed.")
    setting: str = Field(description="How a sender is told.")
    problem: str
    requests: int = Field(description="Requests answered with success since the process began.")
    refused: dict[str, int] = Field(description="Requests refused as a whole, by reason.")


class SenderOut(BaseModel):
    """What one service sent lately."""

    service: str
    is_ktlo: bool = Field(False, description="This ktlo, which observes itself.")
    by_minute: list[int] = Field(
        description=f"Items kept in each of the last {MINUTES} minutes, oldest first."
    )
    items: int
    rejected: int


class SignalOut(BaseModel):
    """One signal: what is stored, and what came in since the process began."""

    signal: str
    item: str = Field(description="What one item is called.")
    stored: int = Field(description="Items in the store.")
    newest: dt.datetime | None = Field(description="When the newest of them arrived.")
    keep_days: int
    requests: int = 0
    items: int = 0
    own: int = Field(0, description="Of these, what ktlo reported of itself.")
    rejected: dict[str, int] = Field(default_factory=dict, description="Items that were not kept, by reason.")
    warned: dict[str, int] = Field(
        default_factory=dict, description="Items kept without something, by reason."
    )
    resent: int = Field(0, description="Requests that had been acknowledged before and were not kept twice.")
    shed: int = Field(0, description="Requests refused because there was no room; senders try again.")
    malformed: dict[str, int] = Field(
        default_factory=dict, description="Requests not read at all, by reason."
    )
    waiting_bytes: int = Field(0, description="On disk, not yet in the store.")
    set_aside: int = Field(0, description="Segments of which the store does not take something.")
    no_room: str = Field(
        "", description="Why the last request was refused; empty when there was room for it."
    )
    last_error: str = Field(
        "", description="Why the store does not take what was received; empty when it does."
    )
    senders: list[SenderOut] = Field(default_factory=list)


class SprawlOut(BaseModel):
    """Names of services within a day."""

    names: int = Field(description="Different ones, of all signals.")
    limit: int = Field(description="Setting telemetry.many_services.")
    is_too_many: bool
    most_from: list[str] = Field(description="Clients that sent most of them since midnight (UTC), in words.")
    said: str = Field(description="What is wrong, in words; empty when nothing is.")

    @classmethod
    def of(cls, given: Sprawl) -> SprawlOut:
        """As JSON has it."""
        return cls(
            names=given.names,
            limit=given.limit,
            is_too_many=given.is_too_many,
            most_from=list(given.most_from),
            said=given.said,
        )


class StateOut(BaseModel):
    """The receivers."""

    receiving: bool
    is_well: bool = Field(description="Every door is open, there is room, and the store takes what comes.")
    doors: list[DoorOut]
    signals: list[SignalOut]
    observes_itself: bool = Field(False, description="ktlo reports of itself, as service `ktlo`.")
    names: SprawlOut


def state_of(request: Request, running: Runtime) -> StateOut:
    """The receivers and what they brought."""
    receiving: Receiving | None = request.app.state.receiving
    said = running.settings.telemetry
    listed = [_signal(stored(running.store, of), getattr(said, of.kept), receiving) for of in STREAMS]
    doors = _doors(receiving)
    return StateOut(
        receiving=receiving is not None,
        is_well=all(door.address for door in doors)
        and not any(one.last_error or one.no_room for one in listed),
        doors=doors,
        signals=listed,
        observes_itself=receiving is not None and receiving.observes_itself,
        names=SprawlOut.of(sprawl_of(receiving, running)),
    )


def _doors(receiving: Receiving | None) -> list[DoorOut]:
    listed = []
    for door in receiving.doors if receiving else ():
        tally = receiving.front.door(door.protocol) if receiving else None
        listed.append(
            DoorOut(
                protocol=door.protocol,
                address=door.address,
                setting=door.setting,
                problem=door.problem,
                requests=tally.requests if tally else 0,
                refused=dict(tally.refused) if tally else {},
            )
        )
    return listed


def _signal(there: Stored, keep_days: int, receiving: Receiving | None) -> SignalOut:
    told = SignalOut(
        signal=there.stream.signal,
        item=there.stream.item,
        stored=there.items,
        newest=there.newest,
        keep_days=keep_days,
    )
    if receiving is None:
        return told
    intake = next(one for one in receiving.intakes if one.name == there.stream.signal)
    tally = intake.tally
    return told.model_copy(
        update={
            "requests": tally.requests,
            "items": tally.items,
            "own": tally.own,
            "rejected": dict(tally.rejected),
            "warned": dict(tally.warned),
            "resent": tally.resent,
            "shed": tally.shed,
            "malformed": dict(tally.malformed),
            "waiting_bytes": intake.waiting,
            "set_aside": tally.set_aside,
            "no_room": tally.no_room,
            "last_error": tally.last_error,
            "senders": [
                SenderOut(
                    service=one.service,
                    is_ktlo=receiving.observes_itself and one.service == ITSELF,
                    by_minute=list(one.by_minute),
                    items=one.items,
                    rejected=one.rejected,
                )
                for one in intake.arrivals.recent()
            ],
        }
    )


@router.get("/telemetry")
def telemetry_state(request: Request, running: Running) -> StateOut:
    """Where telemetry is received, what came, and what was turned away."""
    return state_of(request, running)
