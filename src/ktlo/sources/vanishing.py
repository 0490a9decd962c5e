"""Items that are nowhere any more: deleted, or the right to see them was lost? Services answer 404 to both. Pure.

What is taken for deleted leaves every figure until it is read again, so a lost right must not pass for a deletion. Few
things that vanish at once were deleted; all or most of them at once is what a right that was taken away looks like, or
a project that was archived or got another name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to think of items that are nowhere.

    Attributes:
        deleted: those that are gone.
        hidden: those to which a right may be lost.
    """

    deleted: tuple[str, ...]
    hidden: tuple[str, ...]


def project(name: str) -> str:
    """The project of an item: ``SHOP`` of ``SHOP-17``."""
    return name.rpartition("-")[0]


def judged(
    missing: Collection[str],
    known: Collection[str],
    group: Callable[[str], str] | None = None,
    hidden: Collection[str] = (),
) -> Verdict:
    """Tell deleted items from those that a right was lost to.

    Args:
        missing: items that are nowhere.
        known: all that were held against the service, the missing ones among them.
        group: what an item is judged with: its project; all together when ``None``, and where most of all are missing.
        hidden: groups of which others are hidden: what is left of one, and vanishes as a whole, followed them.
    """
    of = group if group and are_deleted(len(missing), len(known)) else lambda _: ""
    gone, there = Counter(map(of, missing)), Counter(map(of, known))
    deleted = {
        name
        for name, count in gone.items()
        if are_deleted(count, there[name]) and not (count == there[name] and name in hidden)
    }
    return Verdict(
        tuple(sorted(one for one in missing if of(one) in deleted)),
        tuple(sorted(one for one in missing if of(one) not in deleted)),
    )
