"""Values of an evaluation: a vector of series over the steps of the question, a scalar, a text."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ktlo.errors import UsageError
from ktlo.telemetry.promql.labels import Labels, nameless, written
from ktlo.telemetry.promql.samples import Bools, Floats


@dataclass(frozen=True, slots=True)
class Vector:
    """Series by steps.

    Attributes:
        labels: of each series.
        values: series by steps; meaningless where not present.
        present: where a series has a value; a NaN that is present is a value.
        ordered: whether the order of the series means something (``sort``, ``topk``).
    """

    labels: tuple[Labels, ...]
    values: Floats
    present: Bools
    ordered: bool = False

    @property
    def steps(self) -> int:
        """How many moments."""
        return int(self.values.shape[1])

    def take(self, rows: list[int] | np.ndarray) -> Vector:
        """Some of the series."""
        index = np.asarray(rows, dtype=np.int64)
        return Vector(
            tuple(self.labels[i] for i in index), self.values[index], self.present[index], self.ordered
        )


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number a step."""

    values: Floats


@dataclass(frozen=True, slots=True)
class Text:
    """A text."""

    value: str


Value = Vector | Scalar | Text


def no_series(steps: int) -> Vector:
    """A vector without any."""
    return Vector((), np.empty((0, steps)), np.empty((0, steps), dtype=np.bool_))


def joined(vectors: list[Vector], steps: int) -> Vector:
    """Series of several vectors, one after another."""
    given = [each for each in vectors if each.labels]
    if not given:
        return no_series(steps)
    if len(given) == 1:
        return given[0]
    return Vector(
        tuple(labels for each in given for labels in each.labels),
        np.concatenate([each.values for each in given]),
        np.concatenate([each.present for each in given]),
    )


def trimmed(vector: Vector) -> Vector:
    """Without series that are never there."""
    kept = vector.present.any(axis=1)
    return vector if kept.all() else vector.take(np.flatnonzero(kept))


def relabelled(vector: Vector, labels: tuple[Labels, ...], what: str) -> Vector:
    """The vector under other labels; series that become one are joined where they are not there at the same time.

    Raises:
        UsageError: two of them are there at the same time.
    """
    vector = replace(vector, labels=labels)
    if len(set(labels)) == len(labels):
        return vector
    vector = trimmed(vector)
    places: dict[Labels, int] = {}
    values: list[Floats] = []
    present: list[Bools] = []
    for at, each in enumerate(vector.labels):
        if each not in places:
            places[each] = len(values)
            values.append(vector.values[at].copy())
            present.append(vector.present[at].copy())
            continue
        to = places[each]
        if (present[to] & vector.present[at]).any():
            raise UsageError(
                f"{what} gives two series the same labels {written(each)}",
                fix="Select one metric, or aggregate first (sum by …)",
            )
        values[to] = np.where(vector.present[at], vector.values[at], values[to])
        present[to] |= vector.present[at]
    return Vector(tuple(places), np.array(values), np.array(present), vector.ordered)


def unnamed(vector: Vector, what: str) -> Vector:
    """The vector without metric names.

    Raises:
        UsageError: two series are the same without them.
    """
    return relabelled(vector, tuple(nameless(each) for each in vector.labels), what)
