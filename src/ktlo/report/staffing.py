"""Dedicated team or rotation, as a section: the verdict, costs, what it is like, what would turn it.

Takes the answer of ``planning/staffing``; the page, the document and the terminal show the same words and figures.
"""

from __future__ import annotations

from ktlo.metrics.question import Question
from ktlo.planning.staffing.answer import Comparison, StaffingAnswer
from ktlo.planning.staffing.asking import ask_staffing
from ktlo.planning.staffing.outcome import PART_NAMES, Outcome
from ktlo.planning.staffing.terms import DUTY_VALUE, HAND_OVER, IDLE_VALUE, INTERRUPTION, UNFAMILIAR
from ktlo.report.charts import (
    COUNT,
    SECONDS,
    SHARE,
    Head,
    Heading,
    Range,
    RangeChart,
    Row,
    Table,
    Unit,
    written,
)
from ktlo.report.pieces import Answer, Known, Nothing
from ktlo.report.sections import Figure, Links, Listing, Section
from ktlo.report.staffing_words import (
    INPUTS,
    certainty,
    headline,
    looked_for,
    money,
    name_of,
    nearness,
    saving,
    sentences,
    value_text,
)
from ktlo.settings import Settings
from ktlo.settings.planning import StaffingSettings
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

_SOURCE = (
    "Simulation of a queue with people who differ (Kiefer and Wolfowitz, Transactions of the AMS 1955), checked against"
    " Erlang's formula; Beyer et al., Site Reliability Engineering, 2016, chapter 11; Avelino et al., ICPC 2016"
)
_DEFINITION = (
    "Work that arrives by itself is drawn from the fitted load and given to people as they are at work: to a dedicated"
    " team, to those on duty in a weekly rotation, or to anybody. The cost of a week is the hours of the work (longer"
    " for who does not know the place), of interruptions, of changes of shift and of standing ready, plus open"
    " items and downtime where they have a price. All meet the same arrivals, so a difference is not chance. See"
    " docs/planning-staffing.md."
)
_FROM = {"load": "records", "traced": "records, and not knowing"}
_MISSING = (
    "Whether the people want it: a rotation or a team that nobody wants costs more than any of these numbers.",
    "What building loses when those who know most leave it for a dedicated team.",
)
_RANGES = {
    "hand_over_hours": (HAND_OVER, Unit(symbol="h")),
    "unfamiliar": (UNFAMILIAR, SHARE),
    "idle_value": (IDLE_VALUE, SHARE),
    "duty_value": (DUTY_VALUE, SHARE),
    "interruption_minutes": ((INTERRUPTION[0] * 60, INTERRUPTION[1] * 60), Unit(symbol="min")),
}


def staffing(
    store: Queryable,
    question: Question,
    settings: Settings,
    links: Links,
    said: StaffingSettings | None = None,
    *,
    seed: int | None = None,
) -> Section:
    """Answer whether a dedicated team or a rotation should do the work that arrives by itself."""
    return staffing_section(ask_staffing(store, question, settings, said, seed=seed), links)


def staffing_section(answer: StaffingAnswer, links: Links) -> Section:
    """The section of an answer."""
    compared = answer.comparison
    return Section(
        key="plan/staffing",
        title="Staffing",
        answer=Answer(
            question="A dedicated team, or a rotation?",
            said=headline(answer),
            interval=certainty(answer),
            change=saving(answer),
        ),
        sentences=sentences(answer),
        cards=(),
        figures=(_costs(answer, compared),) if compared else (),
        listings=_listings(answer, compared) if compared else (),
        known=Known(
            definition=_DEFINITION,
            sample=f"{counted(answer.items, 'items')} in {counted(answer.history_weeks, 'weeks')};"
            f" {counted(answer.draws, 'simulated quarters')} of {counted(answer.weeks, 'weeks')}",
            freshness=f"seed {answer.seed}: the same records and seed give the same answer",
            missing=(*answer.gaps, *_MISSING),
            source=_SOURCE,
        ),
        nothing=None
        if compared
        else Nothing(
            headline(answer),
            answer.missing,
            command="ktlo sources add github OWNER/NAME",
            button="The load as it is fitted",
            href=links.page("plan/load", {}),
        ),
    )


def _all(compared: Comparison) -> list[Outcome]:
    """The three of the verdict first, then other sizes by kind and size."""
    others = sorted(compared.others, key=lambda outcome: (outcome.staffing.kind, outcome.staffing.size))
    return [compared.rotation, compared.dedicated, compared.ad_hoc, *others]


