"""The schedule in force: published plans, then approved swaps, then overrides, in the order they were said.

A swap that no longer fits when its turn comes (the shift went to somebody else meanwhile) changes nothing and is
told as overtaken, so two people who ask for the same shift at once cannot both get it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ktlo.planning.rota.duties import Because, Duty, overlaps
from ktlo.planning.rota.journal import Override, Published, overrides, published
from ktlo.planning.rota.rules import SHADOW
from ktlo.planning.rota.swaps import Step, Swap, swaps
from ktlo.store.state import State


@dataclass(frozen=True, slots=True)
class Schedule:
    """Who has which duty in one rota.

    Attributes:
        rota: its name.
        duties: by start and role; covers the past as well.
        swaps: every swap that was asked for, with where it stands.
        planned_until: end of the last published plan; ``None`` before the first.
    """

    rota: str
    duties: tuple[Duty, ...]
    swaps: tuple[Swap, ...]
    planned_until: dt.datetime | None

    def at(self, moment: dt.datetime) -> tuple[Duty, ...]:
        """Duties of a moment."""
        return tuple(duty for duty in self.duties if duty.start <= moment < duty.end)

    def between(self, start: dt.datetime, end: dt.datetime) -> tuple[Duty, ...]:
        """Duties that have a moment in common with a span."""
        return tuple(duty for duty in self.duties if overlaps(duty.span, (start, end)))

    def next_after(self, moment: dt.datetime, role: str) -> Duty | None:
        """The first duty of a role that begins after a moment."""
        return next((duty for duty in self.duties if duty.role == role and duty.start > moment), None)

    def find(self, role: str, start: dt.datetime) -> Duty | None:
        """The duty of a role that begins at a moment."""
        return next((duty for duty in self.duties if duty.role == role and duty.start == start), None)


def in_force(state: State, rota: str) -> Schedule:
    """The schedule of a rota as everything that was said so far makes it."""
    plans = published(state, rota)
    asked = swaps(state, rota)
    duties: list[Duty] = []
    told: dict[str, Swap] = {swap.number: swap for swap in asked}
    approved = [swap for swap in asked if swap.step is Step.APPROVED]
    steps: list[Published | Swap] = [*plans, *approved]
    for step in sorted(steps, key=lambda one: one.said_at):
        if isinstance(step, Published):
            duties = with_plan(duties, step)
        else:
            swapped = with_swap(duties, step)
            if swapped is None:
                told[step.number] = replace(step, step=Step.OVERTAKEN)
            else:
                duties = swapped
    for standing_in in overrides(state, rota):
        duties = with_override(duties, standing_in)
    duties.sort(key=lambda duty: (duty.start, duty.role == SHADOW, duty.role, duty.person))
    return Schedule(rota, tuple(duties), tuple(told.values()), max((p.end for p in plans), default=None))


def with_plan(duties: Iterable[Duty], plan: Published) -> list[Duty]:
    """Duties with those of a plan in place of its roles' duties in its time; those that reach in are cut."""
    kept = []
    for duty in duties:
        if duty.role not in (*plan.roles, SHADOW) or not overlaps(duty.span, (plan.start, plan.end)):
            kept.append(duty)
            continue
        if duty.start < plan.start:
            kept.append(replace(duty, end=plan.start))
        if duty.end > plan.end:
            kept.append(replace(duty, start=plan.end))
    return [*kept, *plan.duties]


def with_swap(duties: list[Duty], swap: Swap) -> list[Duty] | None:
    """Duties after a swap; ``None`` when one of the two no longer has what was swapped."""
    changed = list(duties)
    for role, start, giver, taker in swap.moves():
        place = next(
            (
                index
                for index, duty in enumerate(changed)
                if duty.role == role and duty.start == start and duty.person == giver
            ),
            None,
        )
        if place is None:
            return None
        changed[place] = replace(changed[place], person=taker, because=Because.SWAP)
    return changed


def with_override(duties: Iterable[Duty], standing_in: Override) -> list[Duty]:
    """Duties with somebody standing in: what it covers is cut out, and it is put there."""
    span = standing_in.start, standing_in.end
    kept = []
    for duty in duties:
        if duty.role != standing_in.role or not overlaps(duty.span, span):
            kept.append(duty)
            continue
        if duty.start < span[0]:
            kept.append(replace(duty, end=span[0]))
        if duty.end > span[1]:
            kept.append(replace(duty, start=span[1]))
    standing = Duty(standing_in.rota, standing_in.role, standing_in.person, *span, Because.OVERRIDE)
    return [*kept, standing]
