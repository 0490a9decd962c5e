"""Asks for a load once: the same records, question and seed are answered from memory.

Faces ask here. What is remembered is keyed by what the store says of its newest collections, so that a
collection or a correction makes the next question read anew.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from collections import OrderedDict
from typing import Any, Generic, TypeVar

from ktlo.metrics.question import Question
from ktlo.planning.load import read_load
from ktlo.planning.load.fitting import Load
from ktlo.planning.load.summary import LoadSummary, summarise
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable

Answer = TypeVar("Answer")

_KEPT = 24
_STATE = """
SELECT
  (SELECT (count(), max(finished_at), sum(rows)) FROM ktlo.collections) AS collected,
  (SELECT (count(), sum(cityHash64(item_id, category))) FROM ktlo.verdicts) AS judged,
  (SELECT (count(), sum(toInt64(person_days * 1e9))) FROM ktlo.effort) AS spent
"""
"""Whole numbers only: a sum of fractions differs in its last digit from one asking to the next."""


class Remembered(Generic[Answer]):
    """The newest answers, by what they were asked about; oldest forgotten first."""

    def __init__(self, most: int = _KEPT) -> None:
        self._answers: OrderedDict[Any, Answer] = OrderedDict()
        self._most = most
        self._guard = threading.Lock()

    def get(self, key: Any) -> Answer | None:
        """The answer to a question that was asked before, else ``None``."""
        with self._guard:
            if key in self._answers:
                self._answers.move_to_end(key)
            return self._answers.get(key)

    def keep(self, key: Any, answer: Answer) -> Answer:
        """Remember an answer, and give it back."""
        with self._guard:
            self._answers[key] = answer
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return answer


def content_key(store: Queryable, question: Question, settings: Settings, *more: Any) -> Any:
    """What an answer depends on: the store's content, the question by day, the settings, and more."""
    state = store.query(_STATE).to_pylist()[0]
    end = min(question.end, question.now)
    if end >= question.now - dt.timedelta(seconds=1):
        # "Now" moves on between two clicks; complete weeks change with the day at most.
        end = dt.datetime.combine(end.date(), dt.time(), dt.UTC)
    only = tuple(sorted((name.value, tuple(kept)) for name, kept in question.only.items() if kept))
    said = (settings.effort.model_dump_json(), settings.planning.model_dump_json())
    severities = tuple(question.downtime_severities or settings.downtime_severities)
    return (repr(state), end, only, question.by, severities, said, more)


_loads: Remembered[Load] = Remembered()
_summaries: Remembered[LoadSummary] = Remembered()


def remembered_load(
    store: Queryable, question: Question, settings: Settings, *, weeks: int, seed: int
) -> Load:
    """As :func:`~ktlo.planning.load.read_load`, from memory where nothing has changed."""
    key = content_key(store, question, settings, weeks, seed)
    found = _loads.get(key)
    if found is not None:
        return found
    return _loads.keep(key, read_load(store, _by_day(question), settings, weeks=weeks, seed=seed))


def ask_load(
    store: Queryable, question: Question, settings: Settings, *, weeks: int, seed: int
) -> LoadSummary:
    """A load in few numbers, from memory where nothing has changed.

    Raises:
        UsageError: a filter or grouping that a load does not have.
    """
    key = content_key(store, question, settings, weeks, seed)
    found = _summaries.get(key)
    if found is not None:
        return found
    load = remembered_load(store, question, settings, weeks=weeks, seed=seed)
    return _summaries.keep(key, summarise(load))


def _by_day(question: Question) -> Question:
    """The question without its grain; a load has none."""
    return dataclasses.replace(question, grain=None)
