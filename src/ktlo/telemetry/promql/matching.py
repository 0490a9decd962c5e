"""Binary operators: arithmetic, comparison and sets, between scalars and vectors.

Series of two sides are paired by labels once for the whole question, then computed for all steps at once. Source:
Prometheus, "Operators", vector matching.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ktlo.errors import UsageError
from ktlo.telemetry.promql.labels import NAME, Labels, labels_of, nameless, only, value_of, without, written
from ktlo.telemetry.promql.samples import Bools, Floats
from ktlo.telemetry.promql.vector import Vector, joined, no_series, relabelled, trimmed, unnamed

ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}
COMPARISON: dict[str, Callable[[Floats, Floats], Bools]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}
SETS = frozenset({"and", "or", "unless"})
_MOST_PAIRS = 200_000


@dataclass(frozen=True, slots=True)
class Matching:
    """How series of two sides find each other.

    Attributes:
        names: labels.
        is_on: whether only these count, rather than all others.
        many: ``left`` or ``right``, the side that may have several; empty for one to one.
        include: labels of the one side that the result takes.
        is_bool: whether a comparison gives 0 or 1 rather than filtering.
    """

    names: frozenset[str] = frozenset()
    is_on: bool = False
    many: str = ""
    include: tuple[str, ...] = ()
    is_bool: bool = False

    def key(self, labels: Labels) -> Labels:
        """What must be equal on both sides."""
        return only(labels, self.names) if self.is_on else without(labels, self.names | {NAME})


def scalars(operator: str, left: Floats, right: Floats) -> Floats:
    """Two numbers a step; comparisons give 0 or 1."""
    with np.errstate(all="ignore"):
        if operator in ARITHMETIC:
            return np.asarray(ARITHMETIC[operator](left, right))
        return COMPARISON[operator](left, right).astype(np.float64)


def with_scalar(operator: str, vector: Vector, scalar: Floats, *, swapped: bool, is_bool: bool) -> Vector:
    """A vector and a number a step; ``swapped`` when the number stands left."""
    left, right = (scalar[None, :], vector.values) if swapped else (vector.values, scalar[None, :])
    with np.errstate(all="ignore"):
        if operator in ARITHMETIC:
            found = np.asarray(ARITHMETIC[operator](left, right))
            return unnamed(Vector(vector.labels, found, vector.present), operator)
        holds = COMPARISON[operator](left, right)
    if is_bool:
        return unnamed(Vector(vector.labels, holds.astype(np.float64), vector.present), operator)
    return trimmed(Vector(vector.labels, vector.values, vector.present & holds))


def sets(operator: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    """``and``, ``or``, ``unless``."""
    keys: dict[Labels, int] = {}
    left_of = [keys.setdefault(matching.key(each), len(keys)) for each in left.labels]
    right_of = [keys.setdefault(matching.key(each), len(keys)) for each in right.labels]

    def there(of: list[int], present: Bools) -> Bools:
        found = np.zeros((len(keys) + 1, left.steps), dtype=np.bool_)
        np.logical_or.at(found, np.array(of, dtype=np.int64), present)
        return found

    if operator == "or":
        taken = there(left_of, left.present)
        rest = right.present & ~taken[np.array(right_of, dtype=np.int64)]
        return trimmed(
            _same_joined(joined([left, trimmed(Vector(right.labels, right.values, rest))], left.steps))
        )
    other = there(right_of, right.present)[np.array(left_of, dtype=np.int64)]
    present = left.present & (other if operator == "and" else ~other)
    return trimmed(Vector(left.labels, left.values, present))


def _same_joined(vector: Vector) -> Vector:
    return relabelled(vector, vector.labels, "or")


def vectors(operator: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    """Arithmetic or comparison of two vectors.

    Raises:
        UsageError: a side has several series where one may be.
    """
    left, right = trimmed(left), trimmed(right)
    if not left.labels or not right.labels:
        return no_series(left.steps)
    many, one = (right, left) if matching.many == "right" else (left, right)
    one_side = "left" if matching.many == "right" else "right"
    partners: dict[Labels, list[int]] = {}
    for at, labels in enumerate(one.labels):
        partners.setdefault(matching.key(labels), []).append(at)
    pairs: list[tuple[int, int]] = []
    for at, labels in enumerate(many.labels):
        pairs += [(at, each) for each in partners.get(matching.key(labels), ())]
        if len(pairs) > _MOST_PAIRS:
            raise UsageError(
                f"{operator} would pair more than {_MOST_PAIRS:,} series", fix="Match on more labels"
            )
    for key, rows in partners.items():
        if len(rows) > 1 and (one.present[rows].sum(axis=0) > 1).any():
            twice = [one.labels[row] for row in rows][:2]
            raise UsageError(
                f"several series of the {one_side} side of {operator} match {written(key) or '{}'}:"
                f" {written(twice[0])} and {written(twice[1])}",
                fix="Match on more labels, or aggregate that side",
            )
    if not pairs:
        return no_series(left.steps)
    of_many, of_one = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
    present = many.present[of_many] & one.present[of_one]
    many_values, one_values = many.values[of_many], one.values[of_one]
    a, b = (one_values, many_values) if matching.many == "right" else (many_values, one_values)
    keeps_name = operator in COMPARISON and not matching.is_bool
    with np.errstate(all="ignore"):
        if operator in ARITHMETIC:
            values = np.asarray(ARITHMETIC[operator](a, b))
        else:
            holds = COMPARISON[operator](a, b)
            if matching.is_bool:
                values = holds.astype(np.float64)
            else:
                values, present = a, present & holds
    renamed: tuple[Labels, ...] = tuple(
        _result_labels(many.labels[m], one.labels[o], matching, keeps_name=keeps_name) for m, o in pairs
    )
    try:
        return trimmed(relabelled(Vector(renamed, values, present), renamed, operator))
    except UsageError as error:
        raise UsageError(
            f"several series of one side of {operator} have the same partner: {error.what}",
            fix="Say which side may have several: group_left or group_right"
            if not matching.many
            else "Match on more labels",
        ) from error


def _result_labels(many: Labels, one: Labels, matching: Matching, *, keeps_name: bool) -> Labels:
    if not keeps_name:
        many = nameless(many)
    if not matching.many:
        return only(many, matching.names) if matching.is_on else without(many, matching.names)
    if not matching.include:
        return many
    taken = {name: value_of(one, name) for name in matching.include}
    return labels_of([pair for pair in many if pair[0] not in taken] + list(taken.items()))
