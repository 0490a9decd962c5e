"""What nobody's records tell: how long a hand-over takes, what an idle hour is worth, what not knowing costs.

Where a team says it (``planning.staffing`` in ktlo.yaml, or on the page), it is taken; else it is drawn from a wide
range, so that the verdict's interval carries our ignorance, and ``flips`` tells at which value it would turn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from ktlo.planning.assumptions import Prices
from ktlo.planning.demand import Floats
from ktlo.planning.staffing.costs import Rates
from ktlo.settings.planning import StaffingSettings

HAND_OVER = (0.7, 6.0)
"""Hours that a change of shift takes, 5% and 95%: ours; no published figure was found."""
UNFAMILIAR = (0.2, 1.3)
"""How much longer an item takes who does not know the place, 5% and 95%: ours. Developers become fluent over
months (Zhou and Mockus, Developer Fluency, FSE 2010), which says that it is not nothing, not how much it is."""
IDLE_VALUE = (0.2, 0.8)
"""What an hour without items is worth in a dedicated team against an hour of building, 5% and 95%: ours."""
DUTY_VALUE = (0.7, 1.0)
"""The same for somebody on duty who builds meanwhile, interruptions apart, 5% and 95%: ours."""
INTERRUPTION = (10 / 60, 15 / 60)
"""Hours to resume (Parnin and Rugaber 2011)."""
_Z = 1.6448536269514722


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """Assumptions, one value a draw, (draws,).

    Attributes:
        hand_over: hours lost at each change of shift by one pair: handing over, taking over, getting back into
            one's own work.
        unfamiliar: 0.5 is half as long again for somebody who does not know the place.
        idle_value: worth of an hour without items in a dedicated team, 0 to 1.
        duty_value: worth of an hour without items on duty in a rotation, 0 to 1.
        interruption: hours to resume after an interruption.
        traced: traced hours in one real hour: what a change of shift and an interruption count against traced work.
        said: names of those that a person has said.
    """

    hand_over: Floats
    unfamiliar: Floats
    idle_value: Floats
    duty_value: Floats
    interruption: Floats
    traced: Floats
    said: frozenset[str]

    def rates(self) -> Rates:
        """What the assumptions weigh against traced hours."""
        return Rates(
            interruption=self.interruption * self.traced,
            hand_over=self.hand_over * self.traced,
            idle_value=self.idle_value,
            duty_value=self.duty_value,
        )

    def first(self, draws: int) -> Terms:
        """The first so many draws."""
        kept = {each.name: getattr(self, each.name) for each in fields(self)}
        return Terms(**{name: value if name == "said" else value[:draws] for name, value in kept.items()})

    @property
    def draws(self) -> int:
        """How many draws there are."""
        return int(self.hand_over.size)


def draw_terms(
    said: StaffingSettings,
    prices: Prices,
    *,
    interruption_said: bool,
    draws: int,
    seed: int,
    pace: float = 1.0,
) -> Terms:
    """Take what is said and draw the rest.

    Args:
        said: what the team says about its staffing.
        prices: for the interruption.
        interruption_said: the team has said what an interruption costs, so it is not drawn.
        draws: how many.
        seed: the same seed, the same draws.
        pace: traced hours in one hour of a full working week. Where it is low, people work part of the time or most
            of their work leaves no trace; which of the two is not known, so anything between is drawn.
    """
    rng = np.random.default_rng([seed, 4])
    over, strange, idle, resume, duty = rng.standard_normal((5, draws))

    least = min(max(pace, 0.0), 1.0)
    traced = least + (1 - least) * rng.random(draws)

    def lognormal(given: float | None, ends: tuple[float, float], chance: Floats) -> Floats:
        if given is not None:
            return np.full(draws, given)
        low, high = (math.log(end) for end in ends)
        return np.exp((low + high) / 2 + (high - low) / (2 * _Z) * chance)

    def worth(given: float | None, ends: tuple[float, float], chance: Floats) -> Floats:
        if given is not None:
            return np.full(draws, given)
        return np.clip(sum(ends) / 2 + (ends[1] - ends[0]) / (2 * _Z) * chance, 0.0, 1.0)

    asked = ("hand_over_hours", "unfamiliar", "idle_value", "duty_value")
    names = {name for name in asked if getattr(said, name) is not None}
    return Terms(
        hand_over=lognormal(said.hand_over_hours, HAND_OVER, over),
        unfamiliar=lognormal(said.unfamiliar, UNFAMILIAR, strange),
        idle_value=worth(said.idle_value, IDLE_VALUE, idle),
        duty_value=worth(said.duty_value, DUTY_VALUE, duty),
        interruption=np.full(draws, prices.interruption_hours)
        if interruption_said
        else lognormal(None, INTERRUPTION, resume),
        traced=traced,
        said=frozenset(names | ({"interruption_minutes"} if interruption_said else set())),
    )
