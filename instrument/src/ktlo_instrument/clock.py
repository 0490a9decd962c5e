"""The clocks as they were when we came.

Who replaces them in modules, as freezegun and tests of the application do, does not find these: they are attributes of
no module.
"""

from __future__ import annotations

import time


class Clock:
    """Python's own clocks: `nanoseconds` and `seconds` only go forward, `wall` is the time of day in nanoseconds."""

    nanoseconds = staticmethod(time.perf_counter_ns)
    seconds = staticmethod(time.monotonic)
    wall = staticmethod(time.time_ns)
