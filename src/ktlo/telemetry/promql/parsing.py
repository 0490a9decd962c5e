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
MOST_SECONDS = 9e9
"""Seconds since 1970 of the last moment that may be asked for."""
_RENAMED = {"holt_winters": "double_exponential_smoothing"}
_VARIABLE = re.compile(r"\$\{?\w+\}?")
_SAID = {
    "invalid promql query": "this is not PromQL",
    "number too large to fit in target type": "a duration is longer than 2.7 million years",
    "number too small to fit in target type": "a duration is longer than 2.7 million years",
}
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
    _refuse_far_moments(expression)
    try:
        tree = promql_parser.parse(expression)
        # Durations and moments are read when they are asked for, and those beyond what Python's have are refused then.
        promql_parser.walk(tree, _readable)
        return tree
    except OverflowError as error:
        raise PromqlError("a moment is before the year 1 or after 9999", expression) from error
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
        said = _SAID.get(message, message)
        renamed = next((new for old, new in _RENAMED.items() if f"'{old}'" in message), "")
        raise PromqlError(
            said, expression, start, end, fix=f"It is called {renamed} now" if renamed else ""
        ) from error


def _refuse_far_moments(expression: str) -> None:
    """Refuse moments after an ``@`` that are before 1970 or after 2255: on reading some, the parser itself breaks.

    Raises:
        PromqlError: there is one.
    """
    read = tokens(expression)
    for at, token in enumerate(read):
        if token.text != "@":
            continue
        following = at + 1
        while following < len(read) and read[following].text in ("-", "+"):
            following += 1
        if following == len(read) or read[following].kind != "number":
            continue
        number = read[following]
        is_negative = any(each.text == "-" for each in read[at + 1 : following])
        try:
            seconds = float(int(number.text, 16) if number.text[:2].lower() == "0x" else number.text)
        except ValueError:
            seconds = 1.0  # a duration, which counts as its seconds; one that is too long is refused as such
        if seconds >= MOST_SECONDS or (is_negative and seconds):
            raise PromqlError(
                "a moment before 1970 or after 2255 is not one that anything is stored of",
                expression, read[at + 1].start, number.end,
            )  # fmt: skip


def _readable(node: promql_parser.Expr) -> bool:
    """Read every duration and moment of a node.

    Raises:
        ValueError, OverflowError: one of them is out of range.
    """
    for name in ("range", "step", "offset", "at"):
        found = getattr(node, name, None)
        if name == "at" and found is not None:
            _ = found.at
    return True


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


def selectors_in(expression: str) -> list[Selector]:
    """Every selector of an expression.

    Raises:
        PromqlError: it is no PromQL.
    """
    found: list[Selector] = []

    def visit(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(selector_of(node))
        elif isinstance(node, promql_parser.MatrixSelector):
            found.append(selector_of(node.vector_selector))
        return True

    promql_parser.walk(parsed(expression), visit)
    return found
