"""Asks for a load once: the same records, question and seed are answered from memory.

Faces ask here. What is remembered is keyed by what the store says of its newest collections, so that a
collection or a correction makes the next question read anew.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any
from weakref import WeakKeyDictionary

from ktlo.metrics.question import Question
from ktlo.planning.load import read_load
from ktlo.planning.load.fitting import Load
from ktlo.planning.load.summary import LoadSummary, summarise
from ktlo.planning.remembered import Remembered
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable, Store

_STATE = """
SELECT
  (SELECT (count(), max(finished_at), sum(rows)) FROM ktlo.collections) AS collected,
  (SELECT (count(), sum(cityHash64(item_id, category))) FROM ktlo.verdicts) AS judged,
  (SELECT (count(), sum(toInt64(person_days * 1e9))) FROM ktlo.effort) AS spent
"""
"""Whole numbers only: a sum of fractions differs in its last digit from one asking to the next."""


def content_key(store: Queryable, question: Question, settings: Settings, *more: Any) -> Any:
    """What an answer depends on: the store's content, the question by day, the settings, and more."""
    state = _state_of(store)
    end = min(question.end, question.now)
    if end >= question.now - dt.timedelta(seconds=1):
        # "Now" moves on between two clicks; complete weeks change with the day at most.
        end = dt.datetime.combine(end.date(), dt.time(), dt.UTC)
    only = tuple(sorted((name.value, tuple(kept)) for name, kept in question.only.items() if kept))
    said = (settings.effort.model_dump_json(), settings.planning.model_dump_json())
    severities = tuple(question.downtime_severities or settings.downtime_severities)
    return (state, end, only, question.by, severities, said, more)


def _state_of(store: Queryable) -> str:
    """What the store holds; read anew where something was written since, or where that cannot be told."""
    whole: Store | None = store if isinstance(store, Store) else None
    # Taken before the reading: what is written meanwhile may be in it, and makes the next one read anew.
    mark = whole.mark() if whole is not None else None
    if whole is None or mark is None:
        return repr(store.query(_STATE).to_pylist()[0])
    before, state = _states.get(whole, (None, ""))
    if before != mark:
        state = repr(store.query(_STATE).to_pylist()[0])
        _states[whole] = (mark, state)
    return state


_states: WeakKeyDictionary[Store, tuple[object, str]] = WeakKeyDictionary()
"""What a store held, and its mark then."""
_loads: Remembered[Load] = Remembered()
_summaries: Remembered[LoadSummary] = Remembered()


def remembered_load(
    store: Queryable, question: Question, settings: Settings, *, weeks: int, seed: int
) -> Load:
    """As :func:`~ktlo.planning.load.read_load`, from memory where nothing has changed."""
    key = content_key(store, question, settings, weeks, seed)
    return _loads.once(key, lambda: read_load(store, _by_day(question), settings, weeks=weeks, seed=seed))


def ask_load(
    store: Queryable, question: Question, settings: Settings, *, weeks: int, seed: int
) -> LoadSummary:
    """A load in few numbers, from memory where nothing has changed.

    Raises:
        UsageError: a filter or grouping that a load does not have.
    """
    key = content_key(store, question, settings, weeks, seed)
    return _summaries.once(
        key, lambda: summarise(remembered_load(store, question, settings, weeks=weeks, seed=seed))
    )


def _by_day(question: Question) -> Question:
    """The question without its grain; a load has none."""
    return dataclasses.replace(question, grain=None)
