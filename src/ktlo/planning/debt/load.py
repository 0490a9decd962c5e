"""The register as the budget simulation wants it: principal, interest and growth as draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ktlo.metrics.question import Question
from ktlo.planning.debt.complexity import growth_per_week
from ktlo.planning.debt.entry import WEEKS_A_MONTH
from ktlo.planning.debt.register import register
from ktlo.planning.demand import DebtLoad
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable
from ktlo.store.state import State


def debt_load(
    store: Queryable,
    question: Question,
    settings: Settings,
    *,
    draws: int,
    seed: int,
    state: State | None = None,
) -> DebtLoad | None:
    """What the known debt costs, for a simulation.

    The interest is the part that paying back removes (``relief``): the rest goes on as bugs do, and is counted with
    them. Only entries whose interest is shown count, with their principal: paying back what costs nothing is no plan.
    Vulnerabilities and dependencies arrive as work of their own classes and are counted there.

    Args:
        store: records.
        question: its end is the moment; its filters keep entries.
        settings: hours of a day, price of an interruption.
        draws: how many draws.
        seed: of all of them; the same records and seed give the same load.
        state: the journal of entries by hand and decisions; ``None`` for what the records alone tell.

    Returns:
        The load; ``None`` when no entry with an interest is known.
    """
    planning = settings.planning.model_copy(update={"seed": seed})
    seeded = settings.model_copy(update={"planning": planning})
    found = register(store, state, replace(question, by=None, grain=None), seeded, draws=draws)
    owed = [e for e in found.owed if e.interest.is_shown and e.interest.draws is not None]
    if not owed:
        return None
    principal, interest = np.zeros(draws), np.zeros(draws)
    for entry in owed:
        if entry.principal.draws is not None:
            principal = principal + entry.principal.draws
        if entry.interest.draws is not None:
            interest = interest + entry.interest.draws * entry.relief
    growth = growth_per_week(store, found.period, np.random.default_rng([seed, 2]))
    return DebtLoad(principal, interest / WEEKS_A_MONTH, growth)
