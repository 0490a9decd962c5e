"""Answers that take longer than a page may: worked out in the background while the page shows that it is under way.

A page asks for its answer and waits for a moment; if it is not there by then, the page shows its shape and asks again.
What was worked out is remembered by whoever works it out, so that asking twice is cheap.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import Generic, TypeVar

Answer = TypeVar("Answer")

PATIENCE = 1.5
"""Seconds that a page waits before it shows that something is under way."""


class Preparing(Generic[Answer]):
    """Answers under way, by what was asked; one is worked out at a time.

    Attributes:
        patience: seconds that a page waits before it shows that something is under way.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._workers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="preparing")
        self._under_way: dict[str, Future[Answer]] = {}
        self._guard = threading.Lock()

    def answer(
        self, key: str, work_out: Callable[[], Answer], patience: float | None = None
    ) -> Answer | None:
        """The answer if it is there in time, else ``None`` while it goes on being worked out.

        Raises:
            Exception: what working it out raised.
        """
        with self._guard:
            future = self._under_way.get(key)
            if future is None:
                future = self._workers.submit(work_out)
                self._under_way[key] = future
        try:
            answer = future.result(self.patience if patience is None else patience)
        except NotYet:
            if not future.done():
                return None
            raise
        finally:
            if future.done():
                with self._guard:
                    self._under_way.pop(key, None)
        return answer

    def close(self) -> None:
        """Wait for what is under way and take nothing new."""
        self._workers.shutdown(wait=True, cancel_futures=True)
