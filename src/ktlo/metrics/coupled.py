"""Which source files of a repository change together: the answer that the Hotspots page shows.

Rows come from ``file_changes`` of one period; the pairs are found by ``coupling``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ktlo.metrics.coupling import coupling
from ktlo.metrics.question import Question
from ktlo.metrics.rows import Rows
from ktlo.store.protocol import Queryable

_TOUCHED = """
SELECT sha, path FROM ktlo.file_changes
WHERE authored_at >= {start:DateTime64(6, 'UTC')} AND authored_at < {end:DateTime64(6, 'UTC')}
  AND repository = {repository:String}
  AND path IN (SELECT path FROM ktlo.files WHERE repository = {repository:String} AND role = 'source')"""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two files that change together.

    Attributes:
        first: path of the one.
        second: path of the other.
        shared: commits that touched both.
        degree: shared commits over the mean of both files' commits, above 0 and up to 1.
    """

    first: str
    second: str
    shared: int
    degree: float


@dataclass(frozen=True, slots=True)
class Coupled:
    """The closest pairs of one repository, and what was looked at.

    Attributes:
        repository: the repository.
        pairs: closest first.
        found: how many pairs there are in all.
        commits: commits looked at.
        ignored: commits left out because they touched too many files.
    """

    repository: str
    pairs: tuple[Pair, ...]
    found: int
    commits: int
    ignored: int


def coupled_files(store: Queryable, question: Question, repository: str, most: int = 25) -> Coupled:
    """Find the files of a repository that changed together in the period.

    Args:
        store: where the changes are.
        question: its period is used.
        repository: the repository.
        most: how many pairs to give.
    """
    touched = store.query(_TOUCHED, {"start": question.start, "end": question.end, "repository": repository})
    if touched.num_rows == 0:
        return Coupled(repository, (), 0, 0, 0)
    rows = Rows(touched)
    commits, _ = rows.coded("sha")
    place, seen = rows.coded("path")
    # Pairs that are equally close come in alphabetical order.
    names = sorted(seen)
    files = np.argsort(np.array(sorted(range(len(seen)), key=seen.__getitem__)))[place]
    found = coupling(commits, files)
    pairs = tuple(
        Pair(names[first], names[second], int(shared), float(degree))
        for first, second, shared, degree in zip(
            found.first[:most], found.second[:most], found.shared[:most], found.degree[:most], strict=True
        )
    )
    return Coupled(repository, pairs, len(found), found.commits, found.ignored)
