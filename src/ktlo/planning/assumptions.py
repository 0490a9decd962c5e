"""What a plan takes from people instead of records: prices, working hours, limits. From ``planning:`` in ktlo.yaml.

Nothing here has a published downtime cost as its default: what is unknown stays unknown, and the decision shows
from which price on it would change.
"""

from __future__ import annotations

from dataclasses import dataclass

from ktlo.settings.planning import PlanningSettings

RESUME_HOURS = 12.5 / 60
"""Hours to resume after an interruption: 10 to 15 minutes (Parnin and Rugaber, Software Quality Journal 2011)."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What an hour of everything costs, all in one currency.

    Attributes:
        currency: ISO 4217 code or any sign; ``h`` when no labour price is known: then everything is in hours of labour.
        labour_hour: cost of an hour of labour; 1 when everything is in hours.
        downtime_hour: cost of an hour of downtime; ``None`` when unknown, which is not nothing.
        waiting_week: cost of an open item waiting for a week; ``None`` when unknown.
        interruption_hours: hours lost by each interruption.
    """

    currency: str
    labour_hour: float
    downtime_hour: float | None
    waiting_week: float | None
    interruption_hours: float

    @classmethod
    def of(cls, said: PlanningSettings) -> Prices:
        """Prices as they are said in the settings; without a labour price the unit is an hour of labour."""
        in_money = said.labour_hour is not None
        return cls(
            currency=said.currency if in_money else "h",
            labour_hour=said.labour_hour if said.labour_hour is not None else 1.0,
            downtime_hour=said.downtime_hour,
            waiting_week=said.waiting_week,
            interruption_hours=said.interruption_minutes / 60,
        )
