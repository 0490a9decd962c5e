"""The staffing decision in plain words: every sentence is made from the answer's numbers.

Takes a :class:`~ktlo.planning.staffing.answer.StaffingAnswer`, gives sentences for the page, the document and the
terminal. A test reads them back and holds them against the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from ktlo.planning.assumptions import Prices
from ktlo.planning.staffing.answer import Comparison, Driver, StaffingAnswer
from ktlo.planning.staffing.flips import Flip
from ktlo.planning.staffing.outcome import Outcome
from ktlo.planning.staffing.simulation import Kind
from ktlo.planning.staffing.sizes import MOST_HELPED
from ktlo.report.charts import SECONDS, Unit, written
from ktlo.report.charts.quantity import compact, share
from ktlo.wording import counted

SURE, LIKELY = 0.95, 0.8
"""From these parts of the simulated quarters on, one is called cheaper, and probably cheaper."""

_HOURS = Unit(symbol="h")

INPUTS = {
    "load": "how much arrives",
    "engineers": "the number of engineers",
    "unfamiliar": "how much longer an item takes somebody who does not know the place",
    "hand_over_hours": "the hours of a change of shift",
    "idle_value": "the worth of an hour without items in a dedicated team",
    "duty_value": "the worth of an hour without items on duty",
    "interruption_minutes": "the minutes lost by an interruption",
    "traced": "how much of people's weeks the records show",
    "waiting_week": "the cost of an open item for a week",
    "downtime_hour": "the cost of an hour of downtime",
}
"""What each input is, in words that can follow "whether it is" or stand in a table."""


def money(prices: Prices) -> Unit:
    """The unit of costs over a table or an axis: the currency, or hours of labour."""
    return Unit(symbol="h of labour" if prices.currency == "h" else prices.currency or "units")


def _unit(prices: Prices) -> Unit:
    """The same within a sentence, short."""
    return Unit(symbol="h" if prices.currency == "h" else prices.currency or "units")


def name_of(outcome: Outcome) -> str:
    """``a rotation with 2 on duty``, ``a dedicated team of 3``, ``everybody as it comes``."""
    size = outcome.staffing.size
    return {
        Kind.ROTATION: f"a rotation with {size} on duty",
        Kind.DEDICATED: f"a dedicated team of {size}",
        Kind.AD_HOC: "everybody as it comes",
    }[outcome.staffing.kind]


def _short(outcome: Outcome) -> str:
    kind = outcome.staffing.kind
    return "dedicated team" if kind is Kind.DEDICATED else str(kind)


def hours_text(value: float | None) -> str:
    """Hours of waiting as a person says them."""
    if value is None:
        return "not estimable"
    return "at once" if value < 1 / 60 else written(value * 3600, SECONDS)


def headline(answer: StaffingAnswer) -> str:
    """The answer in one line."""
    compared = answer.comparison
    if compared is None:
        return "There is nothing to compare"
    one, other = name_of(compared.cheaper), name_of(compared.dearer)
    if compared.certainty >= SURE:
        return f"{one.capitalize()} is cheaper than {other}"
    if compared.certainty >= LIKELY:
        return f"{one.capitalize()} is probably cheaper than {other}"
    return (
        f"Whether {name_of(compared.rotation)} or {name_of(compared.dedicated)} is cheaper cannot be told yet"
    )


def certainty(answer: StaffingAnswer) -> str:
    """In how many of the simulated quarters."""
    compared = answer.comparison
    if compared is None:
        return ""
    return f"the {_short(compared.cheaper)} costs less in {share(compared.certainty)} of simulated quarters"


def saving(answer: StaffingAnswer) -> str:
    """By how much, with its interval."""
    compared = answer.comparison
    if compared is None or compared.difference.value is None:
        return answer.missing
    unit = _unit(answer.prices)
    sign = 1 if compared.cheaper is compared.rotation else -1
    ends = sorted(sign * end for end in (compared.difference.low or 0.0, compared.difference.high or 0.0))
    amount = abs(compared.difference.value)
    one = _short(compared.cheaper)
    less = f"On average the {one} costs {written(amount, unit)} {_of_labour(answer.prices)}a week less"
    if ends[0] == ends[1]:
        return less
    return f"{less}; 95% of the quarters lie within {written(ends[0], unit)} and {written(ends[1], unit)}"


def _of_labour(prices: Prices) -> str:
    return "of labour " if prices.currency == "h" else ""


def sentences(answer: StaffingAnswer) -> tuple[str, ...]:
    """The decision explained, in reading order."""
    compared = answer.comparison
    if compared is None:
        return answer.notes
    return (
        _who(answer, compared),
        *_too_small(compared),
        _cost(answer, compared),
        *_waiting(answer, compared),
        _knowledge(answer, compared),
        _load(answer, compared),
        *_nights(answer, compared),
        _as_it_comes(answer, compared),
        *_limits(compared),
        turning(answer, compared),
        *_measuring(compared),
        *answer.notes,
    )


def _who(answer: StaffingAnswer, compared: Comparison) -> str:
    rotation, dedicated = compared.rotation, compared.dedicated
    return (
        f"Of {counted(answer.people, 'engineers')}, the rotation has {rotation.staffing.size} on duty each week, so"
        f" that each is on duty {share(rotation.on_call)} of the time; the dedicated team takes the"
        f" {counted(dedicated.staffing.size, 'people')} who know most of what breaks away from building."
    )


def _too_small(compared: Comparison) -> Iterator[str]:
    """Why a cheaper, smaller size is not the one compared."""
    small = [
        other
        for other in compared.others
        for chosen in (compared.rotation, compared.dedicated)
        if other.staffing.kind is chosen.staffing.kind
        and other.staffing.size < chosen.staffing.size
        and other.helped > MOST_HELPED
    ]
    if small:
        told = listed([f"{name_of(other)} for {share(other.helped)}" for other in small])
        yield f"Smaller ones would have to ask others for help with too many items: {told} of them."


_PARTS = {
    "The work itself": "for the work",
    "Interruptions": "for interruptions",
    "Changes of shift": "for the change of shift",
    "Standing ready": "for standing ready",
    "Open items": "for open items",
    "Downtime": "for downtime",
}


def _cost(answer: StaffingAnswer, compared: Comparison) -> str:
    unit = _unit(answer.prices)

    def told(outcome: Outcome) -> str:
        parts = [
            f"{written(value.value, unit)} {_PARTS[title]}" for title, value in outcome.parts if value.value
        ]
        return f"{written(outcome.cost.value, unit)} with the {_short(outcome)}: {listed(parts)}"

    return f"A week costs {told(compared.rotation)}; and {told(compared.dedicated)}."


def listed(parts: list[str]) -> str:
    """``a, b and c``."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def _waiting(answer: StaffingAnswer, compared: Comparison) -> Iterator[str]:
    told = (compared.rotation, compared.dedicated, compared.ad_hoc)
    if any(outcome.wait_median is None for outcome in told):
        return
    half = [hours_text(outcome.wait_median) for outcome in told]
    most = [hours_text(outcome.wait_most) for outcome in told]
    yield (
        f"Nine in ten items are begun within {most[0]} with the rotation (half within {half[0]}), {most[1]} with the"
        f" team (half within {half[1]}) and {most[2]} where everybody helps as it comes; nights and weekends are in"
        f" these times, for {share(answer.others_outside)} of the items arrive when nobody is in working hours."
    )


