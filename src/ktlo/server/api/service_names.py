"""What different tools call the same service: the catalogue with telemetry's names, and how to say which is which."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from ktlo.effort.telemetry_names import Unjoined, read_members, read_unjoined, say
from ktlo.server.api.effort import AUTHOR
from ktlo.server.api.metrics import Running

router = APIRouter(tags=["services"])


class MemberOut(BaseModel):
    """One thing that belongs to a service."""

    service: str
    kind: str = Field(description="repository, service (as a source names it), workload or telemetry.")
    member: str
    team: str
    found_in: str
    certainty: str = Field(description="said, evidence or name.")


class ProposalOut(BaseModel):
    """A service that a name in telemetry may mean."""

    service: str
    why: str


class UnjoinedOut(BaseModel):
    """A service of telemetry that belongs to no service of the catalogue."""

    name: str
    calls: int = Field(description="Spans in all that is kept, of every kind.")
    environments: list[str]
    proposals: list[ProposalOut]

    @classmethod
    def of(cls, one: Unjoined) -> UnjoinedOut:
        """As JSON has it."""
        return cls(
            name=one.reported.name,
            calls=one.reported.calls,
            environments=list(one.reported.environments),
            proposals=[ProposalOut(service=each.service, why=each.why) for each in one.proposals],
        )


class NamesOut(BaseModel):
    """The catalogue, and what could not be joined to it."""

    members: list[MemberOut]
    unjoined: list[UnjoinedOut] = Field(
        description="Services of telemetry without a service of the catalogue, the 200 with most calls."
    )


class SaidName(BaseModel):
    """Which service a name in telemetry means."""

    name: str = Field(description="service.name.", min_length=1, max_length=2_000)
    service: str = Field(
        "", description="Service of the catalogue, or a new one; empty takes it back.", max_length=2_000
    )


def names_of(running: Running) -> NamesOut:
    """What the page and the API show."""
    return NamesOut(
        members=[
            MemberOut(
                service=one.service,
                kind=one.kind,
                member=one.member,
                team=one.team,
                found_in=one.found_in,
                certainty=one.certainty,
            )
            for one in read_members(running.store)
        ],
        unjoined=[UnjoinedOut.of(one) for one in read_unjoined(running.store)],
    )


@router.get("/service-names")
def list_service_names(running: Running) -> NamesOut:
    """What belongs to which service, how that is known, and which services of telemetry belong to none."""
    return names_of(running)


@router.post("/service-names")
def say_service_name(running: Running, said: SaidName) -> NamesOut:
    """Say which service a name in telemetry means; in force at once."""
    say(running.store, running.state, running.settings.services, said.name, said.service, AUTHOR)
    return names_of(running)
