"""Whether preventive work made less arrive, in words: an effect with its interval, or the experiment to show one."""

from __future__ import annotations

from collections.abc import Sequence

from ktlo.planning.load.classes import NOUNS
from ktlo.planning.load.experiment import Experiment
from ktlo.planning.load.prevention import Effect
from ktlo.planning.load.summary import ClassSummary
from ktlo.report.charts import SHARE, Heading, Row, Table, unit_named, written
from ktlo.report.sections import Listing
from ktlo.wording import counted

_HOURS = unit_named("h")
_STEP = 10.0
"""Hours a week more that an effect is told for."""


def effect_text(effect: Effect, noun: str) -> str:
    """What is known about the effect of preventive work on one kind of work."""
    if effect.per_hour is None or effect.low is None or effect.high is None:
        return f"Cannot be told: {effect.reason}."
    fewer = effect.fewer_with(_STEP)
    if effect.is_shown:
        return (
            f"Ten hours more a week went with {written(fewer[0], SHARE)} fewer {noun} ({written(fewer[1], SHARE)} to"
            f" {written(fewer[2], SHARE)}, 95%). This is what happened together, not yet what caused what."
        )
    return (
        f"No effect shown yet: ten hours more a week went with {_change(fewer[0], noun)}, but anything from"
        f" {_change(fewer[2], noun)} to {_change(fewer[1], noun)} fits the records (95%)."
    )


def _change(fewer: float, noun: str) -> str:
    if fewer >= 0:
        return f"{written(fewer, SHARE)} fewer {noun}"
    return f"{written(-fewer, SHARE)} more {noun}" if -fewer < 9 else f"many times more {noun}"


def experiment_text(experiment: Experiment | None, noun: str) -> str:
    """The experiment that would show an effect; empty where none is needed."""
    if experiment is None:
        return ""
    extra = written(experiment.extra_hours, _HOURS)
    before = counted(experiment.baseline_weeks, "weeks")
    if experiment.weeks is not None:
        return (
            f"{extra} of preventive work a week more, for {counted(experiment.weeks, 'weeks')}, against the {before}"
            f" before: that shows {written(experiment.fewer, SHARE)} fewer {noun} in four of five such trials."
        )
    if experiment.shown_in_a_year is not None:
        return (
            f"{written(experiment.fewer, SHARE)} fewer {noun} would take more than three years to show; a year"
            f" of {extra} a week more shows a fall by {written(experiment.shown_in_a_year, SHARE)} in four of five."
        )
    return (
        f"There are too few {noun} for an experiment of a year, whatever it does: try it on something that happens more"
        " often, or in several services at once."
    )


def prevention_listing(classes: Sequence[ClassSummary]) -> Listing:
    """A row for each kind of work that prevention could make less."""
    rows = tuple(
        Row(
            (
                NOUNS[each.work_class],
                each.effect.usual_hours,
                " ".join(
                    (
                        effect_text(each.effect, NOUNS[each.work_class]),
                        experiment_text(each.experiment, NOUNS[each.work_class]),
                    )
                ).strip(),
            )
        )
        for each in classes
        if each.effect is not None
    )
    return Listing(
        "prevention",
        "Does preventive work help?",
        Table(
            (
                Heading("Kind"),
                Heading("Preventive hours a week, last year", _HOURS),
                Heading("What the records show, and what would show it"),
            ),
            rows,
        ),
        "Preventive work is debt, infrastructure and performance work of the half year before, recent weeks more; the"
        " amount of other change and a slow drift are held fixed. Vulnerabilities, updates and requests come from"
        " outside. An effect counts as shown when the whole interval says that less arrives.",
    )
