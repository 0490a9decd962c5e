"""How often the category model takes one category for another, measured, for intervals around shares.

The counts were written by ``training/train.py`` into ``category_model.npz``: held out by whole repositories
(large, labels derived from commit types) and checked by hand (small, but read one by one). Rows are
the truth, columns the verdict, whose last column is the abstention.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from ktlo.records.effort import Category


@dataclass(frozen=True)
class Confusion:
    """Counts of (true category, verdict)."""

    truth: tuple[Category, ...]
    """Categories of the rows."""
    verdict: tuple[Category, ...]
    """Categories of the columns; the last is ``unattributed``."""
    counts: npt.NDArray[np.int64]
    """(truth, verdict): number of items."""
    basis: str
    """In words, what was counted."""

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Number of items of each true category."""
        total: npt.NDArray[np.int64] = self.counts.sum(axis=1)
        return total

    @property
    def accuracy(self) -> float:
        """Share of right verdicts among those given; NaN where none was given."""
        given = int(self.counts[:, :-1].sum())
        right = sum(
            int(self.counts[row, self.verdict.index(true)])
            for row, true in enumerate(self.truth)
            if true in self.verdict[:-1]
        )
        return right / given if given else float("nan")

    @property
    def coverage(self) -> float:
        """Share of items that got a verdict; NaN without items."""
        total = int(self.counts.sum())
        return int(self.counts[:, :-1].sum()) / total if total else float("nan")


@functools.cache
def held_out_confusion() -> Confusion:
    """Return the counts over repositories that the model had not seen, labelled by their commit types."""
    return _stored("held_out", "commits of repositories left out of training, by their authors' commit types")


@functools.cache
def hand_checked_confusion() -> Confusion:
    """Return the counts over random commits of other repositories, labelled by reading them."""
    return _stored("hand_checked", "random commits of twelve other repositories, labelled by reading them")


def _stored(name: str, basis: str) -> Confusion:
    path = resources.files("ktlo.effort").joinpath("category_model.npz")
    with path.open("rb") as file, np.load(file) as stored:
        return Confusion(
            truth=tuple(Category(label) for label in stored[f"{name}_truth"].tolist()),
            verdict=(*(Category(label) for label in stored["categories"].tolist()), Category.UNATTRIBUTED),
            counts=stored[f"{name}_counts"].astype(np.int64),
            basis=basis,
        )
