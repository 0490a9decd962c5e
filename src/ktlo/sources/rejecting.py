"""What a source says of input that it turned away, or that is in with something missing."""

from __future__ import annotations

import datetime as dt

from ktlo.records.collection import Rejection

EXCERPT = 200
"""Characters of the input that are shown."""


def rejection(
    source: str, place: str, reason: str, at: dt.datetime, excerpt: str | bytes = "", *, is_kept: bool = False
) -> Rejection:
    """One piece of input, and what was wrong with it.

    Args:
        source: identifier of the source.
        place: where it is: URL, file and row, commit.
        reason: what was wrong and what to do, one sentence.
        at: when.
        excerpt: the input; its beginning is kept.
        is_kept: it is in, with something missing.
    """
    if isinstance(excerpt, bytes):
        # No character takes more than four bytes.
        excerpt = excerpt[: 4 * EXCERPT].decode("utf-8", "replace")
    return Rejection(
        source=source, place=place, reason=reason, excerpt=excerpt[:EXCERPT], seen_at=at, is_kept=is_kept
    )
