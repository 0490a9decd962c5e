"""How much is kept of what a service sends without a bound: the same of every source.

What a person reads (a title, a description) is cut. What names something (an identifier, a person, a service, a label)
is cut so that two names stay two. Of a list the first values are kept, and the row says what is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from ktlo.wording import counted

MOST_VALUES = 1_000
"""Values of one list that are kept."""


def first_values(values: Sequence[str], field: str) -> tuple[tuple[str, ...], str]:
    """The values of a list that are kept, and a sentence about the others; empty where there are none.

    Args:
        values: all of them.
        field: what they are.
    """
    if len(values) <= MOST_VALUES:
        return tuple(values), ""
    return (
        tuple(values[:MOST_VALUES]),
        f"{field} holds {counted(len(values), 'values')}: the first {MOST_VALUES:,} are kept",
    )
