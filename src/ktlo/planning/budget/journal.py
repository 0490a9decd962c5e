"""What people decided: the share in force since when and why, and the scenarios they saved.

Kept in the state's append-only journal (subjects ``budget`` and ``scenario``); the newest of a key is in force, and
nothing that was ever said is lost.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ktlo.errors import NotFoundError, UsageError
from ktlo.planning.budget.plan import Plan
from ktlo.planning.budget.terms import Terms
from ktlo.store.state import Correction, State
from ktlo.wording import counted

BUDGET, SCENARIO = "budget", "scenario"
MOST_SCENARIOS = 200
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,80}")
_MOST_WORDS = 500


@dataclass(frozen=True, slots=True)
class Budget:
    """A share that is in force from a day on.

    Attributes:
        since: first day; ``None`` when it comes from the settings, which do not say.
        share: the share, 0 to 1.
        why: reason, in words.
        author: who said it.
        said_at: when it was recorded; ``None`` for the settings.
    """

    since: dt.date | None
    share: float
    why: str
    author: str
    said_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A saved what-if.

    Attributes:
        name: what it is called.
        terms: what is asked.
        filters: services, teams and repositories it is about, as in the URL.
        note: why it was saved.
        author: who saved it.
        saved_at: when.
        told: best share, its interval and the cost as they were when it was saved; empty values where none.
    """

    name: str
    terms: Terms
    filters: Mapping[str, tuple[str, ...]]
    note: str
    author: str
    saved_at: dt.datetime
    told: Mapping[str, float | None]


def record_budget(state: State, share: float, since: dt.date, why: str, author: str) -> Budget:
    """Record the share that is in force from a day on; one a day, the newest word counts.

    Raises:
        UsageError: no share, or a day that no calendar of a team has.
    """
    if not 0 <= share <= 1 or math.isnan(share):
        raise UsageError(f"{share:g} is no share", fix="Give 0 to 1, such as 0.25 for a quarter of the hours")
    if not 2000 <= since.year <= 2100:
        raise UsageError(f"{since} is no day on which a budget starts", fix="Give a date such as 2026-10-01")
    words = _words(why)
    state.correct(BUDGET, since.isoformat(), json.dumps({"share": share, "why": words}), author)
    return Budget(since, share, words, author, dt.datetime.now(dt.UTC))


def withdraw_budget(state: State, since: dt.date, author: str) -> None:
    """Take back what was recorded for a day.

    Raises:
        NotFoundError: nothing was.
    """
    if all(each.key != since.isoformat() for each in state.corrections(BUDGET)):
        raise NotFoundError(f"no budget starts on {since}", fix="`ktlo plan history` lists them")
    state.correct(BUDGET, since.isoformat(), "", author)


def budgets(state: State, in_settings: float | None = None) -> tuple[Budget, ...]:
    """All budgets in order of their first day; that of the settings, which has none, comes first."""
    said = [_budget(each) for each in state.corrections(BUDGET)]
    recorded = sorted(said, key=lambda each: each.since or dt.date.min)
    if in_settings is None:
        return tuple(recorded)
    return (Budget(None, in_settings, "as ktlo.yaml says", "ktlo.yaml"), *recorded)


def in_force(known: Iterable[Budget], day: dt.date) -> Budget | None:
    """The budget in force on a day; ``None`` before the first."""
    started = [each for each in known if each.since is None or each.since <= day]
    return started[-1] if started else None


def _budget(said: Correction) -> Budget:
    value = json.loads(said.value)
    return Budget(
        dt.date.fromisoformat(said.key), float(value["share"]), str(value["why"]), said.author, said.said_at
    )


def save_scenario(
    state: State,
    name: str,
    terms: Terms,
    filters: Mapping[str, tuple[str, ...]],
    note: str,
    plan: Plan,
    author: str,
) -> Scenario:
    """Save what is asked under a name, with what the plan says today; an older one of the name is replaced.

    Raises:
        UsageError: no name that can be shown, or too many scenarios.
    """
    called = name.strip()
    if not _NAME.fullmatch(called):
        raise UsageError("a scenario needs a name of 1 to 80 characters on one line", fix="Such as: hire two")
    known = {each.key for each in state.corrections(SCENARIO)}
    if called not in known and len(known) >= MOST_SCENARIOS:
        raise UsageError(
            f"there are {MOST_SCENARIOS} scenarios already", fix="Delete some at /plan/scenarios"
        )
    told = headline_numbers(plan)
    said = {
        "terms": terms.query(),
        "filters": {key: list(values) for key, values in filters.items()},
        "note": _words(note),
        "told": told,
    }
    state.correct(SCENARIO, called, json.dumps(said), author)
    return Scenario(called, terms, dict(filters), _words(note), author, dt.datetime.now(dt.UTC), told)


def headline_numbers(plan: Plan) -> dict[str, float | None]:
    """Best share, its interval and the expected cost."""
    best = plan.optimum
    if best is None:
        return {"share": None, "low": None, "high": None, "cost": None}
    return {"share": best.share, "low": best.low, "high": best.high, "cost": best.cost}


def delete_scenario(state: State, name: str, author: str) -> None:
    """Withdraw a scenario.

    Raises:
        NotFoundError: there is none of the name.
    """
    scenario(state, name)
    state.correct(SCENARIO, name, "", author)


def scenarios(state: State) -> tuple[Scenario, ...]:
    """Saved scenarios by name."""
    return tuple(
        sorted((_scenario(each) for each in state.corrections(SCENARIO)), key=lambda each: each.name)
    )


def scenario(state: State, name: str) -> Scenario:
    """One scenario.

    Raises:
        NotFoundError: there is none of the name.
    """
    for each in state.corrections(SCENARIO):
        if each.key == name:
            return _scenario(each)
    raise NotFoundError(f"there is no scenario {name[:80]!r}", fix="`ktlo plan scenarios` lists them")


def _scenario(said: Correction) -> Scenario:
    value = json.loads(said.value)
    return Scenario(
        name=said.key,
        terms=Terms.read(value["terms"]),
        filters={key: tuple(values) for key, values in value["filters"].items()},
        note=value["note"],
        author=said.author,
        saved_at=said.said_at,
        told=value["told"],
    )


def _words(text: str) -> str:
    words = " ".join(text.split())
    if len(words) > _MOST_WORDS:
        raise UsageError(
            f"a reason of {counted(len(words), 'characters')} is too long", fix=f"At most {_MOST_WORDS}"
        )
    return words
