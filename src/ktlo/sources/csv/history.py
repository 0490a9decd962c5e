"""The life of an incident or issue from its states in order: taken, resolved, reopened, closed.

Pure: steps in, transitions and phases out. A transition is a change of the state's own name; the same
state again is none. A reopening is a step from an ended state (resolved, closed, cancelled) back to one
that is not. The last resolution is the last step *into* an ended state: rows that only touch an item that
is already resolved do not move it.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Sequence
from dataclasses import dataclass

from ktlo.sources.csv.states import ENDED, StateClass


@dataclass(frozen=True, slots=True)
class Step:
    """One row of an event log.

    Attributes:
        at: when it was written.
        state: the state's own name.
        means: what the state means.
        actor: who wrote it.
        team: who had it then.
    """

    at: dt.datetime
    state: str
    means: StateClass
    actor: str
    team: str


class Change(enum.StrEnum):
    """What a transition is; the names are those of ``incident_events.kind``."""

    DETECTED = "detected"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CLOSED = "closed"
    STATUS = "status"
    REASSIGNED = "reassigned"


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state (or of team, for ``REASSIGNED``)."""

    at: dt.datetime
    kind: Change
    actor: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Life:
    """What the steps say together.

    Attributes:
        transitions: in order, beginning with ``DETECTED``.
        acknowledged_at: first step that was not new any more.
        mitigated_at: when the harm ended for the last time; ``None`` when a reopening undid it.
        resolved_at: last step into an ended state; ``None`` while open at the end.
        closed_at: last step into closed or cancelled; ``None`` when it is not.
        reopen_count: steps from an ended state back.
        last: what the last state means.
    """

    transitions: tuple[Transition, ...]
    acknowledged_at: dt.datetime | None
    mitigated_at: dt.datetime | None
    resolved_at: dt.datetime | None
    closed_at: dt.datetime | None
    reopen_count: int
    last: StateClass


def life_of(steps: Sequence[Step], detected_at: dt.datetime) -> Life:
    """Read a life from its steps, in the order they happened (at least one).

    Args:
        steps: rows of one item.
        detected_at: when it was noticed; steps before it count from then on, because nothing can be
            acknowledged or resolved before it is there.
    """
    first = steps[0]
    transitions = [Transition(detected_at, Change.DETECTED, first.actor, "", first.state)]
    acknowledged = mitigated = resolved = closed = None
    reopened = 0
    state, means, team = first.state, StateClass.NEW, first.team
    for number, step in enumerate(steps):
        at = max(step.at, detected_at)
        if step.team != team and step.team:
            transitions.append(Transition(at, Change.REASSIGNED, step.actor, team, step.team))
            team = step.team
        if step.state == state and number:
            continue
        if means in ENDED and step.means not in ENDED:
            reopened += 1
            mitigated = resolved = closed = None
            kind = Change.REOPENED
        else:
            kind = _kind(means, step.means)
        if acknowledged is None and step.means is not StateClass.NEW:
            acknowledged = at
        if step.means is StateClass.MITIGATED and means is not StateClass.MITIGATED:
            mitigated = at
        elif step.means in (StateClass.NEW, StateClass.ACTIVE, StateClass.WAITING):
            # Back from monitoring to work: the harm had not ended after all.
            mitigated = None
        if step.means in ENDED and means not in ENDED:
            resolved = at
        if step.means in (StateClass.CLOSED, StateClass.CANCELLED):
            if means not in (StateClass.CLOSED, StateClass.CANCELLED):
                closed = at
        else:
            closed = None
        if number or step.means is not StateClass.NEW:
            transitions.append(Transition(at, kind, step.actor, state if number else "", step.state))
        state, means = step.state, step.means
    return Life(tuple(transitions), acknowledged, mitigated, resolved, closed, reopened, means)


def _kind(before: StateClass, after: StateClass) -> Change:
    if after is before:
        return Change.STATUS
    if after in (StateClass.CLOSED, StateClass.CANCELLED):
        return Change.CLOSED
    if after is StateClass.RESOLVED:
        return Change.RESOLVED if before not in ENDED else Change.STATUS
    if after is StateClass.MITIGATED:
        return Change.MITIGATED
    if before is StateClass.NEW and after is not StateClass.NEW:
        return Change.ACKNOWLEDGED
    return Change.STATUS
