"""Swaps: asked by one, accepted by the other, approved by a third; each step is a new word in the journal.

A swap hands one duty over, and may take another in return. Who may approve is in the rota's ``approvers``;
without any, every member who is not part of it. Names are taken on trust: ktlo has no accounts of its own.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ktlo.errors import NotFoundError, UsageError
from ktlo.planning.rota.duties import Duty
from ktlo.planning.rota.journal import SWAP, number_of
from ktlo.planning.rota.rules import Person, Rota, find_person
from ktlo.store.state import State

_ONE_AT_A_TIME = threading.Lock()


class Step(enum.StrEnum):
    """Where a swap stands."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    OVERTAKEN = "overtaken"
    """Approved, but one of the two no longer had what was swapped."""

    @property
    def is_open(self) -> bool:
        """True while somebody has to say something."""
        return self in (Step.ASKED, Step.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Swap:
    """One swap.

    Attributes:
        number: identifier.
        rota: name of the rota.
        role: of the duty that is handed over.
        start: of that duty.
        giver: who hands it over.
        taker: who takes it.
        return_role: role of the duty taken in return; empty for none.
        return_start: its start.
        step: where it stands.
        reason: as it was told.
        asked_at: when it was asked for.
        said_at: when its last step was said.
        said_by: who said that.
    """

    number: str
    rota: str
    role: str
    start: dt.datetime
    giver: str
    taker: str
    return_role: str
    return_start: dt.datetime | None
    step: Step
    reason: str
    asked_at: dt.datetime
    said_at: dt.datetime
    said_by: str

    def moves(self) -> Iterator[tuple[str, dt.datetime, str, str]]:
        """Role, start, from whom and to whom, of each duty that changes hands."""
        yield self.role, self.start, self.giver, self.taker
        if self.return_start is not None:
            yield self.return_role, self.return_start, self.taker, self.giver


def ask(
    state: State,
    rota: Rota,
    duty: Duty,
    taker: Person,
    *,
    in_return: Duty | None = None,
    reason: str = "",
    author: str,
    now: dt.datetime,
) -> Swap:
    """Ask somebody to take a duty.

    Args:
        state: the journal.
        rota: the rota of both.
        duty: what is handed over.
        taker: who is asked.
        in_return: a duty of theirs that is taken in return.
        reason: for the reader.
        author: who asks; must be whoever has the duty, which is not checked against an account.
        now: the moment of asking.

    Raises:
        UsageError: with oneself, in the past, not theirs to give in return, or asked already.
    """
    if taker.key == duty.person:
        raise UsageError(f"{taker.name} already has that shift", fix="Ask somebody else to take it")
    if duty.end <= now:
        raise UsageError("that shift is over", fix="Only shifts to come can be swapped")
    if in_return is not None and in_return.person != taker.key:
        raise UsageError(
            f"the shift taken in return is not {taker.name}'s",
            fix="Name one that they have: `ktlo rota show`",
        )
    if in_return is not None and in_return.end <= now:
        raise UsageError("the shift taken in return is over", fix="Name one to come")
    number = number_of("swap", rota.name, duty.role, duty.start, duty.person, taker.key)
    said: dict[str, Any] = {
        "rota": rota.name,
        "role": duty.role,
        "start": duty.start.isoformat(),
        "giver": duty.person,
        "taker": taker.key,
        "return_role": in_return.role if in_return else "",
        "return_start": in_return.start.isoformat() if in_return else "",
        "reason": reason[:500],
        "step": Step.ASKED,
    }
    with _ONE_AT_A_TIME:
        before = _by_number(state, rota.name).get(number)
        if before is not None and before.step.is_open:
            raise UsageError(
                f"{taker.name} was already asked for that shift ({number})",
                fix="Wait for the answer, or ask another",
            )
        state.correct(SWAP, number, json.dumps(said), author)
        return _by_number(state, rota.name)[number]


_AFTER = {
    Step.ACCEPTED: (Step.ASKED,),
    Step.APPROVED: (Step.ACCEPTED,),
    Step.REFUSED: (Step.ASKED, Step.ACCEPTED),
    Step.WITHDRAWN: (Step.ASKED, Step.ACCEPTED),
}


def say(state: State, rota: Rota, number: str, step: Step, said_by: str) -> Swap:
    """Accept, approve, refuse or withdraw a swap.

    Args:
        state: the journal.
        rota: its rota.
        number: of the swap.
        step: what is said.
        said_by: who says it: key, name or alias.

    Raises:
        NotFoundError: no swap of that number, or nobody of that name.
        UsageError: it is not that person's to say, or not the time to say it.
    """
    if step not in _AFTER:
        raise UsageError(f"a swap cannot be {step}", fix=f"Choose one of: {', '.join(_AFTER)}")
    with _ONE_AT_A_TIME:
        swap = _by_number(state, rota.name).get(number)
        if swap is None:
            raise NotFoundError(f"there is no swap {number[:40]!r}", fix="`ktlo rota swap` lists them")
        if swap.step not in _AFTER[step]:
            needed = " or ".join(_AFTER[step])
            raise UsageError(
                f"the swap is {swap.step}; it can be {step} when it is {needed}",
                fix="The other person accepts first, then an approver approves"
                if step is Step.APPROVED
                else "Ask for a new one",
            )
        author = _who(rota, swap, step, said_by)
        entry = next(entry for entry in state.corrections(SWAP) if entry.key == number)
        said = {**json.loads(entry.value), "step": step}
        state.correct(SWAP, number, json.dumps(said), author)
        return _by_number(state, rota.name)[number]


def _who(rota: Rota, swap: Swap, step: Step, said_by: str) -> str:
    """The key of whoever says it, if it is theirs to say."""
    person = find_person(rota.members, said_by)
    key = person.key if person else said_by.strip()
    names = {member.key: member.name for member in rota.members}
    if step is Step.ACCEPTED and key != swap.taker:
        raise UsageError(
            f"only {names.get(swap.taker, swap.taker)} can accept this", fix="Say who you are with --as NAME"
        )
    if step is Step.WITHDRAWN and key != swap.giver:
        raise UsageError(
            f"only {names.get(swap.giver, swap.giver)} can withdraw this", fix="They asked for it"
        )
    if step is Step.APPROVED:
        if key in (swap.giver, swap.taker):
            raise UsageError("a swap is approved by somebody who is not part of it", fix="Ask an approver")
        allowed = {approver_key(rota, approver) for approver in rota.approvers} or set(names)
        if key not in allowed:
            raise UsageError(
                f"{said_by[:60] or 'nobody'} may not approve swaps of {rota.name}",
                fix=f"Ask {' or '.join(sorted(names.get(one, one) for one in allowed))}",
            )
    if step is Step.REFUSED:
        allowed = {swap.giver, swap.taker, *(approver_key(rota, one) for one in rota.approvers), *names}
        if key not in allowed:
            raise UsageError(
                f"{said_by[:60] or 'nobody'} has no say in this swap", fix="Say who you are with --as"
            )
    return key


def approver_key(rota: Rota, said: str) -> str:
    """The key of an approver who is a member; else the name as it was said."""
    person = find_person(rota.members, said)
    return person.key if person else said


def swaps(state: State, rota: str) -> Sequence[Swap]:
    """Every swap of a rota with its last step, in the order they were asked for."""
    return list(_by_number(state, rota).values())


def _by_number(state: State, rota: str) -> dict[str, Swap]:
    found: dict[str, Swap] = {}
    for entry in state.history(SWAP):
        if not entry.value:
            continue
        said = json.loads(entry.value)
        if said["rota"] != rota:
            continue
        step = Step(said["step"])
        asked_at = entry.said_at if step is Step.ASKED else found[entry.key].asked_at
        if step is Step.ASKED:
            found.pop(entry.key, None)
        found[entry.key] = Swap(
            entry.key,
            said["rota"],
            said["role"],
            dt.datetime.fromisoformat(said["start"]),
            said["giver"],
            said["taker"],
            said["return_role"],
            dt.datetime.fromisoformat(said["return_start"]) if said["return_start"] else None,
            step,
            said["reason"],
            asked_at,
            entry.said_at,
            entry.author,
        )
    return found
