"""What statuses of sources mean, over HTTP: every one that was seen, by which rule, and saying what it means."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ktlo.effort.episodes import derive_phases
from ktlo.effort.statuses import Meaning, Status, say_status, seen_statuses
from ktlo.server.api.effort import AUTHOR
from ktlo.server.api.metrics import Running
from ktlo.server.runtime import Runtime

router = APIRouter(tags=["sources"])


class StatusOut(BaseModel):
    """One status that a source told, and what it is taken for."""

    source: str
    status: str
    items: int = Field(description="Incidents or issues that were ever in it.")
    steps: int = Field(description="Steps into it.")
    last_at: dt.datetime
    meaning: Meaning | None = Field(description="Null when nobody knows: such steps change no phase.")
    rule: str = Field(description="a person, ktlo.yaml, the source, known words, or not known.")
    default: Meaning | None = Field(description="What it is taken for when the team says nothing.")

    @classmethod
    def of(cls, one: Status) -> StatusOut:
        """A status as JSON has it."""
        return cls(
            source=one.source,
            status=one.status,
            items=one.items,
            steps=one.steps,
            last_at=one.last_at,
            meaning=one.meaning,
            rule=one.rule,
            default=one.default,
        )


class Saying(BaseModel):
    """What a status means from now on, and for the past."""

    source: str = Field(description="Identifier of the source.")
    status: str = Field(description="The status as the source names it; upper and lower case do not matter.")
    meaning: str = Field(
        "",
        description="new, active, waiting, mitigated, resolved, closed, cancelled or ignored; empty takes it back.",
    )


class SaidOut(BaseModel):
    """What followed."""

    episodes: int = Field(description="Episodes of incidents and bugs that were worked out anew.")


def say(running: Runtime, source: str, status: str, meaning: str) -> int:
    """Say what a status means and work out all phases anew; how many episodes there are.

    Raises:
        UserError: there is no such meaning.
        NotFoundError: the source never told such a status.
    """
    say_status(running.store, running.settings, running.state, source, status, meaning, AUTHOR)
    return derive_phases(running.store, running.state, running.settings)


@router.get("/sources/statuses")
def list_statuses(
    running: Running,
    source: Annotated[str, Query(description="Identifier of a source; all when empty.")] = "",
) -> list[StatusOut]:
    """Every status that sources told, how often, what it is taken for and by which rule."""
    return [
        StatusOut.of(one) for one in seen_statuses(running.store, running.settings, running.state, source)
    ]


@router.post("/sources/statuses")
def say_what_a_status_means(running: Running, saying: Saying) -> SaidOut:
    """Say what a status means; phases of the past follow at once, nothing is read again."""
    return SaidOut(episodes=say(running, saying.source, saying.status, saying.meaning))
