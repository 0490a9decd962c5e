"""What was made for a page a moment ago, for as long as no record has changed: a second click costs next to nothing.

Over a tracker of half a million issues a page takes a second or two of the processor. What is given again is up to a
minute old: no record is missing from it, only the ages of what is open have moved on since.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from fastapi import Request

from ktlo.planning.load.asking import Remembered
from ktlo.server.runtime import Runtime
from ktlo.server.web.rendering import parameters
from ktlo.settings import Settings

Made = TypeVar("Made")

LASTS = 60.0
"""Seconds for which something is given again."""


@dataclass(frozen=True, slots=True)
class _Held:
    """Something made, and what it rests on."""

    mark: object
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

        Args:
            request: its parameters are part of what is asked.
            page: whose it is.
            make: makes it, from observed and derived records, the settings and the parameters alone.
            more: what else it is made from.
        """
        runtime: Runtime = request.app.state.runtime
        # Taken before anything is read: what is written meanwhile may be in it or not.
        mark, settings, at = runtime.store.mark(), runtime.settings, self._clock()
        if mark is None:
            return make()
        key = (page, tuple(sorted((name, tuple(said)) for name, said in parameters(request).items())), more)
        held = self._held.get(key)
        if (
            held is None
            or held.mark != mark
            or held.settings is not settings
            or not 0 <= at - held.at < LASTS
        ):
            held = self._held.keep(key, _Held(mark, settings, at, make()))
        return cast("Made", held.made)
