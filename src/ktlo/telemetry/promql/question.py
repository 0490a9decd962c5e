"""A question in PromQL, what it may use, and its answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ktlo.telemetry.promql.range_functions import Rules
from ktlo.telemetry.promql.samples import Longs
from ktlo.telemetry.promql.vector import Value


@dataclass(frozen=True, slots=True)
class Limits:
    """What one question may use.

    Attributes:
        steps: moments of a range (11,000 as in Prometheus).
        series: of any vector.
        samples: read from the store.
        cells: series by steps of any vector; 9 bytes each.
        seconds: computing time.
    """

    steps: int = 11_000
    series: int = 50_000
    samples: int = 60_000_000
    cells: int = 30_000_000
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A question.

    Attributes:
        expression: PromQL.
        start: first step, milliseconds since 1970.
        end: last moment that a step may be at.
        step: milliseconds between steps; any positive number when start and end are the same.
        lookback: how old an instant's newest sample may be.
        rules: whose semantics hold.
        limits: what it may use.
    """

    expression: str
    start: int
    end: int
    step: int = 60_000
    lookback: int = 300_000
    rules: Rules = Rules.PROMETHEUS_3
    limits: Limits = Limits()

    @property
    def times(self) -> Longs:
        """The steps."""
        return np.arange(self.start, self.end + 1, self.step, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer.

    Attributes:
        times: steps, milliseconds since 1970.
        value: at each of them.
        samples: how many were read.
        seconds: how long it took.
    """

    times: Longs
    value: Value
    samples: int
    seconds: float
