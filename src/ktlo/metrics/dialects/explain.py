"""One question in every dialect, and why the numbers differ: ktlo's recipe is turned into another one rule at a time.

The difference that a rule makes is the change of the number when it is swapped, in the order of ``Aspect``; so the
differences always add up to the whole. Another order would share them out differently: the rows tell the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ktlo.errors import NotFoundError, UsageError
from ktlo.metrics.dialects import failing, frequency, leading, restoring, solving
from ktlo.metrics.dialects.facts import (
    Facts,
    narrowed,
    read_bugs,
    read_changes,
    read_deployments,
    read_incidents,
)
from ktlo.metrics.dialects.recipe import Aspect, Counted, Dialect, Measured, Recipe, Shown, Spoken
from ktlo.metrics.question import Question, Window
from ktlo.metrics.remembering import Remembering
from ktlo.store.protocol import Queryable

Measure = Callable[[Facts, Recipe, Window], Measured]


@dataclass(frozen=True, slots=True)
class Compared:
    """A metric that products define differently.

    Attributes:
        name: in URLs and commands.
        title: for people.
        own: the metric of ktlo that it is compared with.
        unit: of the values: ``s``, ``share`` or ``per week``.
        measure: the number by any recipe.
        spoken: its dialects.
        read: the rows that it needs.
    """

    name: str
    title: str
    own: str
    unit: str
    measure: Measure
    spoken: Mapping[Dialect, Spoken]
    read: Callable[[Queryable, Question], Facts]


def _restoring(store: Queryable, question: Question) -> Facts:
    return Facts(read_deployments(store, question, "deployment_frequency"), read_incidents(store, question))


def _failing(store: Queryable, question: Question) -> Facts:
    return Facts(read_deployments(store, question, "change_failure_rate"), read_incidents(store, question))


def _deploying(store: Queryable, question: Question) -> Facts:
    return Facts(read_deployments(store, question, "deployment_frequency"))


def _leading(store: Queryable, question: Question) -> Facts:
    changes, committed = read_changes(store, question)
    deployments = read_deployments(store, question, "deployed_change_age")
    return Facts(deployments, changes=changes, committed=committed)


def _solving(store: Queryable, question: Question) -> Facts:
    return Facts(bugs=read_bugs(store, question))


COMPARED: dict[str, Compared] = {
    one.name: one
    for one in (
        Compared(
            "deployment_frequency", "Deployment frequency", "deployment_frequency", "per week",
            frequency.measure, frequency.SPOKEN, _deploying,
        ),
        Compared(
            "lead_time", "Lead time for changes", "deployed_change_age", "s",
            leading.measure, leading.SPOKEN, _leading,
        ),
        Compared(
            "change_failure_rate", "Change failure rate", "change_failure_rate", "share",
            failing.measure, failing.SPOKEN, _failing,
        ),
        Compared(
            "time_to_restore", "Time to restore", "time_to_restore", "s",
            restoring.measure, restoring.SPOKEN, _restoring,
        ),
        Compared(
            "bug_time_to_close", "Time to close a bug", "bug_time_to_close", "s",
            solving.measure, solving.SPOKEN, _solving,
        ),
    )
}  # fmt: skip
"""The metrics that can be explained, in the order in which they are shown."""

_ALIASES = {"deployed_change_age": "lead_time", "mttr": "time_to_restore"}


@dataclass(frozen=True, slots=True)
class Cause:
    """What one rule, or several of which only the last leaves a number, does to the number.

    Attributes:
        aspects: the rules that were swapped.
        before: value before; ``None`` when it was not estimable.
        after: value after; ``None`` when it is not estimable.
        difference: after minus before; ``None`` when one of them is missing.
        came: rows that count now and did not.
        went: rows that counted and do not.
        changed: rows that bring another amount, as before and after.
    """

    aspects: tuple[Aspect, ...]
    before: float | None
    after: float | None
    difference: float | None
    came: tuple[Counted, ...]
    went: tuple[Counted, ...]
    changed: tuple[tuple[Counted, Counted], ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A metric in one dialect, with the causes that lead from ktlo's number to it.

    Attributes:
        dialect: whose.
        spoken: its recipe and words.
        measured: its number and rows.
        shown: what the product prints.
        causes: in the order in which they were swapped; empty for ktlo itself.
    """

    dialect: Dialect
    spoken: Spoken
    measured: Measured
    shown: Shown
    causes: tuple[Cause, ...]

    @property
    def difference(self) -> float | None:
        """From ktlo's number to this one, the sum of all causes; ``None`` where one of both is missing."""
        if any(cause.difference is None for cause in self.causes):
            return None
        return sum(cause.difference or 0.0 for cause in self.causes)


