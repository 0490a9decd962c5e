"""How fast a staffing answer is: team against rotation, all sizes and what would turn the verdict.

Run: ``python benchmarks/staffing_answer.py``. The floor is the simulations of the same answer without the
rest, measured in the same run. Figures of a busy machine mislead: trust the ratio.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from _repeated import seconds

from ktlo.planning.assumptions import Prices
from ktlo.planning.staffing import trial
from ktlo.planning.staffing.answer import DRAWS, answer_staffing
from ktlo.planning.staffing.simulation import simulate
from ktlo.planning.staffing.terms import draw_terms
from ktlo.settings.planning import StaffingSettings

TEAMS = Path(__file__).parents[1] / "tests" / "planning"
IN_HOURS = Prices("h", 1.0, None, None, 12.5 / 60)
PROMISED = 3.0
"""Processor seconds on a machine of its own."""
cpu_seconds = partial(seconds, clock=time.process_time)


def main() -> None:
    """Measure and print."""
    sys.path[:0] = [str(TEAMS), str(TEAMS / "staffing")]
    from crews import crew
    from worlds import team

    said, asked = StaffingSettings(), []

    def kept(*given: Any) -> Any:
        asked.append(given)
        return simulate(*given)

    def answer() -> object:
        terms = draw_terms(said, IN_HOURS, interruption_said=False, draws=DRAWS, seed=1)
        return answer_staffing(team(), crew(10, places=5, knowledge=0.5), IN_HOURS, terms, said, seed=1)

    trial.simulate = kept
    answer()
    trial.simulate = simulate
    whole = cpu_seconds(answer)
    floor = cpu_seconds(lambda: [simulate(*given) for given in asked])
    print(
        f"an answer about staffing ten engineers: {whole:.2f} s, {whole / floor:.1f} times its {len(asked)} simulations"
    )
    if whole > PROMISED:
        sys.exit(f"an answer took more than {PROMISED:.0f} s")


if __name__ == "__main__":
    main()
