"""Who is there: people and hours of a usual recent week, and the share of them that keeps the lights on.

Weeks come from a history, the share from :mod:`ktlo.metrics.effort`; draws by a block bootstrap (Künsch, Annals of
Statistics 1989), since a quiet week follows a quiet week.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.metrics.share import ShareEstimate
from ktlo.planning.demand import Capacity
from ktlo.planning.load.history import History

Floats = npt.NDArray[np.float64]

RECENT = 26
"""Weeks from which capacity is read, where there are so many."""
BLOCK = 4
"""Weeks that a bootstrap draws together."""


@dataclass(frozen=True, slots=True, eq=False)
class Classification:
    """How traced hours of the classes become hours that were really theirs.

    Attributes:
        factor: hours a class is taken to have had for each hour that the classification gave it, (draws,).
        share: corrected KTLO share, (draws,).
        is_known: a share could be estimated.
    """

    factor: Floats
    share: Floats
    is_known: bool


def classification(found: ShareEstimate, draws: int, rng: np.random.Generator) -> Classification:
    """Draws of the corrected share, and of the factor that goes with it.

    The factor is the corrected share over the one that the verdicts say, and the unattributed hours shared out
    as the attributed ones are; it stays within a half and three, beyond which nothing is corrected but guessed.
    """
    if found.share.value is None or not found.draws.size:
        value = found.share.value
        drawn = rng.beta(1.0, 1.0, size=draws) if value is None else np.full(draws, value)
        return Classification(np.ones(draws), np.clip(drawn, 1e-3, 1 - 1e-3), value is not None)
    share = found.draws[rng.integers(0, found.draws.size, size=draws)]
    factor = np.ones(draws)
    if found.naive and found.attributed > 0:
        # The weeks' own changes are in the share's draws, too; the factor is about mistakes only.
        corrected = found.share.value / found.naive
        factor *= np.clip(corrected * (1 + found.unattributed / found.attributed), 0.5, 3.0)
    return Classification(factor, np.clip(share, 1e-3, 1.0), True)


def drawn_weeks(weeks: int, length: int, draws: int, rng: np.random.Generator, block: int = BLOCK) -> Floats:
    """How often each of some weeks was drawn, (draws, weeks); ``length`` weeks in each draw, in blocks."""
    block = max(1, min(block, weeks))
    blocks = -(-length // block)
    start = rng.integers(0, weeks, size=(draws, blocks))
    drawn = (start[:, :, None] + np.arange(block)) % weeks
    times = np.zeros((draws, weeks))
    np.add.at(times, (np.arange(draws)[:, None], drawn.reshape(draws, -1)), 1.0)
    times *= length / times.sum(axis=1, keepdims=True)
    return times


def fit_capacity(
    history: History, found: Classification, group: int | None, rng: np.random.Generator
) -> Capacity:
    """People and hours of a usual week of the last half year.

    Args:
        history: read from the records.
        found: draws of the KTLO share; as many draws are made of the hours.
        group: place of a group whose hours are meant; ``None`` for all.
        rng: where the draws come from.
    """
    draws = found.share.size
    hours = history.total(history.days.hours, group)[-RECENT:]
    people = history.people[-RECENT:]
    if not hours.size or not hours.any():
        return Capacity(0, np.zeros(draws), found.share)
    times = drawn_weeks(hours.size, hours.size, draws, rng)
    mean = np.einsum("dw,w->d", times, hours) / hours.size
    if hours.size < RECENT:
        # A bootstrap of few weeks is too narrow by √(n / (n - 1)), and knows nothing of other seasons.
        few = np.sqrt(hours.size / max(hours.size - 1, 1)) if hours.size > 1 else 1.0
        unknown = np.exp(rng.standard_normal(draws) * 0.5 / np.sqrt(hours.size))
        mean = np.maximum(hours.mean() + (mean - hours.mean()) * few, 0.05 * hours.mean()) * unknown
    usual = int(np.round(np.median(people[people > 0]))) if (people > 0).any() else 0
    return Capacity(usual, mean, found.share)
