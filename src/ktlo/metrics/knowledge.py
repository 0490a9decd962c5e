"""Who knows which file, and how much would be lost with whom.

Takes (commit, file, author) rows as numbers from the commits' file changes; spread per file, orphaned share
and truck factor go to the hotspot metrics. Degree of authorship and truck factor: Avelino, Passos, Hora and
Valente, A novel approach for estimating truck factors, ICPC 2016.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.metrics.coupling import compact
from ktlo.metrics.estimate import Estimate, not_estimable

Indexes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_AUTHOR_FROM, _AUTHOR_SHARE = 3.293, 0.75
"""Avelino et al.: an author has at least this degree, and more than this part of the file's highest."""


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """Spread of knowledge; the first group has a row a file, the second a row a (file, author).

    Attributes:
        files: index of the file, ascending.
        revisions: how often authors changed it: its commits, a co-authored one counted for each author.
        authors: how many people changed it.
        main_author: index of who has the most commits; of equals, who has the higher degree of
            authorship.
        main_share: the main author's part of the revisions, above 0 and up to 1.
        file_row: which row of ``files`` a pair belongs to.
        author: index of the author of the pair.
        commits: the pair's commits.
        degree: the pair's degree of authorship.
        is_author: True where the degree makes them an author of the file.
    """

    files: Indexes
    revisions: Indexes
    authors: Indexes
    main_author: Indexes
    main_share: Floats
    file_row: Indexes
    author: Indexes
    commits: Indexes
    degree: Floats
    is_author: npt.NDArray[np.bool_]


def knowledge(commits: npt.ArrayLike, files: npt.ArrayLike, authors: npt.ArrayLike) -> Knowledge:
    """Compute who knows which file.

    Args:
        commits: (n,) index of the commit, ascending in time; repeated rows count once.
        files: (n,) index of the file.
        authors: (n,) index of the author; a co-authored commit has a row for each.

    Raises:
        ValueError: different lengths, or negative indexes.
    """
    when, what, who = compact(commits), compact(files), compact(authors)
    if not when.shape == what.shape == who.shape:
        raise ValueError(f"{when.shape} commits, {what.shape} files, {who.shape} authors")
    if when.size == 0:
        empty = np.zeros(0, dtype=np.int64)
        nothing = np.zeros(0)
        return Knowledge(
            empty, empty, empty, empty, nothing, empty, empty, empty, nothing, np.zeros(0, dtype=np.bool_)
        )
    width = int(who.max()) + 1
    order = np.lexsort((when, what * width + who))
    pair, moment = (what * width + who)[order], when[order]
    starts = np.concatenate(([True], pair[1:] != pair[:-1]))
    counted = starts | np.concatenate(([True], moment[1:] != moment[:-1]))
    begin = np.flatnonzero(starts)
    changes = np.add.reduceat(counted.astype(np.int64), begin)
    first_seen = moment[begin]
    file_of, author = np.divmod(pair[begin], width)
    at = np.flatnonzero(np.concatenate(([True], file_of[1:] != file_of[:-1])))
    file_row = np.cumsum(np.concatenate(([False], file_of[1:] != file_of[:-1]))).astype(np.int64)
    revisions = np.add.reduceat(changes, at)
    created = np.minimum.reduceat(first_seen, at)
    degree = (
        3.293
        + 1.098 * (first_seen == created[file_row])
        + 0.164 * changes
        - 0.321 * np.log1p(revisions[file_row] - changes)
    )
    highest = np.maximum.reduceat(degree, at)
    best = np.lexsort((degree, changes, file_row))[np.append(at[1:], file_row.size) - 1]
    return Knowledge(
        files=file_of[at],
        revisions=revisions,
        authors=np.diff(np.append(at, file_row.size)),
        main_author=author[best],
        main_share=changes[best] / revisions,
        file_row=file_row,
        author=author,
        commits=changes,
        degree=degree,
        is_author=(degree >= _AUTHOR_FROM) & (degree > _AUTHOR_SHARE * highest[file_row]),
    )


def orphaned_share(known: Knowledge, left: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Estimate:
    """Return the share of the code whose main author has left: a fact, so without an interval.

    Args:
        known: of the files that still exist.
        left: indexes of the authors who left.
        weights: (files,) such as lines of code; every file counts alike when not given.

    Raises:
        ValueError: not one weight a file, or a negative one.
    """
    size = np.ones(known.files.size) if weights is None else np.asarray(weights, dtype=np.float64)
    if size.shape != known.files.shape or (size.size and not size.min() >= 0):
        raise ValueError(f"{known.files.size} files need as many weights, 0 or more")
    total = float(size.sum())
    if total == 0:
        return not_estimable("there is no code with a known author", known.files.size)
    gone = np.isin(known.main_author, compact(left))
    return Estimate(float(size[gone].sum()) / total, None, None, known.files.size)


def truck_factor(known: Knowledge) -> Estimate:
    """Return how many people must leave before more than half of the files have no author left.

    Greedy: always the one with the most files. A fact of the record, so without an interval.
    """
    files = known.files.size
    if files == 0:
        return not_estimable("there is no code with a known author")
    row, who = known.file_row[known.is_author], known.author[known.is_author]
    left_over = np.bincount(row, minlength=files)
    # By author, so that removing one touches only that one's files.
    order = np.argsort(who, kind="stable")
    row, who = row[order], who[order]
    people, start, held = np.unique(who, return_index=True, return_counts=True)
    covered, removed = int(np.count_nonzero(left_over)), 0
    for person in np.argsort(-held, kind="stable"):
        if 2 * covered < files:
            break
        theirs = row[start[person] : start[person] + held[person]]
        left_over[theirs] -= 1
        covered -= int(np.count_nonzero(left_over[theirs] == 0))
        removed += 1
    return Estimate(float(removed), None, None, int(people.size))
