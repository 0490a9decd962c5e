"""Who is there: people and hours of a usual recent week, and the share of them that keeps the lights on.

Weeks come from a history, the corrected share from :mod:`ktlo.metrics.effort`. Hours are followed as a level that
drifts (:mod:`ktlo.planning.load.spending`): a bootstrap of past weeks would tell how sure their mean is, not what the
next quarter brings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.metrics.share import ShareEstimate
from ktlo.planning.demand import Capacity
from ktlo.planning.load.history import History
from ktlo.planning.load.spending import draw_effort

Floats = npt.NDArray[np.float64]

RECENT = 26
"""Weeks from which people and the corrected share are read, where there are so many."""


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


def fit_capacity(
    history: History,
    found: Classification,
    asked: Floats | None,
    weeks: int,
    rng: np.random.Generator,
) -> Capacity:
    """People of a usual week of the last half year, and the hours that they will give in a week ahead.

    Args:
        history: read from the records.
        found: draws of the KTLO share; as many draws are made of the hours.
        asked: drawn hours of arriving work in a week, (draws,); where they are many, so are all hours.
        weeks: how many weeks ahead.
        rng: where the draws come from.
    """
    draws = found.share.size
    hours, people = history.total(history.days.hours), history.people[-RECENT:]
    if not hours.any():
        return Capacity(0, np.zeros(draws), found.share)
    given, part = draw_effort(history.hours(), hours, history.first_week, weeks, draws, rng)
    if asked is not None and asked.any():
        # A busy quarter has more of both: the quotient is as sure as the share is, not as two guesses are.
        rank = np.argsort(np.argsort(asked / np.maximum(part, 1e-6)))
        given = np.sort(given)[rank]
    usual = int(np.round(np.median(people[people > 0]))) if (people > 0).any() else 0
    return Capacity(usual, given, found.share)
