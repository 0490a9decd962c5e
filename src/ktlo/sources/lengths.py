"""How much is kept of what a service sends without a bound: the same of every source.

What a person reads (a title, a description) is cut. What names something (an identifier, a person, a service, a label)
is cut so that two names stay two. Of a list the first values are kept, and the row says what is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ktlo.wording import counted

TITLE = 1_000
"""Characters of a title, and of anything else that a person reads in one line."""
BODY = 4_000
"""Characters of a description."""
NAME = 1_000
"""Characters of a name, unless its place has less room."""
MOST_VALUES = 1_000
"""Values of one list that are kept."""


def named(text: str, most: int = NAME) -> str:
    """A name of at most so many characters: of a longer one its beginning and a digest, so that two names stay two."""
    if len(text) <= most:
        return text
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{text[: most - 17]}…{mark}"


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