@dataclass(frozen=True, slots=True)
class Explained:
    """A metric in all its dialects, ktlo's first.

    Attributes:
        metric: what was asked.
        question: period and filters, without those that a dialect does not have.
        told: one a dialect that shows such a number.
    """

    metric: Compared
    question: Question
    told: tuple[Told, ...]

    @property
    def own(self) -> Told:
        """In ktlo's own dialect."""
        return self.told[0]

    @property
    def silent(self) -> tuple[Dialect, ...]:
        """Dialects that show no such number."""
        return tuple(dialect for dialect in Dialect if dialect not in self.metric.spoken)


def compared(name: str) -> Compared:
    """Find a metric.

    Raises:
        NotFoundError: there is none of that name that can be explained.
    """
    found = COMPARED.get(_ALIASES.get(name, name))
    if found is None:
        raise NotFoundError(
            f"{name[:80]!r} is no metric that other products define", fix=f"These are: {', '.join(COMPARED)}"
        )
    return found


def dialect_named(name: str) -> Dialect:
    """Find a dialect.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        return Dialect(name)
    except ValueError:
        raise UsageError(
            f"{name[:80]!r} is no dialect",
            fix=f"These are: {', '.join(dialect.value for dialect in Dialect)}",
        ) from None


def explain(store: Queryable, metric: Compared, question: Question) -> Explained:
    """Answer a question in every dialect of a metric, from the same rows.

    Args:
        store: where the records are.
        metric: what is asked.
        question: period and filters; of the filters service, repository, team and source are used.
    """
    asked = narrowed(question)
    facts = metric.read(Remembering(store), asked)
    return explained(facts, metric, asked)


def say(store: Queryable, metric: Compared, question: Question) -> dict[Dialect, tuple[Measured, Shown]]:
    """A metric in all its dialects, ktlo's first, without why they differ: a fraction of the work of :func:`explain`.

    Args:
        store: where the records are.
        metric: what is asked.
        question: as for :func:`explain`.
    """
    asked = narrowed(question)
    facts, window = metric.read(Remembering(store), asked), asked.window
    measured = {
        dialect: metric.measure(facts, spoken.recipe, window) for dialect, spoken in metric.spoken.items()
    }
    return {dialect: (one, metric.spoken[dialect].show(one, window)) for dialect, one in measured.items()}


def explained(facts: Facts, metric: Compared, question: Question) -> Explained:
    """The same from rows that are there already."""
    own = metric.spoken[Dialect.KTLO].recipe
    window = question.window
    known: dict[Recipe, Measured] = {}

    def measure(facts: Facts, recipe: Recipe, window: Window) -> Measured:
        # The ways to two dialects begin with the same steps.
        if recipe not in known:
            known[recipe] = metric.measure(facts, recipe, window)
        return known[recipe]

    told = []
    for dialect, spoken in metric.spoken.items():
        causes = causes_between(facts, measure, own, spoken.recipe, window)
        measured = measure(facts, spoken.recipe, window)
        told.append(Told(dialect, spoken, measured, spoken.show(measured, window), causes))
    return Explained(metric, question, tuple(told))


def causes_between(
    facts: Facts, measure: Measure, one: Recipe, other: Recipe, window: Window
) -> tuple[Cause, ...]:
    """What each rule in which two recipes differ does to the number.

    A rule after which the number is not estimable is told together with those that follow, until there is one.

    Args:
        facts: the rows.
        measure: the number by a recipe.
        one: the recipe to begin with.
        other: the recipe to end with.
        window: the period.
    """
    causes: list[Cause] = []
    recipe, before = one, measure(facts, one, window)
    swapped: list[Aspect] = []
    differing = [aspect for aspect in Aspect if one.rule(aspect) != other.rule(aspect)]
    for aspect in differing:
        recipe = recipe.with_rule_of(other, aspect)
        after = measure(facts, recipe, window)
        swapped.append(aspect)
        if before.value is not None and after.value is None and aspect is not differing[-1]:
            continue
        causes.append(_cause(tuple(swapped), before, after))
        before, swapped = after, []
    return tuple(causes)


def _cause(aspects: tuple[Aspect, ...], before: Measured, after: Measured) -> Cause:
    difference = None
    if before.value is not None and after.value is not None:
        difference = after.value - before.value
    if after.rows is before.rows:
        return Cause(aspects, before.value, after.value, difference, (), (), ())
    earlier, later = before.by_key, after.by_key
    return Cause(
        aspects,
        before.value,
        after.value,
        difference,
        tuple(row for key, row in later.items() if key not in earlier),
        tuple(row for key, row in earlier.items() if key not in later),
        tuple(
            (earlier[key], row)
            for key, row in later.items()
            if key in earlier and (earlier[key].amount, earlier[key].is_open) != (row.amount, row.is_open)
        ),
    )
