"""Asks for a backtest once: answers are remembered by what they rest on, and one that is being made shows how far.

A backtest of many years takes seconds. It is made in a thread of its own, so that a page can show progress and a
second asker waits for the first one's answer instead of making it again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from ktlo.metrics.question import Question
from ktlo.planning.assumptions import Prices
from ktlo.planning.backtest.run import Backtest, run_backtest
from ktlo.planning.load.asking import content_key
from ktlo.planning.load.history import History
from ktlo.planning.load.reading import read_history
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable

_KEPT = 16


@dataclass(slots=True)
class Making:
    """A backtest that is being made, or is done.

    Attributes:
        done: steps done.
        total: of how many; 0 until it has begun.
        answer: the backtest, once it is there.
        error: why there will be none; raised to whoever asks.
    """

    done: int = 0
    total: int = 0
    answer: Backtest | None = None
    error: BaseException | None = None
    finished: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float | None = None) -> Backtest | None:
        """The backtest; ``None`` when it is not done within so many seconds.

        Raises:
            KtloError: what stopped it.
        """
        self.finished.wait(seconds)
        if self.error is not None:
            raise self.error
        return self.answer


_made: dict[Any, Making] = {}
_guard = threading.Lock()


def start_backtest(store: Queryable, question: Question, settings: Settings, *, seed: int) -> Making:
    """Begin a backtest, or find the one that was begun for the same records, question and seed.

    Args:
        store: read here, before this returns.
        question: filters, and its end; grouping does not matter: a backtest is of all together.
        settings: prices and hours of a day.
        seed: of the draws.

    Raises:
        UsageError: a filter that a load does not have.
    """
    key = content_key(store, question, settings, "backtest", seed)
    with _guard:
        known = _made.get(key)
        if known is not None and known.error is None:
            return known
    history = read_history(store, question, settings)
    with _guard:
        known = _made.get(key)
        if known is not None and known.error is None:
            return known
        making = _made[key] = Making()
        for old in [each for each, made in _made.items() if made.finished.is_set()][: len(_made) - _KEPT]:
            del _made[old]
    arguments = (making, history, Prices.of(settings.planning), seed)
    threading.Thread(target=_make, args=arguments, name="ktlo-backtest", daemon=True).start()
    return making


def _make(making: Making, history: History, prices: Prices, seed: int) -> None:
    def report(done: int, total: int) -> None:
        making.done, making.total = done, total

    try:
        making.answer = run_backtest(history, prices, seed=seed, report=report)
    except BaseException as error:  # noqa: BLE001 - whoever waits gets it
        making.error = error
    finally:
        making.finished.set()


def ask_backtest(store: Queryable, question: Question, settings: Settings, *, seed: int) -> Backtest:
    """A backtest, from memory where nothing has changed.

    Raises:
        UsageError: a filter that a load does not have.
    """
    answer = start_backtest(store, question, settings, seed=seed).wait()
    assert answer is not None  # noqa: S101 - waited for without a limit
    return answer
