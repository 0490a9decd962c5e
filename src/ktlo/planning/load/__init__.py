"""What keeping the lights on asks for, fitted from the records with its uncertainty.

``fit_demand`` is the way in: records to :class:`~ktlo.planning.demand.Demand`. ``read_load`` gives the same with
what a page shows beside it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np

from ktlo.metrics.ask import fetch
from ktlo.metrics.effort import estimate_share
from ktlo.metrics.question import Question, Window
from ktlo.metrics.registry import definition
from ktlo.planning.debt import debt_load
from ktlo.planning.demand import Demand
from ktlo.planning.load.capacity import RECENT, Classification, classification
from ktlo.planning.load.fitting import ClassLoad, Load, fit_load
from ktlo.planning.load.history import History
from ktlo.planning.load.reading import PLACES, read_history
from ktlo.planning.load.weeks import monday
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable

DRAWS = 1000
"""Posterior draws, unless another number is asked for."""

__all__ = ["DRAWS", "PLACES", "ClassLoad", "History", "Load", "fit_demand", "read_history", "read_load"]


def fit_demand(
    store: Queryable,
    question: Question,
    settings: Settings,
    *,
    weeks: int,
    draws: int = DRAWS,
    seed: int = 1,
) -> Demand:
    """Fit what keeping the lights on will ask for, with what the known debt costs.

    Args:
        store: where the records are.
        question: filters and grouping (service, repository or team); records up to its end are used, whatever
            its start. Weeks that are not complete are left out.
        settings: hours of a person-day, severities that mean down.
        weeks: how many weeks ahead.
        draws: posterior draws.
        seed: the same records and seed give the same draws.

    Raises:
        UsageError: a filter or grouping that a load does not have.
    """
    demand = read_load(store, question, settings, weeks=weeks, draws=draws, seed=seed).demand
    return dataclasses.replace(demand, debt=debt_load(store, question, settings, draws=draws, seed=seed))


def read_load(
    store: Queryable,
    question: Question,
    settings: Settings,
    *,
    weeks: int,
    draws: int = DRAWS,
    seed: int = 1,
) -> Load:
    """As :func:`fit_demand`, with what a page shows beside the draws."""
    history = read_history(store, question, settings)
    return fit_load(history, _classified(store, question, history, draws, seed), weeks=weeks, seed=seed)


def _classified(
    store: Queryable, question: Question, history: History, draws: int, seed: int
) -> Classification:
    end = dt.datetime.combine(monday(history.end_week), dt.time(), dt.UTC)
    start = end - dt.timedelta(weeks=max(1, min(RECENT, history.weeks)))
    recent = dataclasses.replace(question, start=start, end=end, by=None, grain=None)
    rows = fetch(store, definition("ktlo_share"), recent)
    share = estimate_share(rows, Window(start, end, question.now))
    return classification(share, draws, np.random.default_rng([seed, 2000]))
