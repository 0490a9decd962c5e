"""What may be typed next in an expression: functions, metrics, labels, values; and units of what is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import promql_parser as ast

from ktlo.errors import UsageError
from ktlo.telemetry.promql.aggregation import AGGREGATIONS
from ktlo.telemetry.promql.evaluate import SUPPORTED
from ktlo.telemetry.promql.places import Token, tokens

MOST = 30
_KEYWORDS = (
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "offset",
    "bool",
    "and",
    "or",
    "unless",
)
_GROUPING = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that may stand at the caret.

    Attributes:
        text: what is put in.
        kind: function, aggregation, metric, label, value or keyword.
    """

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Completions:
    """Candidates, and the stretch of the expression that they replace."""

    start: int
    end: int
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """Where candidates come from.

    Attributes:
        metrics: names of metrics.
        labels: names of labels of a metric; of all when it is empty.
        values: values of a label of a metric.
    """

    metrics: Callable[[], list[str]]
    labels: Callable[[str], list[str]]
    values: Callable[[str, str], list[str]]


def completions(expression: str, caret: int, known: Known) -> Completions:
    """What may stand at the caret.

    Args:
        expression: as typed so far; need not be PromQL yet.
        caret: position of the caret in it.
        known: what there is.
    """
    caret = min(max(caret, 0), len(expression))
    before = tokens(expression[:caret])
    word = before[-1] if before and before[-1].end == caret and before[-1].kind == "word" else None
    opened = _open_quote(before)
    typed = word.text if word else ""
    start = word.start if word else caret
    earlier = before[:-1] if word else before
    place = _place(earlier if opened is None else before[: before.index(opened)])
    if opened is not None:
        start, typed = opened.start + 1, expression[opened.start + 1 : caret]
        if place[0] != "value":
            return Completions(caret, caret, ())
        found = [Candidate(each, "value") for each in known.values(place[1], place[2])]
    elif place[0] == "label":
        found = [Candidate(each, "label") for each in known.labels(place[1]) if each != "__name__"]
    elif place[0] == "value" or not (typed or not before):
        found = []
    else:
        found = [Candidate(name, "metric") for name in known.metrics()]
        found += [Candidate(name, "aggregation") for name in sorted(AGGREGATIONS)]
        found += [Candidate(name, "function") for name in sorted(SUPPORTED)]
        found += [Candidate(name, "keyword") for name in _KEYWORDS]
    return Completions(start, caret, _ranked(found, typed))


def _ranked(found: list[Candidate], typed: str) -> tuple[Candidate, ...]:
    """Those that begin with what is typed, then those that contain it."""
    low = typed.lower()
    first = [each for each in found if each.text.lower().startswith(low)]
    then = [each for each in found if low in each.text.lower() and each not in first] if low else []
    return tuple([each for each in first + then if each.text != typed][:MOST])


def _open_quote(before: list[Token]) -> Token | None:
    return next((token for token in before if token.kind == "other" and token.text in "\"'`"), None)


def _place(before: list[Token]) -> tuple[str, str, str]:
    """Whether a label, a value or anything else is due, of which metric, and for which label."""
    for at in range(len(before) - 1, -1, -1):
        token = before[at]
        if token.text in (")", "}", "]"):
            return "any", "", ""
        if token.text == "{":
            metric = before[at - 1].text if at and before[at - 1].kind == "word" else ""
            last = before[-1]
            if last.text in ("=", "!=", "=~", "!~") and len(before) >= 2:
                return "value", metric, before[-2].text.strip("\"'`")
            return ("label", metric, "") if last.text in ("{", ",") else ("any", "", "")
        if token.text == "(" and at and before[at - 1].text in _GROUPING and before[-1].text in ("(", ","):
            return "label", "", ""
        if token.text == "(":
            return "any", "", ""
    return "any", "", ""


_SUFFIXES = {
    "seconds": "s", "milliseconds": "ms", "microseconds": "µs", "nanoseconds": "ns", "bytes": "B", "ratio": "share",
    "percent": "%", "celsius": "°C", "volts": "V", "amperes": "A", "watts": "W", "joules": "J", "hertz": "Hz",
    "meters": "m", "kilobytes": "kB", "mebibytes": "MiB", "gibibytes": "GiB",
}  # fmt: skip
_SAME = frozenset({"sum", "avg", "min", "max", "topk", "bottomk", "quantile", "stddev", "limitk"})
_COUNTS = frozenset(
    {"count_over_time", "changes", "resets", "present_over_time", "absent", "absent_over_time", "sgn"}
)


def unit_of(expression: str) -> str:
    """The unit of an expression's values where its metric's name tells it; empty for none or unknown.

    ``rate`` is of the unit a second, a ratio of two equal units has none, a quantile has its histogram's.
    """
    try:
        return _unit(ast.parse(expression))
    except (ValueError, UsageError):
        return ""


def unit_measured(name: str) -> str:
    """The unit of what a metric's measurements are, by its name: of a histogram's count that of the histogram."""
    return _named(name.removesuffix("_count"))


def _unit(node: Any) -> str:
    match node:
        case ast.ParenExpr() | ast.UnaryExpr() | ast.SubqueryExpr():
            return _unit(node.expr)
        case ast.MatrixSelector():
            return _unit(node.vector_selector)
        case ast.VectorSelector():
            return _named(node.name or "")
        case ast.AggregateExpr():
            return _unit(node.expr) if str(node.op).strip() in _SAME else ""
        case ast.BinaryExpr():
            return _of_two(str(node.op).strip(), node)
        case ast.Call():
            return _of_call(node)
    return ""


def _named(name: str) -> str:
    stem = name.removesuffix("_total").removesuffix("_sum").removesuffix("_bucket")
    if name.endswith("_count"):
        return ""
    return _SUFFIXES.get(stem.rsplit("_", 1)[-1], "")


def _of_two(operator: str, node: Any) -> str:
    left, right = _unit(node.lhs), _unit(node.rhs)
    if operator == "/":
        if left == right:
            return "share" if left or _is_ratio(node) else ""
        return left.removesuffix(" per s") if right in ("", "per s") else ""
    if operator == "*":
        return left or right
    if (
        operator in ("==", "!=", ">", "<", ">=", "<=")
        and node.modifier is not None
        and node.modifier.return_bool
    ):
        return ""
    return left or right


def _is_ratio(node: Any) -> bool:
    """Whether both sides count the same thing, so that the quotient is a share."""
    names: list[set[str]] = []
    for side in (node.lhs, node.rhs):
        found: set[str] = set()

        def visit(each: Any, found: set[str] = found) -> bool:
            if isinstance(each, ast.VectorSelector):
                found.add(each.name or "")
            elif isinstance(each, ast.MatrixSelector):
                found.add(each.vector_selector.name or "")
            return True

        ast.walk(side, visit)
        names.append(found)
    return bool(names[0]) and names[0] == names[1]


def _of_call(node: Any) -> str:
    name = node.func.name
    if name in _COUNTS:
        return ""
    if name in ("time", "timestamp"):
        return "s"
    inner = next((unit for unit in (_unit(each) for each in node.args) if unit), "")
    if name in ("histogram_quantile", "histogram_sum", "histogram_avg"):
        return inner.removesuffix(" per s").strip() if inner != "per s" else ""
    if name in ("rate", "irate", "deriv"):
        return {"s": "s per s"}.get(inner, f"{inner} per s".strip())
    return inner
