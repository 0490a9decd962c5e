"""When a series turned: the one step that explains most of its variation, with the hours in which it may lie.

Least squares over every split (Hinkley, Biometrika 1970, 57:1-17), after each hour of the day's own level is taken out,
so that a day's shape is no step. The hours that are not excluded are those whose split explains nearly as much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST_HOURS = 3
"""Hours with calls on either side of a step."""
_CHI_SQUARE = 3.84


@dataclass(frozen=True, slots=True)
class Turn:
    """A step.

    Attributes:
        at: first hour after it.
        first: earliest hour that it may be.
        last: latest hour that it may be.
    """

    at: int
    first: int
    last: int


def turn(values: Floats, weights: Floats) -> Turn | None:
    """Find the step of a series.

    Args:
        values: (h,) by hour, consecutive hours.
        weights: (h,) how much each says; 0 for an hour that says nothing.

    Returns:
        The step; ``None`` when fewer than three hours on either side say anything.
    """
    known = np.flatnonzero(weights > 0)
    if known.size < 2 * LEAST_HOURS:
        return None
    hour_of_day = known % 24
    level = np.zeros(24)
    said = np.bincount(hour_of_day, weights[known], minlength=24)
    np.divide(
        np.bincount(hour_of_day, weights[known] * values[known], minlength=24),
        said,
        out=level,
        where=said > 0,
    )
    rest, weight = values[known] - level[hour_of_day], weights[known]
    before, mass = np.cumsum(weight * rest), np.cumsum(weight)
    total, all_mass = before[-1], mass[-1]
    # What a split after each hour explains: between-group sum of squares.
    splits = np.arange(LEAST_HOURS - 1, known.size - LEAST_HOURS)
    explained = before[splits] ** 2 / mass[splits] + (total - before[splits]) ** 2 / (all_mass - mass[splits])
    best = int(np.argmax(explained))
    left = max(float(np.sum(weight * rest**2) - explained[best]), 1e-300)
    noise = left / max(known.size - 2, 1)
    near = np.flatnonzero(explained >= explained[best] - _CHI_SQUARE * noise)
    return Turn(
        int(known[splits[best] + 1]), int(known[splits[near[0]]]) + 1, int(known[splits[near[-1]] + 1])
    )
