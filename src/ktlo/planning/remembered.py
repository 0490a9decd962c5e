"""Answers that cost a second or more, each worked out once: kept in memory, shared by all who ask at the same time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

Answer = TypeVar("Answer")

_KEPT = 24


def _always(_: object) -> bool:
    return True


class Remembered(Generic[Answer]):
    """The newest answers, by what they were asked about; oldest forgotten first.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int = _KEPT) -> None:
        self._answers: OrderedDict[Hashable, Answer] = OrderedDict()
        self._under_way: dict[Hashable, Future[Answer]] = {}
        self._most = most
        self._guard = threading.Lock()

    def once(
        self, key: Hashable, make: Callable[[], Answer], holds: Callable[[Answer], bool] = _always
    ) -> Answer:
        """The answer from memory, or made now; who asks while it is being made waits for it instead of making it again.

        Other keys are not waited for. An answer is made in the thread that asks first, to its end.

        Args:
            key: all that the answer depends on.
            make: makes it; it must not ask for the same key.
            holds: whether one from memory is still good.

        Raises:
            Exception: what making it raised, to all who wait; whoever asks later makes it anew.
        """
        with self._guard:
            if key in self._answers and holds(self._answers[key]):
                self._answers.move_to_end(key)
                return self._answers[key]
            is_under_way = key in self._under_way
            making = self._under_way.setdefault(key, Future())
        return making.result() if is_under_way else self._make(key, make, making)

    def _make(self, key: Hashable, make: Callable[[], Answer], making: Future[Answer]) -> Answer:
        try:
            answer = make()
        except BaseException as error:
            with self._guard:
                del self._under_way[key]
            making.set_exception(error)
            raise
        with self._guard:
            self._answers[key] = answer
            self._answers.move_to_end(key)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
            del self._under_way[key]
        making.set_result(answer)
        return answer
