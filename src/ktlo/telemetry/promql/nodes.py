"""What a parsed node says: whether it is a number, how its sides match, which labels it asks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import promql_parser as ast

from ktlo.errors import UsageError
from ktlo.telemetry.promql import matching
from ktlo.telemetry.promql.parsing import selector_of
from ktlo.telemetry.promql.samples import Matcher
from ktlo.telemetry.promql.vector import Scalar, Value, Vector


def is_number(node: Any) -> bool:
    """Whether it is no range."""
    while isinstance(node, ast.ParenExpr):
        node = node.expr
    return not isinstance(node, ast.MatrixSelector | ast.SubqueryExpr)


def as_vector(value: Value) -> Vector:
    """A value as series.

    Raises:
        UsageError: it is a text.
    """
    if isinstance(value, Vector):
        return value
    if isinstance(value, Scalar):
        # Only a subquery over a scalar comes here: Prometheus, too, gives it one series without labels.
        return Vector(((),), value.values[None, :], np.ones((1, len(value.values)), dtype=np.bool_))
    raise UsageError("series are needed here, not a text")


def matching_of(modifier: Any) -> matching.Matching:
    """How the sides of an operator find each other.

    Raises:
        UsageError: by ``fill``.
    """
    if modifier is None:
        return matching.Matching()
    fill = getattr(modifier, "fill_values", None)
    if fill is not None and (fill.lhs is not None or fill.rhs is not None):
        raise UsageError("fill is not supported yet")
    card = str(modifier.card).rsplit(".", 1)[-1]
    how = matching.Matching(
        many={"ManyToOne": "left", "OneToMany": "right"}.get(card, ""),
        include=tuple(modifier.group_labels or ()),
        is_bool=bool(modifier.return_bool),
    )
    if modifier.matching is None:
        return how
    is_on = str(modifier.matching.type).rsplit(".", 1)[-1] == "Include"
    return dataclasses.replace(how, names=frozenset(modifier.matching.labels), is_on=is_on)


def asked_labels(node: Any) -> Sequence[Matcher]:
    """The matchers of a selector; none of any other node."""
    while isinstance(node, ast.ParenExpr):
        node = node.expr
    if isinstance(node, ast.MatrixSelector):
        node = node.vector_selector
    return selector_of(node).groups[0] if isinstance(node, ast.VectorSelector) else ()
