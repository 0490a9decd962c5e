"""How often an incident comes with downtime, and how long that lasts.

Stretches come from a history (overlaps of a service merged, each given to one incident), so that downtime adds up
to what was measured. Probability: Beta posterior with Jeffreys' prior; hours: :mod:`heavy_tails`, outages that
last counting as at least as long as so far.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ktlo.planning.load.heavy_tails import Amounts, Belief, draw_means
from ktlo.planning.load.history import History

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_BELIEF = Belief(log_median=float(np.log(1.0)), sigma=1.2)
"""An outage of an hour or so, as status pages tell; worth a few outages only."""


def fit_downtime(
    history: History, chosen: Flags, weights: Floats, draws: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Probability that an incident comes with downtime, and mean hours of one that does, both (draws,).

    Args:
        history: read from the records.
        chosen: which items are meant, (items,).
        weights: how much each of those counts, (chosen,).
        draws: how many.
        rng: where they come from.
    """
    if not history.knows_downtime:
        return np.zeros(draws), np.zeros(draws)
    all_hours, all_ended = history.downtime_hours()
    hours, has_ended = all_hours[chosen], all_ended[chosen]
    down = hours > 0
    with_it, without = float(weights[down].sum()), float(weights[~down].sum())
    probability = rng.beta(with_it + 0.5, without + 0.5, size=draws)
    lasted, _ = draw_means(Amounts(hours[down], has_ended[down], weights[down]), _BELIEF, draws, rng)
    return probability, lasted
