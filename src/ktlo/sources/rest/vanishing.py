"""Items that are nowhere any more: deleted, or the right to see them was lost? Services answer 404 to both.

What is removed leaves every figure until it is read again, so a lost right must not pass for a deletion. Few things
that vanish at once were deleted; all or most of them at once is what a right that was taken away looks like, or a
project that was archived or got another name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

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


def lost_right(label: str, missing: Sequence[str], known: int) -> tuple[str, str]:
    """What to tell of items that are kept although they are nowhere: a sentence that stays the same, and which.

    Args:
        label: what they are called: ``issues``.
        missing: their identifiers.
        known: how many were held against the service at once.
    """
    reason = (
        f"most of the {label} are not to be seen any more: so many at once look like a right that was lost, and they"
        " stay as they were. Give it back; if they were deleted, remove the source with `ktlo sources remove SOURCE"
        " --forget` and add it again (what is older than `since`, and kept webhooks, go with it)"
    )
    return reason, f"{len(missing)} of {known}: {', '.join(missing[:5])}{'…' if len(missing) > 5 else ''}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about items that are nowhere.

    Attributes:
        deleted: those to remove.
        hidden: those that stay as they were.
        warnings: what to tell of the latter, a sentence and which they are, for each group.
    """

    deleted: tuple[str, ...]
    hidden: tuple[str, ...]
    warnings: tuple[tuple[str, str], ...]


def project(name: str) -> str:
    """The project of an item: ``SHOP`` of ``SHOP-17``."""
    return name.rpartition("-")[0]


def judged(
    missing: Collection[str], known: Collection[str], label: str, group: Callable[[str], str] | None = None
) -> Verdict:
    """Tell deleted items from those that a right was lost to.

    Args:
        missing: items that are nowhere.
        known: all that were held against the service, the missing ones among them.
        label: what they are called: ``open issues``.
        group: what an item is judged with: its project; all together when ``None``, and where most of all are missing.
    """
    deleted, hidden, warnings = list[str](), list[str](), list[tuple[str, str]]()
    of = group if group and are_deleted(len(missing), len(known)) else lambda _: ""
    for name, found in groupby(sorted(missing, key=lambda one: (of(one), one)), of):
        gone, there = list(found), sum(of(one) == name for one in known)
        if are_deleted(len(gone), there):
            deleted += gone
        else:
            hidden += gone
            warnings.append(lost_right(f"{label} of {name}" if name else label, gone, there))
    return Verdict(tuple(deleted), tuple(hidden), tuple(warnings))
