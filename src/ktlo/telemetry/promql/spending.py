"""What one question has used of what it may use."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ktlo.errors import UsageError
from ktlo.telemetry.promql.question import Limits
from ktlo.telemetry.promql.vector import Vector
from ktlo.wording import counted


class Spending:
    """Samples, time and memory of one evaluation.

    Args:
        limits: what it may use.
        begun: when it began, by the monotonic clock.

    Attributes:
        samples: read so far.
    """

    def __init__(self, limits: Limits, begun: float) -> None:
        self._limits = limits
        self._begun = begun
        self.samples = 0

    def read(self, samples: int) -> None:
        """Count samples.

        Raises:
            UsageError: they are too many, or it takes too long.
        """
        self.samples += samples
        if self.samples > self._limits.samples:
            raise UsageError(
                f"the question reads more than {self._limits.samples:,} samples",
                fix="Narrow it by labels, or ask for a shorter range",
            )
        self.on_time()

    def on_time(self) -> None:
        """Go on while there is time.

        Raises:
            UsageError: there is none left.
        """
        if time.monotonic() - self._begun > self._limits.seconds:
            raise UsageError(
                f"the question takes longer than {self._limits.seconds:g} s",
                fix="Narrow it by labels, ask for a shorter range or a larger step",
            )

    def fits(self, parts: Sequence[Vector], steps: int) -> None:
        """Go on while vectors fit into memory.

        Raises:
            UsageError: they do not.
        """
        series = sum(len(each.labels) for each in parts)
        if series > self._limits.series:
            raise UsageError(f"more than {self._limits.series:,} series match", fix="Narrow it by labels")
        if series * steps > self._limits.cells:
            raise UsageError(
                f"{series:,} series at {counted(steps, 'steps')} do not fit into memory",
                fix="Narrow it by labels, or ask with a larger step",
            )
