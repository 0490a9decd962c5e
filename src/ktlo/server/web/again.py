"""What was made for a page a moment ago, for as long as no record has changed: a second click costs next to nothing.

Over a tracker of half a million issues a page takes a second or two of the processor. What is given again is up to a
minute old: no record is missing from it, only the ages of what is open have moved on since. Who asks while it is being
made waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from fastapi import Request

from ktlo.planning.remembered import Remembered
from ktlo.server.runtime import Runtime
from ktlo.server.web.rendering import parameters
from ktlo.settings import Settings

Made = TypeVar("Made")

LASTS = 60.0
"""Seconds for which something is given again."""


@dataclass(frozen=True, slots=True)
class _Held:
    """Something made, and when.

    Attributes:
        settings: which it rests on; held, so that no others are known by their address.
        at: when it was begun.
        made: it.
    """

    settings: Settings
    at: float
    made: Any


class Again:
    """What was made lately, by page and parameters.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._held: Remembered[_Held] = Remembered()
        self._clock = clock

    def made(self, request: Request, page: str, make: Callable[[], Made], *more: Hashable) -> Made:
        """What was made for the same parameters, or what is made now where that is too old or records have changed.

        Two who ask at once get one answer, which is made once, also where the first goes away meanwhile.

        Args:
            request: its parameters are part of what is asked.
            page: whose it is.
            make: makes it, from observed and derived records, the settings and the parameters alone.
            more: what else it is made from.

        Raises:
            Exception: what making it raised, to all who wait for it.
        """
        runtime: Runtime = request.app.state.runtime
        # Taken before anything is read: what is written meanwhile may be in it or not.
        mark, settings, at = runtime.store.mark(), runtime.settings, self._clock()
        if mark is None:
            return make()
        given = tuple(sorted((name, tuple(said)) for name, said in parameters(request).items()))
        held = self._held.once(
            (page, given, more, mark, id(settings)),
            lambda: _Held(settings, at, make()),
            lambda before: 0 <= at - before.at < LASTS,
        )
        return cast("Made", held.made)