def _knowledge(answer: StaffingAnswer, compared: Comparison) -> str:
    today, rotation, dedicated = answer.knowledge, compared.rotation.knowledge, compared.dedicated.knowledge
    return (
        f"Today {compact(round(today.knowers, 1))} people know a place where work arises, on average; after a year"
        f" it would be {compact(round(rotation.knowers, 1))} with the rotation and"
        f" {compact(round(dedicated.knowers, 1))} with the team. Half of the work would be left without anybody who"
        f" knows it once {rotation.bus_factor} had gone, against {dedicated.bus_factor} with the team and"
        f" {today.bus_factor} today."
    )


def _load(answer: StaffingAnswer, compared: Comparison) -> str:
    return (
        f"The busiest person carries {share(compared.rotation.busiest)} of the reactive hours with the rotation and"
        f" {share(compared.dedicated.busiest)} with the team; shared equally it would be {share(1 / answer.people)}."
    )


def _nights(answer: StaffingAnswer, compared: Comparison) -> Iterator[str]:
    rotation, dedicated = compared.rotation, compared.dedicated
    if not any(outcome.woken for outcome in (rotation, dedicated, compared.ad_hoc)):
        return
    yield (
        f"{share(answer.outside_hours)} of incidents arrive when nobody is in working hours. Calls outside somebody's"
        f" hours: {compact(rotation.woken)} a month with the rotation (up to {compact(rotation.woken_each)} for one"
        f" person) and {compact(dedicated.woken)} with the team (up to {compact(dedicated.woken_each)})."
    )


