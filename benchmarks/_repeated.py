"""How long something takes, in the best of several runs."""

from __future__ import annotations

import time
from collections.abc import Callable


def seconds(
    task: Callable[[], object], times: int = 3, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return the best of some runs, by a clock."""
    runs = []
    for _ in range(times):
        begun = clock()
        task()
        runs.append(clock() - begun)
    return min(runs)
