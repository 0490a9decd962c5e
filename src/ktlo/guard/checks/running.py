"""Runs checks at once, each within its time; one that breaks or is late ends as unchecked, never as clean.

Threads are daemons, so that a check that hangs does not keep the process; most of the time goes to SQLite, git,
regular expressions and other programs.
"""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ktlo.errors import KtloError, UserError
from ktlo.guard.checks.protocol import Answer, Check, Subject
from ktlo.guard.checks.registry import Broken
from ktlo.guard.finding import Outcome, Unchecked

Told = Callable[[str, bool], None]
"""Is told a check's name when it begins (False) and when it has ended (True)."""


def silent(name: str, is_done: bool) -> None:
    """No progress line."""
    del name, is_done


def run_all(
    checks: Sequence[Check | Broken], subject: Subject, seconds: float, told: Told = silent
) -> tuple[Answer, ...]:
    """Run every check; one answer each, in their order.

    Args:
        checks: what to run.
        subject: on what.
        seconds: time that each may take.
        told: for a progress line.

    Raises:
        UserError: a check says that it was asked wrongly (a policy or baseline that is not understood).
    """
    ended: queue.Queue[_Ended] = queue.Queue()
    answers: dict[int, Answer] = {}
    waiting = set()
    for number, check in enumerate(checks):
        if isinstance(check, Broken):
            answers[number] = unchecked(check.name, f"the check cannot be loaded: {check.reason}")
            continue
        told(check.name, False)
        waiting.add(number)
        threading.Thread(
            target=_one, args=(number, check, subject, ended), name=f"check {check.name}", daemon=True
        ).start()
    deadline = time.monotonic() + seconds
    while waiting:
        try:
            one = ended.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            for number in waiting:
                answers[number] = unchecked(
                    checks[number].name,
                    f"it took longer than {seconds:g} s: give it more with guard.check_seconds, or mend what"
                    " makes it slow",
                )
            break
        waiting.discard(one.number)
        told(checks[one.number].name, True)
        if isinstance(one.result, UserError):
            raise one.result
        answers[one.number] = one.result
    return tuple(answers[number] for number in range(len(checks)))


@dataclass(frozen=True, slots=True)
class _Ended:
    number: int
    result: Answer | UserError


def _one(number: int, check: Check, subject: Subject, ended: queue.Queue[_Ended]) -> None:
    result: Answer | UserError
    try:
        result = check.run(subject)
        if result.outcome.check != check.name:
            result = unchecked(
                check.name, f"the check itself broke: it calls itself {result.outcome.check!r}"
            )
    except UserError as error:
        result = error
    except KtloError as error:
        result = unchecked(check.name, str(error))
    except Exception as error:  # noqa: BLE001 - a bug in a check must not end as clean or as a finding
        # Where, but not the error's own words: they may hold what was being read, for instance a secret.
        traceback.print_tb(error.__traceback__)
        result = unchecked(
            check.name, f"the check itself broke, so nothing is proven ({type(error).__name__}, see above)"
        )
    ended.put(_Ended(number, result))


def unchecked(check: str, reason: str) -> Answer:
    """The answer instead of a check that did not give one."""
    return Answer(Outcome(check, (), (Unchecked(check, "all of it", reason),), 0, ""))
