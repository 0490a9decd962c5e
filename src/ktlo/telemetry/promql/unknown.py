"""Why an answer may be empty: names in an expression under which nothing was ever reported, and those that are near."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from ktlo.store.protocol import Queryable
from ktlo.telemetry.promql.labels import NAME
from ktlo.telemetry.promql.listing import names
from ktlo.telemetry.promql.parsing import selectors_in
from ktlo.telemetry.promql.spans import NAMES
from ktlo.telemetry.promql.stored import TARGET_INFO, Stored

MOST_NEAR = 3
_LEAST = 0.6
_EVER = 9_000_000_000_000


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that no metric has.

    Attributes:
        name: as it is written in the expression.
        near: names that there are, the nearest first; empty when none is near.
    """

    name: str
    near: tuple[str, ...]


def unknown_names(store: Queryable, expression: str) -> list[Unknown]:
    """Names in an expression under which no metric is kept, whatever the stretch.

    Raises:
        PromqlError: it is no PromQL.
    """
    asked = dict.fromkeys(
        matcher.value
        for selector in selectors_in(expression)
        for group in selector.groups
        for matcher in group
        if matcher.label == NAME and matcher.operator == "="
    )
    stored = Stored(store)
    missing = [
        name
        for name in asked
        if name not in (*NAMES, TARGET_INFO)
        and not any(
            name in (exposed.name, exposed.raw)
            for family in stored.families(0, _EVER, name)
            for exposed in family.exposed()
        )
    ]
    known = names(store, 0, _EVER) if missing else []
    return [
        Unknown(name, tuple(difflib.get_close_matches(name, known, MOST_NEAR, _LEAST))) for name in missing
    ]
