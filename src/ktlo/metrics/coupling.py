"""Which files change together though nothing in the code says why: temporal coupling.

Takes (commit, file) pairs as numbers from the commits' file changes; pairs of files go to the hotspot
metrics. Support and degree as in Gall, Hajek and Jazayeri 1998 and in Tornhill, Your Code as a Crime Scene
(2015): shared revisions over the mean of both files' revisions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

Indexes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SUPPORT = 5
"""Files that changed together less often are not called coupled."""

MOST_FILES = 50
"""A commit that touches more files (a reformat, an import) says nothing about coupling."""


@dataclass(frozen=True, slots=True, eq=False)
class Coupling:
    """Coupled pairs of files, closest first; all arrays of one length.

    Attributes:
        first: file index, the smaller of the two.
        second: file index.
        shared: commits that touched both.
        degree: shared commits over the mean of both files' commits, above 0 and up to 1.
        commits: how many commits were looked at.
        ignored: how many were not, because they touched too many files.
    """

    first: Indexes
    second: Indexes
    shared: Indexes
    degree: Floats
    commits: int
    ignored: int

    def __len__(self) -> int:
        return int(self.first.size)


def compact(index: npt.ArrayLike) -> Indexes:
    """Return indexes as integers.

    Raises:
        ValueError: one is negative or no integer.
    """
    numbers = np.asarray(index)
    if numbers.size == 0:
        return np.zeros(0, dtype=np.int64)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or numbers.min() < 0:
        raise ValueError("commits, files and authors are numbered from 0")
    return numbers.astype(np.int64, copy=False)


def coupling(
    commits: npt.ArrayLike,
    files: npt.ArrayLike,
    support: int = SUPPORT,
    most_files: int = MOST_FILES,
) -> Coupling:
    """Find the pairs of files that change together.

    Args:
        commits: (n,) index of the commit, a row for each file it touched; repeated rows count once.
        files: (n,) index of the file.
        support: the fewest shared commits of a pair.
        most_files: the most files of a commit that counts.

    Raises:
        ValueError: different lengths, negative indexes, or a support below 1.
    """
    rows, columns = compact(commits), compact(files)
    if rows.shape != columns.shape:
        raise ValueError(f"{rows.shape} commits, but {columns.shape} files")
    if support < 1:
        raise ValueError(f"a support of {support} would call every pair coupled")
    none = np.zeros(0, dtype=np.int64)
    if rows.size == 0:
        return Coupling(none, none, none, np.zeros(0), 0, 0)
    width = int(columns.max()) + 1
    rows, columns = np.divmod(np.unique(rows * width + columns), width)
    sizes = np.bincount(rows)
    seen, ignored = int(np.count_nonzero(sizes)), int(np.count_nonzero(sizes > most_files))
    small = sizes[rows] <= most_files
    rows, columns = rows[small], columns[small]
    revisions = np.bincount(columns, minlength=width)
    # A file with fewer commits than the support can be in no pair, and most files have few.
    often = revisions[columns] >= support
    kept, numbered = np.unique(columns[often], return_inverse=True)
    if kept.size < 2:
        return Coupling(none, none, none, np.zeros(0), seen - ignored, ignored)
    touched = np.unique(rows[often], return_inverse=True)[1]
    incidence = sparse.csr_array(
        (np.ones(touched.size, dtype=np.int32), (touched, numbered)),
        shape=(int(touched.max()) + 1, kept.size),
    )
    together = sparse.coo_array(incidence.T @ incidence)
    left, right = together.coords
    wanted = (left < right) & (together.data >= support)
    first, second = kept[left[wanted]], kept[right[wanted]]
    shared = together.data[wanted].astype(np.int64)
    degree = 2 * shared / (revisions[first] + revisions[second])
    order = np.lexsort((second, first, -shared, -degree))
    return Coupling(first[order], second[order], shared[order], degree[order], seen - ignored, ignored)