def _costs(answer: StaffingAnswer, compared: Comparison) -> Figure:
    chart = RangeChart(
        Head(
            "staffing-cost",
            "Cost of a week by staffing",
            "The rotation and the team of the verdict first, other sizes below.",
        ),
        tuple(
            Range(name_of(outcome).capitalize(), outcome.cost.value, outcome.cost.low, outcome.cost.high)
            for outcome in _all(compared)
        ),
        money(answer.prices),
        interval_of="95% of simulated quarters",
    )
    return Figure(
        chart, "Expected cost of a week, all parts together. Quarters differ much; the difference matters."
    )


def _listings(answer: StaffingAnswer, compared: Comparison) -> tuple[Listing, ...]:
    unit = money(answer.prices)
    used = [
        name
        for name in PART_NAMES.values()
        if any(value.value for outcome in _all(compared) for title, value in outcome.parts if title == name)
    ]
    costs = Table(
        (Heading("Staffing"), Heading("A week", unit), *(Heading(name, unit) for name in used)),
        tuple(
            Row(
                (
                    name_of(outcome).capitalize(),
                    outcome.cost.value,
                    *(value.value for title, value in outcome.parts if title in used),
                )
            )
            for outcome in _all(compared)
        ),
    )
    likeness = Table(
        (
            Heading("Staffing"),
            Heading("Half begun within", SECONDS),
            Heading("Nine in ten within", SECONDS),
            Heading("Others had to help", SHARE),
            Heading("Interruptions a week", COUNT),
            Heading("Calls outside hours a month", COUNT),
            Heading("Busiest carries", SHARE),
            Heading("On call", SHARE),
            Heading("Know a place in a year", COUNT),
            Heading("Can be lost", COUNT),
        ),
        tuple(
            Row(
                (
                    name_of(outcome).capitalize(),
                    None if outcome.wait_median is None else outcome.wait_median * 3600,
                    None if outcome.wait_most is None else outcome.wait_most * 3600,
                    outcome.helped,
                    outcome.interruptions,
                    outcome.woken,
                    outcome.busiest,
                    outcome.on_call,
                    outcome.knowledge.knowers,
                    outcome.knowledge.bus_factor,
                )
            )
            for outcome in _all(compared)
        ),
    )
    flips = Table(
        (
            Heading("If this changed alone"),
            Heading("Now"),
            Heading("Both cost the same at"),
            Heading("Looked for"),
        ),
        tuple(
            Row(
                (
                    INPUTS[flip.name].capitalize(),
                    value_text(flip, flip.now, answer.prices),
                    "nothing within reason" if flip.at is None else value_text(flip, flip.at, answer.prices),
                    looked_for(flip, answer.prices),
                )
            )
            for flip in sorted(compared.flips, key=nearness)
        ),
    )
    assumed = Table(
        (
            Heading("Assumption"),
            Heading("Value"),
            Heading("From"),
            Heading("Variation that follows it", SHARE),
        ),
        tuple(
            Row(
                (
                    INPUTS[driver.name].capitalize(),
                    _assumed(answer, compared, driver.name, is_said=driver.is_said),
                    "you" if driver.is_said else _FROM.get(driver.name, "a wide range of ours"),
                    driver.share,
                )
            )
            for driver in compared.drivers
        ),
    )
    places = Table(
        (Heading("Place"), Heading("Share of the items", SHARE)), tuple(Row(place) for place in answer.places)
    )
    return (
        Listing("costs", "What a week costs", costs, "The expected cost, by what it is for."),
        Listing(
            "what-it-is-like",
            "What it is like",
            likeness,
            "“Can be lost”: people who can leave, after a year, before half of the work arises where nobody knows it.",
        ),
        Listing("flips", "What would turn the verdict", flips, "The nearest first; each changed alone."),
        Listing(
            "assumptions",
            "What was assumed",
            assumed,
            "Say what you know in planning.staffing of ktlo.yaml, or try it above.",
        ),
        Listing("places", "Where the work arises", places),
    )


def _assumed(answer: StaffingAnswer, compared: Comparison, name: str, *, is_said: bool) -> str:
    flip = next((found for found in compared.flips if found.name == name), None)
    if name == "load":
        return f"{written(answer.items_per_week, Unit(symbol='items'))} a week"
    if name == "traced":
        return f"{written(min(1.0, answer.traced), SHARE)} to 100%"
    if is_said or name not in _RANGES:
        return value_text(flip, flip.now, answer.prices) if flip else ""
    (low, high), unit = _RANGES[name]
    return f"{written(low, unit)} to {written(high, unit)} (90%)"
