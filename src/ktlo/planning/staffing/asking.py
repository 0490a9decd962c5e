"""Asks how reactive work should be staffed: records and settings in, one frozen answer out, remembered for a while.

The only place of staffing that meets the store. An answer is kept until the records or what is asked change.
"""

from __future__ import annotations

from dataclasses import replace

from ktlo.metrics.question import Question
from ktlo.planning.assumptions import Prices
from ktlo.planning.budget.asking import WEEKS_AHEAD
from ktlo.planning.demand import Demand
from ktlo.planning.load.asking import content_key, remembered_load
from ktlo.planning.remembered import Remembered
from ktlo.planning.staffing.answer import DRAWS, StaffingAnswer, answer_staffing
from ktlo.planning.staffing.people import read_crew
from ktlo.planning.staffing.terms import draw_terms
from ktlo.settings import Settings
from ktlo.settings.planning import StaffingSettings
from ktlo.store.protocol import Queryable

_answers: Remembered[StaffingAnswer] = Remembered()


def ask_staffing(
    store: Queryable,
    question: Question,
    settings: Settings,
    said: StaffingSettings | None = None,
    *,
    weeks: int | None = None,
    seed: int | None = None,
) -> StaffingAnswer:
    """Compare a dedicated team with a rotation, from the records up to the end of the question's period.

    Args:
        store: where the records are.
        question: its end and its filters by service, repository and team; its start does not matter.
        settings: prices and assumptions.
        said: what is asked instead of the settings' own ``planning.staffing``.
        weeks: weeks ahead; the settings' when not given.
        seed: the same records and seed give the same answer; the settings' when not given.

    Raises:
        UsageError: a filter that a load does not have.
    """
    planning = settings.planning
    said = said or planning.staffing
    weeks = planning.weeks if weeks is None else weeks
    seed = planning.seed if seed is None else seed
    key = content_key(store, question, settings, said.model_dump_json(), weeks, seed)

    def answer() -> StaffingAnswer:
        # Fitted as the budget's is, so that one fit answers both; debt is not staffed.
        whole = remembered_load(store, replace(question, by=None), settings, weeks=WEEKS_AHEAD, seed=seed)
        demand = first_weeks(whole.demand, weeks)
        crew = read_crew(store, question, settings)
        prices = Prices.of(planning)
        terms = draw_terms(
            said,
            prices,
            interruption_said="interruption_minutes" in planning.model_fields_set,
            draws=DRAWS,
            seed=seed,
            pace=crew.pace,
        )
        return answer_staffing(demand, crew, prices, terms, said, seed=seed)

    return _answers.once(key, answer)


def first_weeks(demand: Demand, weeks: int) -> Demand:
    """The same demand, looked ahead fewer weeks."""
    return replace(demand, classes=tuple(replace(part, rate=part.rate[:, :weeks]) for part in demand.classes))
