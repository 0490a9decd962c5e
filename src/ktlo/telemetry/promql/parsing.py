"""Reads an expression with the library ``promql-parser`` (GreptimeTeam; the grammar of Prometheus).

Its errors become :class:`PromqlError` with the place marked; names that it does not know but Prometheus 2 did are told
with what they are called now.
"""

from __future__ import annotations

import datetime as dt
import re

import promql_parser

from ktlo.telemetry.promql.places import PromqlError, place_of_problem, tokens
from ktlo.telemetry.promql.samples import Matcher, Selector

MOST_CHARACTERS = 20_000
MOST_DEPTH = 120
_RENAMED = {"holt_winters": "double_exponential_smoothing"}
_VARIABLE = re.compile(r"\$\{?\w+\}?")
_OPERATORS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


def parsed(expression: str) -> promql_parser.Expr:
    """Parse an expression.

    Raises:
        PromqlError: it is empty, too long, nested too deeply, or not PromQL.
    """
    if not expression.strip():
        raise PromqlError("there is no expression", expression, fix="Write a metric's name, such as up")
    if len(expression) > MOST_CHARACTERS:
        raise PromqlError(f"the expression is longer than {MOST_CHARACTERS:,} characters", expression)
    depth = deepest = 0
    signs = 0
    for token in tokens(expression):
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        signs = signs + 1 if token.text in ("-", "+", "^") else (signs if token.kind == "number" else 0)
        deepest = max(deepest, depth, signs)
    if deepest > MOST_DEPTH:
        raise PromqlError(f"the expression is nested deeper than {MOST_DEPTH}", expression)
    try:
        return promql_parser.parse(expression)
    except ValueError as error:
        message = str(error)
        start, end = place_of_problem(expression, message)
        variable = _VARIABLE.search(expression)
        if variable is not None and "'$'" in message:
            raise PromqlError(
                f"{variable[0]} is a variable of a dashboard and has no value here",
                expression,
                variable.start(),
                variable.end(),
                fix="Write a value in its place, such as 5m",
            ) from error
        said = "this is not PromQL" if message == "invalid promql query" else message
        renamed = next((new for old, new in _RENAMED.items() if f"'{old}'" in message), "")
        raise PromqlError(
            said, expression, start, end, fix=f"It is called {renamed} now" if renamed else ""
        ) from error


def milliseconds(duration: dt.timedelta | None) -> int:
    """A duration in whole milliseconds; 0 for none."""
    return round(duration / dt.timedelta(milliseconds=1)) if duration is not None else 0


def selector_of(vector: promql_parser.VectorSelector) -> Selector:
    """The matchers of a selector, its metric's name among them."""
    named = (Matcher("__name__", "=", vector.name),) if vector.name else ()

    def read(matcher: promql_parser.Matcher) -> Matcher:
        return Matcher(matcher.name, _OPERATORS[str(matcher.op).rsplit(".", 1)[-1]], matcher.value)

    always = (*named, *(read(each) for each in vector.matchers.matchers))
    groups = [tuple(read(each) for each in group) for group in vector.matchers.or_matchers]
    if not groups:
        return Selector((always,))
    return Selector(tuple((*always, *group) for group in groups))
