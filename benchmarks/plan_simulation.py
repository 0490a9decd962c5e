"""How fast a plan is: 10,000 simulated years of a team of five kinds of work, a slider, and a whole decision.

Run: ``python benchmarks/plan_simulation.py``. A simulated year is 52 weeks of one future at one share. The floor is a
plain loop in Python over one future, measured in the same run. Figures of a busy machine mislead: trust the ratios.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from _repeated import seconds

from ktlo.planning.assumptions import Prices
from ktlo.planning.budget.plan import QUICK_FUTURES, Asked, decide, decide_quickly
from ktlo.planning.budget.simulate import simulate

TEAMS = Path(__file__).parents[1] / "tests" / "planning"
PRICES = Prices("EUR", 80.0, 2000.0, 15.0, 0.2)
YEARS = 10_000
SHARES = np.round(np.arange(0, 1.0001, 0.01), 2)


def main() -> None:
    """Measure and print."""
    sys.path[:0] = [str(TEAMS), str(TEAMS / "budget")]
    import naive
    from worlds import team

    demand = team(draws=500)
    one_share = seconds(lambda: simulate(demand, [0.25], futures=YEARS, weeks=52))
    print(f"{YEARS:,} simulated years at one share: {one_share:.2f} s, {YEARS / one_share:,.0f} a second")
    futures = YEARS // 100
    curve = seconds(lambda: simulate(demand, SHARES, futures=futures, weeks=52))
    years = futures * SHARES.size
    print(
        f"{years:,} simulated years along the curve (101 shares): {curve:.2f} s, {years / curve:,.0f} a second"
    )
    plain = seconds(lambda: naive.mean_of(demand, 0.25, 52, 8, 20, 1)) / 20
    print(
        f"  a plain loop, item by item: {1 / plain:,.0f} a second; {years / curve * plain:,.0f} times slower"
    )
    asked = Asked(in_force=0.25)
    whole = seconds(lambda: decide(demand, PRICES, asked))
    print(f"a whole decision (curve, options, break-evens, horizons, worth of measuring): {whole:.2f} s")
    slider = seconds(lambda: decide_quickly(demand, PRICES, Asked(in_force=0.25, futures=QUICK_FUTURES)))
    print(f"an answer to a slider, without the page: {1000 * slider:.0f} ms")
    if one_share > 10:
        sys.exit("10,000 simulated years took more than 10 s")


if __name__ == "__main__":
    main()
