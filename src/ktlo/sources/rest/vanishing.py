"""Items that are nowhere any more: deleted, or the right to see them was lost? Services answer 404 to both.

A removal is for good (it outranks what is older), so a lost right must not pass for a deletion. Few things that vanish
at once were deleted; all or most of them at once is what a right that was taken away looks like, or a project that was
archived or got another name.
"""

from __future__ import annotations

from collections.abc import Sequence

FEW = 10
"""Fewer than so many that vanish at once are taken for deleted, if others are still there."""
ALONE = 3
"""Fewer than so many are taken for deleted even if no others are there."""


def are_deleted(missing: int, known: int) -> bool:
    """Whether items that vanished may be taken for deleted.

    Args:
        missing: how many of the known are nowhere.
        known: how many were held against the service at once.
    """
    if missing == known:
        return missing < ALONE
    return missing < FEW or 2 * missing <= known


def lost_right(label: str, missing: Sequence[str], known: int) -> str:
    """What to tell of items that are kept although they are nowhere.

    Args:
        label: what they are called: ``issues``.
        missing: their identifiers.
        known: how many were held against the service at once.
    """
    return (
        f"{len(missing)} of {known} {label} are not to be seen any more ({', '.join(missing[:5])}…): so many at once"
        " look like a right that was lost, and they stay as they were. Give it back; if they were deleted, remove the"
        " source with `ktlo sources remove SOURCE --forget` and add it again"
    )
