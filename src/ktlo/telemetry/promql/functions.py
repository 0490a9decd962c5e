"""Functions of an instant vector: arithmetic, labels, time, order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import re2

from ktlo.errors import UsageError
from ktlo.telemetry.promql.labels import Labels, labels_of, value_of, with_value
from ktlo.telemetry.promql.samples import Floats, Matcher
from ktlo.telemetry.promql.vector import Scalar, Vector, no_series, relabelled, trimmed, unnamed


def _round(values: Floats, to: Floats) -> Floats:
    inverse = 1.0 / to
    return np.asarray(np.floor(values * inverse + 0.5) / inverse)


ONE_ARGUMENT: dict[str, Callable[[Floats], Floats]] = {
    "abs": np.abs, "ceil": np.ceil, "floor": np.floor, "exp": np.exp, "ln": np.log, "log2": np.log2,
    "log10": np.log10, "sqrt": np.sqrt, "sgn": np.sign, "deg": np.rad2deg, "rad": np.deg2rad,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh,
    "atanh": np.arctanh,
}  # fmt: skip
"""Functions of each value."""


def mapped(name: str, vector: Vector) -> Vector:
    """A function of each value, by name."""
    with np.errstate(all="ignore"):
        return unnamed(Vector(vector.labels, ONE_ARGUMENT[name](vector.values), vector.present), name)


def rounded(vector: Vector, to: Floats) -> Vector:
    """To the nearest multiple; ties up."""
    with np.errstate(all="ignore"):
        return unnamed(Vector(vector.labels, _round(vector.values, to[None, :]), vector.present), "round")


def clamped(name: str, vector: Vector, low: Floats, high: Floats) -> Vector:
    """``clamp`` and its kin; nothing where the least is above the greatest."""
    nan = np.isnan(low) | np.isnan(high)
    values = np.where(nan[None, :], np.nan, np.clip(vector.values, low[None, :], high[None, :]))
    present = vector.present & ~(low > high)[None, :]
    return trimmed(unnamed(Vector(vector.labels, values, present), name))


def _calendar(values: Floats) -> tuple[np.ndarray, np.ndarray]:
    finite = np.where(np.isfinite(values), np.clip(values, -6.2e10, 2.5e11), 0)
    return finite.astype("int64").astype("datetime64[s]"), finite


def time_part(name: str, values: Floats) -> Floats:
    """A part of the UTC date of seconds since 1970."""
    seconds, _ = _calendar(values)
    day = seconds.astype("datetime64[D]")
    month = seconds.astype("datetime64[M]")
    year = seconds.astype("datetime64[Y]")
    if name == "minute":
        found = (seconds - seconds.astype("datetime64[h]")).astype("timedelta64[m]").astype("int64")
    elif name == "hour":
        found = (seconds - day).astype("timedelta64[h]").astype("int64")
    elif name == "day_of_month":
        found = (day - month.astype("datetime64[D]")).astype("int64") + 1
    elif name == "day_of_week":
        found = (day.astype("int64") + 4) % 7
    elif name == "day_of_year":
        found = (day - year.astype("datetime64[D]")).astype("int64") + 1
    elif name == "days_in_month":
        found = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype("int64")
    elif name == "month":
        found = (month - year.astype("datetime64[M]")).astype("int64") + 1
    else:
        found = year.astype("int64") + 1970
    return np.where(np.isfinite(values), found.astype(np.float64), np.nan)


TIME_PARTS = frozenset(
    {"minute", "hour", "day_of_month", "day_of_week", "day_of_year", "days_in_month", "month", "year"}
)


def label_replaced(vector: Vector, to: str, replacement: str, source: str, pattern: str) -> Vector:
    """``label_replace``: set a label from the groups of a pattern where another label matches it whole.

    Raises:
        UsageError: a pattern that cannot be read, or a label that is no name.
    """
    _check_label(to)
    try:
        compiled = re2.compile(f"^(?s:{pattern})$")
    except re2.error as error:
        raise UsageError(f"the pattern {pattern!r} of label_replace cannot be read: {error}") from error
    labels: list[Labels] = []
    for each in vector.labels:
        found = compiled.fullmatch(value_of(each, source))
        labels.append(each if found is None else with_value(each, to, _expanded(replacement, found)))
    return relabelled(vector, tuple(labels), "label_replace")


def _expanded(template: str, found: re2._Match) -> str:
    """``$1``, ``${1}``, ``$name`` and ``$$`` filled in (Go: Regexp.Expand)."""
    parts = []
    at = 0
    for reference in re2.finditer(r"\$(?:\$|\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))", template):
        parts.append(template[at : reference.start()])
        at = reference.end()
        name = reference.group(1) or reference.group(2)
        if name is None:
            parts.append("$")
            continue
        try:
            parts.append(found.group(int(name) if name.isdigit() else name) or "")
        except (IndexError, re2.error, KeyError):
            parts.append("")
    return "".join(parts) + template[at:]


def label_joined(vector: Vector, to: str, separator: str, sources: Sequence[str]) -> Vector:
    """``label_join``: set a label to the values of others with a separator between them."""
    _check_label(to)
    labels = tuple(
        with_value(each, to, separator.join(value_of(each, source) for source in sources))
        for each in vector.labels
    )
    return relabelled(vector, labels, "label_join")


def _check_label(name: str) -> None:
    if not name or "\x00" in name:
        raise UsageError(f"{name!r} is no name of a label")


def by_value(vector: Vector, *, descending: bool) -> Vector:
    """Sorted by value; only an instant question shows it."""
    if vector.steps != 1:
        return vector
    vector = trimmed(vector)
    values = vector.values[:, 0]
    order = np.lexsort((-values if descending else values, np.isnan(values)))
    taken = vector.take(order)
    return Vector(taken.labels, taken.values, taken.present, ordered=True)


def by_label(vector: Vector, names: Sequence[str], *, descending: bool) -> Vector:
    """Sorted by labels in natural order (numbers by size)."""
    import re

    def key(at: int) -> list[list[tuple[int, int, str]]]:
        return [
            [
                (0, int(p), "") if p.isdigit() else (1, 0, p)
                for p in re.findall(r"\d+|\D+", value_of(vector.labels[at], n))
            ]
            for n in names
        ]

    taken = vector.take(sorted(range(len(vector.labels)), key=key, reverse=descending))
    return Vector(taken.labels, taken.values, taken.present, ordered=True)


def absent(vector_present: Vector, matchers: Sequence[Matcher]) -> Vector:
    """1 where nothing is there, with the labels that the selector asks for by ``=``."""
    there = np.zeros(vector_present.steps, dtype=np.bool_)
    if vector_present.labels:
        there |= vector_present.present.any(axis=0)
    if there.all():
        return no_series(vector_present.steps)
    names = [each.label for each in matchers]
    labels = labels_of(
        [
            (each.label, each.value)
            for each in matchers
            if each.operator == "=" and each.label != "__name__" and names.count(each.label) == 1
        ]
    )
    return Vector((labels,), np.ones((1, len(there))), ~there[None, :])


def scalar_of(vector: Vector) -> Scalar:
    """The value of the only series at each step; NaN where there is none or several."""
    alone = vector.present.sum(axis=0) == 1
    summed = (
        np.where(vector.present, vector.values, 0.0).sum(axis=0) if vector.labels else np.zeros(vector.steps)
    )
    return Scalar(np.where(alone, summed, np.nan))
