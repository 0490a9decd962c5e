"""How the parts of a plan are called and how its amounts are written, the same in sentences, tables and charts."""

from __future__ import annotations

from ktlo.planning.assumptions import Prices
from ktlo.planning.budget.costs import Component
from ktlo.planning.budget.options import Why
from ktlo.planning.budget.sensitivity import Aspect, Influence
from ktlo.planning.demand import WorkClass
from ktlo.report.charts import Swatch, Texture, Unit, written
from ktlo.report.charts.quantity import fixed, share

HOURS = Unit(symbol="h")
DAYS = Unit(symbol="days")
PERSON_WEEKS = Unit(symbol="person-weeks")

COMPONENTS = {
    Component.LABOUR: Swatch("labour", "Hours of the share", "--s-1"),
    Component.LEFT_OVER: Swatch("left_over", "Work left over", "--s-2", Texture.RISING),
    Component.INTERRUPTION: Swatch("interruption", "Interruptions", "--s-3", Texture.LEVEL),
    Component.INTEREST: Swatch("interest", "Interest on debt", "--s-6", Texture.GRID),
    Component.WAITING: Swatch("waiting", "Waiting", "--s-5", Texture.DOTS),
    Component.DOWNTIME: Swatch("downtime", "Downtime", "--s-4", Texture.FALLING),
}
"""Components of the cost, from the ground of the picture up."""

WHY = {
    Why.BEST: "Best",
    Why.IN_FORCE: "In force",
    Why.RULE: "20/80 rule",
    Why.LAST_QUARTER: "Measured lately",
    Why.ASKED: "Looked at",
}

CLASSES = {
    WorkClass.INCIDENT: "incidents",
    WorkClass.BUG: "bugs",
    WorkClass.VULNERABILITY: "vulnerabilities",
    WorkClass.DEPENDENCY: "updates of dependencies",
    WorkClass.REQUEST: "requests",
}

_OF_CLASS = {
    Aspect.ARRIVALS: "how many {} arrive in a week",
    Aspect.WORK: "hours that {} take",
    Aspect.PREVENTION: "preventive hours that it takes to have fewer {}",
    Aspect.DOWNTIME: "hours of downtime that {} bring",
}
_OF_TEAM = {
    Aspect.HOURS: "hours that the team gives in a week",
    Aspect.USUAL_PREVENTION: "hours that have kept the lights on lately",
    Aspect.DOWNTIME_PRICE: "what an hour of downtime costs",
    Aspect.WAITING_PRICE: "what a week of waiting costs",
    Aspect.INTERRUPTION: "hours lost by an interruption",
}


def input_name(influence: Influence) -> str:
    """What an input is, in words that can follow "knowing"."""
    if influence.work_class is not None:
        return _OF_CLASS[influence.aspect].format(CLASSES[influence.work_class])
    return _OF_TEAM[influence.aspect]


_LABELS = {
    Aspect.ARRIVALS: "{}, how many",
    Aspect.WORK: "{}, hours each",
    Aspect.PREVENTION: "{}, effect of prevention",
    Aspect.DOWNTIME: "{}, downtime each",
}
_TEAM_LABELS = {
    Aspect.HOURS: "Hours of the team",
    Aspect.USUAL_PREVENTION: "Share measured lately",
    Aspect.DOWNTIME_PRICE: "Price of downtime",
    Aspect.WAITING_PRICE: "Price of waiting",
    Aspect.INTERRUPTION: "Hours of an interruption",
}
_SHORT = {WorkClass.DEPENDENCY: "updates"}


def input_label(influence: Influence) -> str:
    """What an input is, short enough for an axis: ``Bugs, hours each``."""
    kind = influence.work_class
    if kind is None:
        return _TEAM_LABELS[influence.aspect]
    return _LABELS[influence.aspect].format(_SHORT.get(kind, CLASSES[kind]).capitalize())


def money(prices: Prices) -> Unit:
    """The unit of costs: the currency, or hours of labour."""
    return Unit(symbol="h of labour" if prices.currency == "h" else prices.currency or "units")


def cost(value: float, prices: Prices) -> str:
    """A cost in words."""
    return written(value, money(prices))


def part(value: float) -> str:
    """A part of the futures in words: never 0% or 100% of what was only simulated."""
    if value <= 0:
        return "none"
    if value >= 1:
        return "all"
    return f"{fixed(min(max(value, 0.01), 0.99) * 100, 0)}%"


def between(low: float, high: float) -> str:
    """``22% to 29%``; one share where both ends are the same."""
    return share(low) if share(low) == share(high) else f"{share(low)} to {share(high)}"
