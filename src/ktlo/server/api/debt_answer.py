"""Debt as JSON: the models that the API takes and answers."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from pydantic import BaseModel, Field

from ktlo.metrics.estimate import Estimate
from ktlo.planning.debt.entry import Amount, Entry, Kind, Status
from ktlo.planning.debt.paid import Paid
from ktlo.planning.debt.returns import return_of
from ktlo.planning.debt.said import Said
from ktlo.server.api.effort import AUTHOR
from ktlo.server.api.metrics import EstimateOut
from ktlo.server.tables import plain

Name = Annotated[str, Field(max_length=500)]


def estimate_out(given: Estimate) -> EstimateOut:
    """An estimate as JSON has it."""
    return EstimateOut(
        value=plain(given.value), low=plain(given.low), high=plain(given.high), n=given.n,
        censored=given.censored, reason=given.reason,
    )  # fmt: skip


class AmountOut(BaseModel):
    """Hours, or hours a month, with what they rest on."""

    value: float | None = Field(description="Mean; null when it is not estimable; see reason.")
    low: float | None = Field(description="Lower end of the 95% interval.")
    high: float | None = Field(description="Upper end of the 95% interval.")
    n: int = Field(description="Observations that it rests on.")
    reason: str = Field(description="Why there is no value.")
    basis: str = Field(description="Where it comes from, in one sentence.")
    is_shown: bool = Field(description="For interest: the records show that it is there.")

    @classmethod
    def of(cls, given: Amount) -> AmountOut:
        """An amount as JSON has it."""
        told = given.estimate
        return cls(
            value=plain(told.value), low=plain(told.low), high=plain(told.high), n=told.n, reason=told.reason,
            basis=given.basis, is_shown=given.is_shown,
        )  # fmt: skip


class StandingOut(BaseModel):
    """What was decided about an entry."""

    status: Status
    reason: str
    expires: dt.date | None
    week: dt.date | None
    author: str
    said_at: dt.datetime | None


class FactOut(BaseModel):
    """A piece of evidence."""

    label: str
    value: Any = Field(description="A number, a text or an instant; null when it is not estimable.")
    unit: str


class KnowerOut(BaseModel):
    """Somebody who knows the code."""

    person: str
    name: str = Field(description="What people call them; the identifier where no name is known.")
    commits: int


class EntryOut(BaseModel):
    """One entry of the register."""

    key: str
    kind: Kind
    title: str
    repository: str
    service: str
    team: str
    path: str
    principal: AmountOut = Field(description="Hours to pay it back.")
    interest: AmountOut = Field(description="Hours a month that it costs.")
    return_in_a_year: EstimateOut = Field(
        description="Hours saved in the year after, for each hour of principal."
    )
    pays_back_in_a_year: float | None = Field(description="Probability.")
    months_to_return: float | None = Field(description="Until it is expected to have paid itself back.")
    is_urgent: bool
    since: dt.datetime | None
    first_seen: dt.datetime | None
    standing: StandingOut
    after: list[str] = Field(description="Keys of entries that must be paid first.")
    evidence: list[FactOut]
    knowers: list[KnowerOut]

    @classmethod
    def of(cls, given: Entry) -> EntryOut:
        """An entry as JSON has it."""
        paying = return_of(given)
        standing = given.standing
        return cls(
            key=given.key,
            kind=given.kind,
            title=given.title,
            repository=given.repository,
            service=given.service,
            team=given.team,
            path=given.path,
            principal=AmountOut.of(given.principal),
            interest=AmountOut.of(given.interest),
            return_in_a_year=estimate_out(paying.ratio),
            pays_back_in_a_year=plain(paying.pays_back),
            months_to_return=plain(paying.months),
            is_urgent=given.is_urgent,
            since=given.since,
            first_seen=given.first_seen,
            standing=StandingOut(
                status=standing.status, reason=standing.reason, expires=standing.expires, week=standing.week,
                author=standing.author, said_at=standing.said_at,
            ),
            after=list(given.after),
            evidence=[FactOut(label=f.label, value=plain(f.value), unit=f.unit) for f in given.evidence],
            knowers=[KnowerOut(person=k.person, name=k.name, commits=k.commits) for k in given.knowers],
        )  # fmt: skip


class RegisterOut(BaseModel):
    """What is owed."""

    answer: str = Field(description="In one sentence.")
    start: dt.datetime = Field(description="Interest is measured from here…")
    end: dt.datetime = Field(description="…to here.")
    owed: int
    interest: EstimateOut = Field(description="Hours a month of all that is shown to cost extra.")
    principal: EstimateOut = Field(description="Hours to pay these back.")
    entries: list[EntryOut] = Field(description="In the order in which to pay.")
    notes: list[str]


class SaidIn(BaseModel):
    """An entry as a person says it."""

    title: Name = Field(description="What it is, in a line.")
    principal: float = Field(description="Hours to pay it back.")
    principal_low: float | None = Field(None, description="At least; half of it when not given.")
    principal_high: float | None = Field(None, description="At most; twice as much when not given.")
    interest: float = Field(description="Hours a month that it costs.")
    interest_low: float | None = Field(None, description="At least; half of it when not given.")
    interest_high: float | None = Field(None, description="At most; twice as much when not given.")
    repository: Name = ""
    path: Name = Field("", description="A file or folder of the repository.")
    service: Name = ""
    team: Name = ""
    note: Name = Field("", description="Why you think so.")
    after: list[str] = Field([], description="Keys of entries that must be paid first.")
    author: Name = Field(AUTHOR, description="Who says it; the register shows the name.")

    def said(self) -> Said:
        """What the journal takes; intervals that are not given are half and twice the value."""
        return Said(
            title=self.title,
            principal=self.principal,
            principal_low=self.principal / 2 if self.principal_low is None else self.principal_low,
            principal_high=self.principal * 2 if self.principal_high is None else self.principal_high,
            interest=self.interest,
            interest_low=self.interest / 2 if self.interest_low is None else self.interest_low,
            interest_high=self.interest * 2 if self.interest_high is None else self.interest_high,
            repository=self.repository,
            path=self.path,
            service=self.service,
            team=self.team,
            note=self.note,
            after=tuple(self.after),
        )


class StandingIn(BaseModel):
    """A decision about an entry."""

    status: Status
    reason: Name = Field("", description="Needed to accept an entry.")
    expires: dt.date | None = Field(None, description="Last day of an acceptance.")
    week: dt.date | None = Field(None, description="A day of the week it is scheduled for.")
    author: Name = AUTHOR


class SlotOut(BaseModel):
    """Hours of one week for one entry."""

    week: dt.date = Field(description="Its Monday.")
    key: str
    title: str
    repository: str
    hours: float
    is_done: bool


class ScheduleOut(BaseModel):
    """Which entry in which week."""

    answer: str
    start: dt.date
    weeks: int
    hours_per_week: float
    basis: str = Field(description="Where these hours come from.")
    hours: float = Field(description="Planned in all.")
    saves: EstimateOut = Field(description="Hours saved in the year after.")
    fits: float | None = Field(description="Probability that it fits into the hours.")
    pays_back: float | None = Field(description="Probability that it pays back within a year.")
    slots: list[SlotOut]
    left: dict[str, str] = Field(description="Entries that are not in it, with why.")


class PaidOut(BaseModel):
    """One repayment."""

    key: str
    kind: Kind
    title: str
    repository: str
    how: str = Field(description="said, gone or refactored.")
    by: str
    paid_at: dt.datetime
    hours: float | None
    before: int | None = Field(description="Bug fixes in the half year before.")
    after: int | None = Field(description="Bug fixes since, at most half a year.")
    expected: float | None = Field(description="Bug fixes of files as bad that were left alone.")
    weeks_needed: int | None = Field(description="Further weeks until halving would be seen.")
    sentence: str

    @classmethod
    def of(cls, given: Paid) -> PaidOut:
        """A repayment as JSON has it."""
        payoff = given.payoff
        return cls(
            key=given.key,
            kind=given.kind,
            title=given.title,
            repository=given.repository,
            how=given.how.value,
            by=given.by,
            paid_at=given.paid_at,
            hours=plain(given.hours),
            before=payoff.before if payoff else None,
            after=payoff.after if payoff else None,
            expected=plain(payoff.expected) if payoff else None,
            weeks_needed=payoff.weeks_needed if payoff else None,
            sentence=given.sentence,
        )


class PaidsOut(BaseModel):
    """What paid off."""

    ratio: EstimateOut = Field(
        description="Bug fixes after refactorings over those of files as bad, left alone."
    )
    basis: str
    paid: list[PaidOut]
