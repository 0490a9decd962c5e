"""Aggregations over series: sum, avg, topk and the others, by labels or without some.

Rows of one group are brought together and reduced at once for all steps. Source: Prometheus, "Aggregation operators".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ktlo.telemetry.promql.labels import (
    CHANNEL,
    NAME,
    Labels,
    labels_of,
    only,
    value_of,
    with_value,
    without,
)
from ktlo.telemetry.promql.range_functions import quantiles_of_runs
from ktlo.telemetry.promql.samples import Bools, Floats
from ktlo.telemetry.promql.vector import Vector, no_series, relabelled, trimmed


@dataclass(frozen=True, slots=True)
class Grouping:
    """``by`` some labels, or ``without`` them.

    Attributes:
        names: labels.
        is_without: whether they are left out rather than kept.
    """

    names: frozenset[str] = frozenset()
    is_without: bool = False

    def key(self, labels: Labels) -> Labels:
        """The labels of the group a series belongs to."""
        if self.is_without:
            return without(labels, self.names | {NAME})
        return only(labels, self.names)


@dataclass(frozen=True, slots=True)
class _Groups:
    """Series in the order of their groups.

    Attributes:
        labels: of the groups.
        rows: series, those of one group side by side.
        begins: where each group begins among them.
    """

    labels: tuple[Labels, ...]
    rows: np.ndarray
    begins: np.ndarray

    def members(self) -> list[np.ndarray]:
        """Series of each group."""
        return np.split(self.rows, self.begins[1:])


def _grouped(vector: Vector, grouping: Grouping) -> _Groups:
    places: dict[Labels, int] = {}
    of = np.array(
        [places.setdefault(grouping.key(each), len(places)) for each in vector.labels], dtype=np.int64
    )
    rows = np.argsort(of, kind="stable")
    begins = np.searchsorted(of[rows], np.arange(len(places)))
    return _Groups(tuple(places), rows, begins)


def _sum(values: Floats, present: Bools, begins: np.ndarray) -> Floats:
    return np.asarray(np.add.reduceat(np.where(present, values, 0.0), begins, axis=0))


def _count(present: Bools, begins: np.ndarray) -> Floats:
    return np.add.reduceat(present.astype(np.float64), begins, axis=0)


def _variance(values: Floats, present: Bools, begins: np.ndarray) -> Floats:
    sizes = np.diff(np.append(begins, len(values)))
    count = _count(present, begins)
    mean = _sum(values, present, begins) / count
    return _sum((values - np.repeat(mean, sizes, axis=0)) ** 2, present, begins) / count


_Reduction = Callable[[Floats, Bools, "np.ndarray"], Floats]
_REDUCTIONS: dict[str, _Reduction] = {
    "sum": _sum,
    "avg": lambda v, p, b: _sum(v, p, b) / _count(p, b),
    "min": lambda v, p, b: np.fmin.reduceat(np.where(p, v, np.nan), b, axis=0),
    "max": lambda v, p, b: np.fmax.reduceat(np.where(p, v, np.nan), b, axis=0),
    "count": lambda _, p, b: _count(p, b),
    "group": lambda _, p, b: np.ones((len(b), p.shape[1])),
    "stdvar": _variance,
    "stddev": lambda v, p, b: np.sqrt(_variance(v, p, b)),
}
AGGREGATIONS = frozenset({*_REDUCTIONS, "topk", "bottomk", "quantile", "count_values", "limitk"})
"""Those that can be asked."""


def aggregated(operation: str, vector: Vector, grouping: Grouping, parameter: Floats | str | None) -> Vector:
    """Aggregate a vector.

    Args:
        operation: one of :data:`AGGREGATIONS`.
        vector: what is aggregated.
        grouping: by what.
        parameter: of topk, bottomk, limitk and quantile a number a step; of count_values a label.
    """
    vector = trimmed(vector)
    if not vector.labels:
        return no_series(vector.steps)
    if operation == "count_values":
        return _count_values(vector, grouping, str(parameter))
    if operation in ("count", "group") and any(value_of(each, CHANNEL) for each in vector.labels):
        vector = _one_a_histogram(vector)
    groups = _grouped(vector, grouping)
    if operation in ("topk", "bottomk", "limitk"):
        return _picked(operation, vector, groups, np.asarray(parameter, dtype=np.float64))
    values, present = vector.values[groups.rows], vector.present[groups.rows]
    there = np.logical_or.reduceat(present, groups.begins, axis=0)
    with np.errstate(all="ignore"):
        if operation == "quantile":
            found = _quantiles(values, present, groups, np.asarray(parameter, dtype=np.float64))
        else:
            found = _REDUCTIONS[operation](values, present, groups.begins)
    return Vector(groups.labels, found, there)


def _one_a_histogram(vector: Vector) -> Vector:
    """Of each native histogram one series, so that it counts once."""
    kept = [at for at, each in enumerate(vector.labels) if value_of(each, CHANNEL) in ("", "count")]
    some = vector.take(kept)
    return relabelled(some, tuple(without(each, frozenset({CHANNEL})) for each in some.labels), "count")


def _quantiles(values: Floats, present: Bools, groups: _Groups, q: Floats) -> Floats:
    steps = values.shape[1]
    found = np.zeros((len(groups.labels), steps))
    for at, (begin, end) in enumerate(
        zip(groups.begins, np.append(groups.begins[1:], len(values)), strict=True)
    ):
        # By step, then NaN first, then by size; what is not there at the end.
        of = values[begin:end].T
        there = present[begin:end].T
        order = np.lexsort((of, ~np.isnan(of), ~there), axis=1)
        ranked = np.take_along_axis(of, order, axis=1).ravel()
        sizes = np.maximum(there.sum(axis=1), 1)
        found[at] = quantiles_of_runs(ranked, np.arange(steps) * (end - begin), sizes, q)
    return found


def _picked(operation: str, vector: Vector, groups: _Groups, parameter: Floats) -> Vector:
    """The k series of each group that are largest (smallest, first) at each step."""
    present = np.zeros_like(vector.present)
    most = np.where(np.isfinite(parameter), parameter, 0).astype(np.int64)
    sign = -1.0 if operation == "topk" else 1.0
    for rows in groups.members():
        values, there = vector.values[rows], vector.present[rows]
        key = np.zeros_like(values) if operation == "limitk" else sign * values
        order = np.lexsort((np.where(np.isnan(key), 0.0, key), np.isnan(key), ~there), axis=0)
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.broadcast_to(np.arange(len(rows))[:, None], order.shape), axis=0)
        present[rows] = there & (rank < most[None, :])
    picked = Vector(vector.labels, vector.values, present)
    if vector.steps == 1 and operation != "limitk":
        rows = np.concatenate(
            [
                members[np.argsort(sign * vector.values[members, 0], kind="stable")]
                for members in groups.members()
            ]
        )
        picked = Vector(
            tuple(vector.labels[i] for i in rows), vector.values[rows], present[rows], ordered=True
        )
    return trimmed(picked)


def _count_values(vector: Vector, grouping: Grouping, label: str) -> Vector:
    """How many series of each group have each value; the value becomes a label."""
    found: dict[Labels, Floats] = {}
    for row, labels in enumerate(vector.labels):
        group = grouping.key(labels)
        for value in np.unique(vector.values[row][vector.present[row]]):
            key = with_value(group, label, number_text(float(value)))
            same = vector.values[row] == value
            if np.isnan(value):
                same = np.isnan(vector.values[row])
            counted = found.setdefault(labels_of(key), np.zeros(vector.steps))
            counted += same & vector.present[row]
    values = np.array(list(found.values()))
    return Vector(tuple(found), values, values > 0)


def number_text(value: float) -> str:
    """A number as Prometheus writes it in labels and answers: shortest form without an exponent."""
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(float(value))
    if "e" in text:
        text = np.format_float_positional(value, trim="-")
    return text[:-2] if text.endswith(".0") else text
