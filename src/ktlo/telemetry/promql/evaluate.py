"""Walks a parsed expression and computes it for all steps of a question at once.

A node gives a vector (series by steps), a scalar or a text. Each selector is read from the source once, in portions
of series, over the whole stretch that its steps look at.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import promql_parser as ast

from ktlo.errors import UsageError
from ktlo.telemetry.promql import functions, histograms, matching
from ktlo.telemetry.promql.aggregation import AGGREGATIONS, Grouping, aggregated
from ktlo.telemetry.promql.nodes import as_vector, asked_labels, is_number, matching_of
from ktlo.telemetry.promql.parsing import milliseconds, parsed, selector_of
from ktlo.telemetry.promql.places import PromqlError, place_of_call
from ktlo.telemetry.promql.question import Answered, Asked
from ktlo.telemetry.promql.range_functions import (
    KEEPS_NAME,
    RANGE_FUNCTIONS,
    Reduced,
    Rules,
    double_exponential_smoothing,
    predict_linear,
    quantile_over_time,
)
from ktlo.telemetry.promql.samples import Floats, Longs, Samples, Source, Stretch
from ktlo.telemetry.promql.spending import Spending
from ktlo.telemetry.promql.vector import (
    Scalar,
    Text,
    Value,
    Vector,
    joined,
    relabelled,
    trimmed,
    unnamed,
)
from ktlo.telemetry.promql.windows import Windows, newest, windows_of
from ktlo.wording import counted


def answer(asked: Asked, source: Source) -> Answered:
    """Compute an expression.

    Raises:
        PromqlError: it is no PromQL, uses what is not supported, or asks for too much; with the place in it.
    """
    begun = time.monotonic()
    if asked.end < asked.start:
        raise UsageError("the end of the range is before its start")
    if asked.step <= 0:
        raise UsageError("the step is not greater than zero", fix="Give a step such as 15s")
    if (asked.end - asked.start) // asked.step + 1 > asked.limits.steps:
        raise UsageError(
            f"the range has more than {asked.limits.steps:,} steps",
            fix="Ask with a larger step or a shorter range",
        )
    tree = parsed(asked.expression)
    walk = _Walk(asked, source, begun)
    times = asked.times
    try:
        value = walk.node(tree, times)
    except PromqlError:
        raise
    except UsageError as error:
        start, end = walk.place
        raise PromqlError(error.what, asked.expression, start, end, fix=error.fix) from error
    if isinstance(value, Vector):
        value = trimmed(value)
    return Answered(times, value, walk.spent.samples, time.monotonic() - begun)


class _Walk:
    """One evaluation.

    Attributes:
        spent: what it has used so far.
        place: of the function that is being computed, for errors.
    """

    def __init__(self, asked: Asked, source: Source, begun: float) -> None:
        self._asked = asked
        self._source = source
        self.spent = Spending(asked.limits, begun)
        self.place = (0, len(asked.expression))

    def node(self, node: Any, times: Longs) -> Value:
        """The value of a node at some moments."""
        self.spent.on_time()
        match node:
            case ast.NumberLiteral():
                return Scalar(np.full(len(times), float(node.val)))
            case ast.StringLiteral():
                return Text(node.val)
            case ast.ParenExpr():
                return self.node(node.expr, times)
            case ast.UnaryExpr():
                return self._negated(node, times)
            case ast.VectorSelector():
                return self._instant(node, times)
            case ast.AggregateExpr():
                return self._aggregate(node, times)
            case ast.BinaryExpr():
                return self._binary(node, times)
            case ast.Call():
                return self._call(node, times)
            case ast.MatrixSelector() | ast.SubqueryExpr():
                raise UsageError(
                    "a range of samples is not a value at each step",
                    fix="Put it into a function such as rate(…)",
                )
        raise UsageError(f"{type(node).__name__} is not supported")

    # Selectors

    def _instant(self, node: Any, times: Longs, *, timestamps: bool = False) -> Vector:
        moments = self._moments(node.at, node.offset, times)
        parts = []
        open_left = self._asked.rules is Rules.PROMETHEUS_3
        for samples in self._read(node, moments, self._asked.lookback):
            at, values, present = newest(samples, moments, self._asked.lookback, open_left=open_left)
            parts.append(trimmed(Vector(samples.labels, at / 1000.0 if timestamps else values, present)))
            self.spent.fits(parts, len(times))
        found = joined(parts, len(times))
        return relabelled(found, found.labels, "the selector")

    def _read(self, node: Any, moments: Longs, before: int) -> Any:
        selector = selector_of(node)
        step = int(moments[1] - moments[0]) if len(moments) > 1 else 0
        stretch = Stretch(int(moments.min()) - before, int(moments.max()), step, before)
        for samples in self._source.read(selector, stretch):
            self.spent.read(len(samples.times))
            yield samples

    def _moments(self, at: Any, offset: Any, times: Longs) -> Longs:
        if at is not None:
            kind = str(at.type).rsplit(".", 1)[-1]
            if kind == "Start":
                fixed = self._asked.start
            elif kind == "End":
                fixed = (
                    int(self._asked.times[-1]) if self._asked.start != self._asked.end else self._asked.end
                )
                fixed = self._asked.end
            else:
                fixed = round(at.at.timestamp() * 1000)
            times = np.full(len(times), fixed, dtype=np.int64)
        return times - milliseconds(offset)

    def _windows(self, node: Any, times: Longs) -> Any:
        """Windows of a range selector or a subquery, in portions of series."""
        while isinstance(node, ast.ParenExpr):
            node = node.expr
        open_left = self._asked.rules is Rules.PROMETHEUS_3
        if isinstance(node, ast.MatrixSelector):
            selector = node.vector_selector
            moments = self._moments(selector.at, selector.offset, times)
            length = milliseconds(node.range)
            for samples in self._read(selector, moments, length):
                yield windows_of(samples, moments, length, open_left=open_left)
            return
        if not isinstance(node, ast.SubqueryExpr):
            raise UsageError("a range is needed here", fix="Write one, such as [5m]")
        moments = self._moments(node.at, node.offset, times)
        length = milliseconds(node.range)
        step = milliseconds(node.step) or 60_000
        begin = int(moments.min()) - length
        first = -(-begin // step) * step
        if open_left and first == begin:
            first += step
        last = int(moments.max())
        steps = (last - first) // step + 1
        if steps > self._asked.limits.steps * 10:
            raise UsageError(
                f"the subquery has {counted(steps, 'steps')}", fix="Give it a larger step, such as [1d:10m]"
            )
        if steps <= 0:
            return
        inner = np.arange(first, last + 1, step, dtype=np.int64)
        found = self.node(node.expr, inner)
        vector = as_vector(found)
        rows, columns = np.nonzero(vector.present)
        starts = np.zeros(len(vector.labels) + 1, dtype=np.int64)
        np.cumsum(np.bincount(rows, minlength=len(vector.labels)), out=starts[1:])
        samples = Samples(vector.labels, starts, inner[columns], vector.values[rows, columns])
        yield windows_of(samples, moments, length, open_left=open_left)

    # Operators

    def _negated(self, node: Any, times: Longs) -> Value:
        value = self.node(node.expr, times)
        if isinstance(value, Scalar):
            return Scalar(-value.values)
        if isinstance(value, Text):
            raise UsageError("a text cannot be negated")
        return unnamed(Vector(value.labels, -value.values, value.present), "-")

    def _binary(self, node: Any, times: Longs) -> Value:
        operator = str(node.op).strip()
        left, right = self.node(node.lhs, times), self.node(node.rhs, times)
        modifier = node.modifier
        is_bool = bool(modifier and modifier.return_bool)
        if isinstance(left, Text) or isinstance(right, Text):
            raise UsageError(f"{operator} does not take texts")
        if isinstance(left, Scalar) and isinstance(right, Scalar):
            return Scalar(matching.scalars(operator, left.values, right.values))
        if isinstance(right, Scalar) and isinstance(left, Vector):
            return matching.with_scalar(operator, left, right.values, swapped=False, is_bool=is_bool)
        if isinstance(left, Scalar) and isinstance(right, Vector):
            return matching.with_scalar(operator, right, left.values, swapped=True, is_bool=is_bool)
        left, right, how = as_vector(left), as_vector(right), matching_of(modifier)
        if operator in matching.SETS:
            return matching.sets(operator, left, right, how)
        return matching.vectors(operator, left, right, how)

    def _aggregate(self, node: Any, times: Longs) -> Vector:
        operation = str(node.op).strip()
        self._within(operation, operation in AGGREGATIONS)
        parameter: Floats | str | None = None
        if node.param is not None:
            given = self.node(node.param, times)
            if isinstance(given, Text):
                parameter = given.value
            elif isinstance(given, Scalar):
                parameter = given.values
            else:
                raise UsageError(f"the first argument of {operation} is a number")
        vector = as_vector(self.node(node.expr, times))
        grouping = Grouping()
        if node.modifier is not None:
            grouping = Grouping(
                frozenset(node.modifier.labels), str(node.modifier.type).rsplit(".", 1)[-1] == "Without"
            )
        return aggregated(operation, vector, grouping, parameter)

    # Functions

    def _call(self, node: Any, times: Longs) -> Value:
        name: str = node.func.name
        place = self._within(name, name in SUPPORTED)
        args = list(node.args)
        result = self._function(name, args, times)
        self.place = place
        return result

    def _function(self, name: str, args: list[Any], times: Longs) -> Value:
        if name in RANGE_FUNCTIONS or name in _RANGE_WITH_NUMBERS:
            return self._over_range(name, args, times)
        if name in functions.ONE_ARGUMENT:
            return functions.mapped(name, histograms.floats_of(self._vector(args[0], times)))
        if name in functions.TIME_PARTS:
            if not args:
                now = functions.time_part(name, times / 1000.0)
                return Vector(((),), now[None, :], np.ones((1, len(times)), dtype=np.bool_))
            vector = self._vector(args[0], times)
            return unnamed(
                Vector(vector.labels, functions.time_part(name, vector.values), vector.present), name
            )
        match name:
            case "time":
                return Scalar(times / 1000.0)
            case "pi":
                return Scalar(np.full(len(times), math.pi))
            case "vector":
                scalar = self._number(args[0], times)
                return Vector(((),), scalar[None, :], np.ones((1, len(times)), dtype=np.bool_))
            case "scalar":
                return functions.scalar_of(histograms.floats_of(self._vector(args[0], times)))
            case "timestamp":
                return self._timestamps(args[0], times)
            case "absent":
                return functions.absent(self._vector(args[0], times), asked_labels(args[0]))
            case "absent_over_time":
                there = [window.count > 0 for window in self._windows(args[0], times)]
                counted = joined(
                    [Vector(((),) * len(each), each.astype(float), each) for each in there], len(times)
                )
                return functions.absent(counted, asked_labels(args[0]))
            case "round":
                to = self._number(args[1], times) if len(args) > 1 else np.ones(len(times))
                return functions.rounded(self._vector(args[0], times), to)
            case "clamp" | "clamp_min" | "clamp_max":
                vector = self._vector(args[0], times)
                bounds = [self._number(each, times) for each in args[1:]]
                low = bounds[0] if name != "clamp_max" else np.full(len(times), -np.inf)
                high = bounds[-1] if name != "clamp_min" else np.full(len(times), np.inf)
                return functions.clamped(name, vector, low, high)
            case "label_replace":
                texts = [self._text(each, times) for each in args[1:]]
                return functions.label_replaced(self._vector(args[0], times), *texts)
            case "label_join":
                texts = [self._text(each, times) for each in args[1:]]
                return functions.label_joined(self._vector(args[0], times), texts[0], texts[1], texts[2:])
            case "sort" | "sort_desc":
                return functions.by_value(self._vector(args[0], times), descending=name == "sort_desc")
            case "sort_by_label" | "sort_by_label_desc":
                names = [self._text(each, times) for each in args[1:]]
                return functions.by_label(
                    self._vector(args[0], times), names, descending=name == "sort_by_label_desc"
                )
            case "histogram_quantile":
                q = self._number(args[0], times)
                found = histograms.quantile(q, self._vector(args[1], times))
                return relabelled(found, found.labels, name)
            case "histogram_fraction":
                low, high = self._number(args[0], times), self._number(args[1], times)
                return histograms.fraction(low, high, self._vector(args[2], times))
            case "histogram_count":
                return histograms.count(self._vector(args[0], times))
            case "histogram_sum":
                return histograms.total(self._vector(args[0], times))
            case "histogram_avg":
                return histograms.average(self._vector(args[0], times))
        raise UsageError(f"the function {name} is not supported")

    def _over_range(self, name: str, args: list[Any], times: Longs) -> Vector:
        numbers = [self._number(each, times) for each in args if is_number(each)]
        ranges = [each for each in args if not is_number(each)]
        parts = []
        for windows in self._windows(ranges[0], times):
            if len(windows.samples.times):
                reduced = self._reduced(name, windows, numbers)
                parts.append(trimmed(Vector(windows.labels, reduced.values, reduced.present)))
                self.spent.fits(parts, len(times))
        found = joined(parts, len(times))
        if name in KEEPS_NAME:
            return relabelled(found, found.labels, name)
        return unnamed(found, name)

    def _reduced(self, name: str, windows: Windows, numbers: Sequence[Floats]) -> Reduced:
        if name in RANGE_FUNCTIONS:
            return RANGE_FUNCTIONS[name](windows, self._asked.rules)
        if name == "quantile_over_time":
            return quantile_over_time(windows, numbers[0])
        if name == "predict_linear":
            return predict_linear(windows, numbers[0])
        smoothing, trend = float(numbers[0][0]), float(numbers[1][0])
        if not (0 < smoothing < 1 and 0 < trend < 1):
            raise UsageError(f"the factors of {name} lie between 0 and 1")
        return double_exponential_smoothing(windows, smoothing, trend)

    def _timestamps(self, node: Any, times: Longs) -> Vector:
        while isinstance(node, ast.ParenExpr):
            node = node.expr
        if isinstance(node, ast.VectorSelector):
            return unnamed(self._instant(node, times, timestamps=True), "timestamp")
        vector = self._vector(node, times)
        seconds = np.broadcast_to(times / 1000.0, vector.values.shape)
        return unnamed(Vector(vector.labels, np.array(seconds), vector.present), "timestamp")

    def _vector(self, node: Any, times: Longs) -> Vector:
        return as_vector(self.node(node, times))

    def _number(self, node: Any, times: Longs) -> Floats:
        value = self.node(node, times)
        if not isinstance(value, Scalar):
            raise UsageError("a number is needed here", fix="scalar(…) makes one of a vector")
        return value.values

    def _text(self, node: Any, times: Longs) -> str:
        value = self.node(node, times)
        if not isinstance(value, Text):
            raise UsageError("a text is needed here", fix='Put it in quotes: "…"')
        return value.value

    # Places

    def _within(self, name: str, is_supported: bool) -> tuple[int, int]:
        before = self.place
        self.place = place_of_call(self._asked.expression, name)
        if not is_supported:
            raise UsageError(f"{name} is not supported yet", fix="docs/telemetry-metrics.md lists what is")
        return before


_RANGE_WITH_NUMBERS = frozenset({"quantile_over_time", "predict_linear", "double_exponential_smoothing"})
SUPPORTED = frozenset(
    {
        *RANGE_FUNCTIONS, *_RANGE_WITH_NUMBERS, *functions.ONE_ARGUMENT, *functions.TIME_PARTS,
        "time", "pi", "vector", "scalar", "timestamp", "absent", "absent_over_time", "round",
        "clamp", "clamp_min", "clamp_max", "label_replace", "label_join", "sort", "sort_desc",
        "sort_by_label", "sort_by_label_desc", "histogram_quantile", "histogram_fraction", "histogram_count",
        "histogram_sum", "histogram_avg",
    }
)  # fmt: skip
"""Functions that can be asked."""
