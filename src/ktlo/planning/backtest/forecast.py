"""ktlo's own forecast from one origin: the load fitted to what was known, as draws of hours and of the share.

The same estimators as :mod:`ktlo.planning.load.fitting`, without what only a page shows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ktlo.planning.load.arrivals import fit_arrivals
from ktlo.planning.load.classes import ORDER
from ktlo.planning.load.history import History
from ktlo.planning.load.item_hours import GENERIC, fit_item_hours
from ktlo.planning.load.spending import draw_effort

Floats = npt.NDArray[np.float64]

DRAWS = 400


def drawn_hours(history: History, horizon: int, rng: np.random.Generator, draws: int = DRAWS) -> Floats:
    """Draw the hours that work arriving by itself asks for in the weeks ahead, (draws,).

    Args:
        history: what is known.
        horizon: weeks ahead.
        rng: where the draws come from.
        draws: how many.
    """
    places = [place for place in range(len(ORDER)) if history.counts(None, place).sum()]
    total = np.zeros(draws)
    if not places:
        return total
    counts = np.array([history.counts(None, place) for place in places])
    arrivals = fit_arrivals(counts, history.first_week)
    work = fit_item_hours(
        history,
        [(place, None) for place in places],
        arrivals,
        [GENERIC[ORDER[place]] for place in places],
        draws,
        rng,
    )
    for series, place in enumerate(places):
        rate, size = arrivals.draw(series, horizon, draws, rng, history.end_week)
        each, cv = work.draw(series, rate, rng)
        if not history.hours(None, place).any():
            continue
        finite = np.where(np.isfinite(size), size, 1e9)[:, None]
        mixed = rng.standard_gamma(np.broadcast_to(finite, rate.shape)) / finite * rate
        items = rng.poisson(np.minimum(mixed.sum(axis=1), 1e9)).astype(np.float64)
        spread = np.maximum(items / cv**2, 1e-9)
        total += np.where(items > 0, rng.standard_gamma(spread) * each * cv**2, 0.0)
    return total


def drawn_share(history: History, horizon: int, rng: np.random.Generator, draws: int = DRAWS) -> Floats:
    """Draw the share of all effort that work arriving by itself will take in the weeks ahead, (draws,)."""
    everything = history.total(history.days.hours)
    if not everything.any():
        return np.zeros(draws)
    return draw_effort(history.hours(), everything, history.first_week, horizon, draws, rng)[1]