def _as_it_comes(answer: StaffingAnswer, compared: Comparison) -> str:
    unit, ad_hoc = _unit(answer.prices), compared.ad_hoc
    cheapest = (ad_hoc.cost.value or 0.0) < min(
        compared.rotation.cost.value or 0.0, compared.dedicated.cost.value or 0.0
    )
    return (
        f"With everybody as it comes a week costs {written(ad_hoc.cost.value, unit)}"
        + (", less than either" if cheapest else "")
        + f", and the work of others is broken into {compact(ad_hoc.interruptions)} times a week instead of"
        f" {compact(compared.rotation.interruptions)} with the rotation and"
        f" {compact(compared.dedicated.interruptions)} with the team."
    )


def _limits(compared: Comparison) -> Iterator[str]:
    for outcome in (compared.rotation, compared.dedicated):
        if outcome.limits:
            yield f"{name_of(outcome).capitalize()} breaks limits of on-call work: {'; '.join(outcome.limits)}."


def value_text(flip: Flip, value: float | None, prices: Prices) -> str:
    """A value of an input with its unit."""
    if value is None:
        return "unknown"
    if flip.name == "load":
        return "as today" if value == 1 else f"{compact(value)} times today's"
    if flip.name == "engineers":
        return f"{value:.0f}"
    if flip.name == "hand_over_hours":
        return written(value, _HOURS)
    if flip.name == "interruption_minutes":
        return f"{compact(value)} min"
    if flip.name in ("waiting_week", "downtime_hour"):
        return written(value, _unit(prices))
    return share(value)


def looked_for(flip: Flip, prices: Prices) -> str:
    """The stretch in which a turn was looked for."""
    if flip.name == "load":
        return f"{compact(flip.low)} to {compact(flip.high)} times today's"
    return f"{value_text(flip, flip.low, prices)} to {value_text(flip, flip.high, prices)}"


def nearness(flip: Flip) -> float:
    """How far a value must move, as the logarithm of a factor; unknown prices come last but one."""
    if flip.at is None:
        return math.inf
    if flip.now is None:
        return 10.0
    smallest = 0.02 * (flip.high - flip.low)
    return abs(math.log((flip.at + smallest) / (flip.now + smallest)))


def turning(answer: StaffingAnswer, compared: Comparison) -> str:
    """What would turn the verdict: the two nearest, or that nothing would."""
    near = sorted((flip for flip in compared.flips if flip.at is not None), key=nearness)[:2]
    if not near:
        return (
            "Nothing within reason would turn which is cheaper on average, changed alone: not the load, the number"
            " of engineers, the prices or any assumption."
        )
    told = [
        f"{INPUTS[flip.name]} were {value_text(flip, flip.at, answer.prices)}"
        + (
            f" instead of {value_text(flip, flip.now, answer.prices)}"
            if flip.name != "load" and flip.now is not None
            else ""
        )
        for flip in near
    ]
    return f"Both would cost the same on average if {', or if '.join(told)}."


def _measuring(compared: Comparison) -> Iterator[str]:
    first = next((driver for driver in compared.drivers if driver.share >= 0.1), None)
    if first is None:
        return
    yield driver_text(first)


def driver_text(driver: Driver) -> str:
    """Which input the verdict hangs on most, and what to do about it."""
    about = f"The difference hangs most on {INPUTS[driver.name]}: {share(driver.share)} of its variation follows it"
    if driver.name == "load":
        return f"{about}, which is chance."
    if driver.name == "traced":
        return f"{about}. It cannot be read from records."
    return f"{about}. Nobody has said it, so a wide range stands in: planning.staffing in ktlo.yaml takes it."
