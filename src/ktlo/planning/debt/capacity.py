"""How many hours a week there are for paying debt back: said, from the share in force, or what was spent lately.

Takes the effort of the last 13 weeks. A share in force leaves for prevention what work that arrives by itself (bugs,
incidents, security, support) does not take.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ktlo.metrics.question import Dimension, Question
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable

LATELY_WEEKS = 13
MOST_HOURS = 10_000.0

_SPENT = """
SELECT sum(person_days) AS everything,
  sumIf(person_days, category IN ('bug_fix', 'incident', 'security', 'support')) AS reactive,
  sumIf(person_days, category IN ('debt', 'dependency')) AS preventive
FROM ktlo.effort
WHERE day >= toDate({start:DateTime64(6, 'UTC')}) AND day < toDate({end:DateTime64(6, 'UTC')})
  AND (empty({services:Array(String)}) OR has({services:Array(String)}, toString(service)))
  AND (empty({repositories:Array(String)}) OR has({repositories:Array(String)}, toString(repository)))
  AND (empty({teams:Array(String)}) OR has({teams:Array(String)}, toString(team)))"""


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """Hours a week for paying back.

    Attributes:
        hours: 0 or above.
        basis: where they come from, in one sentence.
    """

    hours: float
    basis: str


def weekly_hours(
    store: Queryable, question: Question, settings: Settings, said: float | None, share: float | None
) -> WeeklyHours:
    """How many hours a week there are.

    Args:
        store: asked for the effort of the last 13 weeks.
        question: its end, and its filters.
        settings: hours of a day.
        said: what a person says; ``None`` to find it out.
        share: the share in force for keeping the lights on; ``None`` when none is.
    """
    if said is not None:
        return WeeklyHours(said, "as you say")
    end = min(question.end, question.now)
    found = store.query(
        _SPENT,
        {
            "start": end - dt.timedelta(weeks=LATELY_WEEKS),
            "end": end,
            "services": list(question.only.get(Dimension.SERVICE, ())),
            "repositories": list(question.only.get(Dimension.REPOSITORY, ())),
            "teams": list(question.only.get(Dimension.TEAM, ())),
        },
    ).to_pylist()[0]
    scale = settings.effort.hours_per_day / LATELY_WEEKS
    everything, reactive = found["everything"] * scale, found["reactive"] * scale
    if share is not None and everything > 0:
        left = max(0.0, share * everything - reactive)
        basis = (
            f"the share in force, {share:.0%} of {everything:.1f} traced hours a week, less the {reactive:.1f} h"
            " that bugs, incidents, security and support took lately"
        )
        return WeeklyHours(left, basis)
    spent = found["preventive"] * scale
    return WeeklyHours(spent, f"what went to debt and dependencies in the last {LATELY_WEEKS} weeks")
