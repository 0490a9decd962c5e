"""What every estimator answers: a value with its interval and sample size, or why there is none.

The estimators of this folder return it, the definitions of metrics pass it on, and the faces print it. It
belongs to no formula, so that a page can show a median, a rate and a share in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

LEVEL = 0.95
"""Level of every interval, unless a function says otherwise."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with what it rests on.

    Attributes:
        value: the estimate; ``None`` when it cannot be estimated, which is not zero.
        low: lower end of the interval; ``None`` when the data set no lower end.
        high: upper end of the interval; ``None`` when the data set no upper end.
        n: how many observations it rests on.
        censored: how many of them had not ended when last seen.
        reason: in plain words, why there is no value or what limits the interval; else empty.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    censored: int = 0
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse a missing value without its reason, and an interval that does not hold its value.

        Raises:
            ValueError: one of the two; always our mistake, never the data's.
        """
        if self.value is None:
            if not self.reason:
                raise ValueError("an estimate without a value needs a reason")
            return
        if (self.low is not None and self.low > self.value) or (
            self.high is not None and self.high < self.value
        ):
            raise ValueError(f"{self.value} lies outside its interval {self.low} to {self.high}")


def not_estimable(reason: str, n: int = 0, censored: int = 0) -> Estimate:
    """Return the estimate that says why there is no number."""
    return Estimate(None, None, None, n, censored, reason)
