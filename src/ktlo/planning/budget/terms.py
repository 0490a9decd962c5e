"""What a person asks a plan for, as it is written in a URL, on the command line and in a saved scenario.

Every value is optional; what is not given is as the settings and the records have it. The names are the URL's
parameters, so that a plan is a link, and a scenario is a link with a name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from pydantic import ValidationError

from ktlo.errors import UsageError
from ktlo.planning.assumptions import Prices
from ktlo.planning.budget.plan import FUTURES, Asked
from ktlo.planning.budget.world import Changes
from ktlo.settings.planning import PlanningSettings

_PRICES = ("labour_hour", "downtime_hour", "waiting_week", "interruption_minutes")


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that can be asked: its range, and how it is explained."""

    label: str
    unit: str
    least: float
    most: float
    step: float
    hint: str


TERMS: Mapping[str, Term] = {
    "weeks": Term("Weeks ahead", "weeks", 1, 52, 1, "A quarter is 13."),
    "share": Term("Share to look at", "%", 0, 100, 1, "Compared with the best share and the others."),
    "labour_hour": Term("An hour of labour", "money", 0, 10_000, 1, "Without it all is told in hours."),
    "downtime_hour": Term("An hour of downtime", "money", 0, 1e9, 1, "Left empty, the break-even is shown."),
    "waiting_week": Term("An item waiting a week", "money", 0, 1e9, 1, "Left empty, the work must keep up."),
    "interruption_minutes": Term("An interruption", "minutes", 0, 480, 0.5, "Published: 10 to 15 minutes."),
    "people": Term("People", "people", 0.5, 1000, 0.5, "Each gives the hours that one gives today."),
    "demand": Term("Demand", "% of today", 0, 1000, 5, "Arrivals of every kind."),
    "work": Term("Hours an item takes", "% of today", 0, 1000, 5, "Of every kind."),
    "prevention": Term(
        "Effect of prevention", "% of fitted", 0, 1000, 5, "200: half of the hours do as much."
    ),
    "upkeep": Term(
        "Other upkeep", "% of hours", 0, 100, 1, "Must be done whatever arrives, and prevents nothing."
    ),
    "old_work": Term("Old work to finish", "% of it", 0, 100, 5, "Of what is open today, within the weeks."),
    "seed": Term("Seed", "", 0, 2**31, 1, "The same seed, the same plan."),
}


_AS_IS = {"demand": 100.0, "work": 100.0, "prevention": 100.0, "upkeep": 0.0, "old_work": 0.0}
"""Values that change nothing: given or not, it is the same plan."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked; ``None`` for what is left as it is. Shares and factors are percent here, as people write them."""

    weeks: float | None = None
    share: float | None = None
    labour_hour: float | None = None
    downtime_hour: float | None = None
    waiting_week: float | None = None
    interruption_minutes: float | None = None
    people: float | None = None
    demand: float | None = None
    work: float | None = None
    prevention: float | None = None
    upkeep: float | None = None
    old_work: float | None = None
    seed: float | None = None

    @classmethod
    def read(cls, given: Mapping[str, str]) -> Terms:
        """Read terms from texts; names that are none are left alone, empty values are not given.

        Raises:
            UsageError: no number, or one outside its range.
        """
        numbers = {
            name: _number(name, text.strip())
            for name, text in given.items()
            if name in TERMS and text.strip()
        }
        return cls(**{name: value for name, value in numbers.items() if value != _AS_IS.get(name)})

    def query(self) -> dict[str, str]:
        """The terms that are given, as texts that :meth:`read` understands."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: f"{value:.12g}" for name, value in given.items() if value is not None}

    @property
    def is_what_if(self) -> bool:
        """Whether anything differs from today and the settings, beyond what one looks at."""
        return any(
            getattr(self, name) is not None for name in TERMS if name not in ("weeks", "share", "seed")
        )

    def prices(self, said: PlanningSettings) -> Prices:
        """Prices of the settings with those of the terms.

        Raises:
            UsageError: a price that no settings file could have.
        """
        given = {name: getattr(self, name) for name in _PRICES if getattr(self, name) is not None}
        try:
            return Prices.of(PlanningSettings.model_validate({**said.model_dump(), **given}))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise UsageError(f"{place}: {first['msg']}", fix="See `ktlo plan --help`") from error

    def asked(
        self,
        said: PlanningSettings,
        people: int,
        *,
        in_force: float | None,
        last_quarter: float | None = None,
        futures: int = FUTURES,
    ) -> Asked:
        """The question to a plan.

        Args:
            said: the settings.
            people: in the team today.
            in_force: share in force.
            last_quarter: share measured over the last quarter.
            futures: courses of events.
        """
        return Asked(
            weeks=int(self.weeks if self.weeks is not None else said.weeks),
            seed=int(self.seed if self.seed is not None else said.seed),
            in_force=in_force,
            last_quarter=last_quarter,
            looked_at=None if self.share is None else self.share / 100,
            changes=Changes(
                demand=_factor(self.demand),
                people=1.0 if self.people is None else min(self.people / max(people, 1), 10.0),
                prevention=_factor(self.prevention),
                work=_factor(self.work),
                upkeep=0.0 if self.upkeep is None else self.upkeep / 100,
            ),
            old_work=0.0 if self.old_work is None else self.old_work / 100,
            futures=futures,
        )


def _factor(percent: float | None) -> float:
    return 1.0 if percent is None else percent / 100


def _number(name: str, text: str) -> float:
    term = TERMS[name]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    whole = name in ("weeks", "seed")
    if not term.least <= value <= term.most or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        raise UsageError(
            f"{name}: {text[:40]!r} is not {kind} from {term.least:g} to {term.most:,.0f}",
            fix=f"{term.label}: {term.hint}",
        )
    return value
