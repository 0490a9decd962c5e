"""What each column of a file holds, judged by its whole length.

One pass, little memory: per column the number of filled cells, the commonest values, the null markers and
what its dates prove. Read by ``matching`` and ``propose``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from ktlo.sources.csv.config import NULLS
from ktlo.sources.csv.dates import LIKELY, StyleEvidence, Verdict
from ktlo.sources.csv.proposal import ColumnFinding
from ktlo.sources.csv.rows import Row

PROFILE_ROWS = 100_000
"""Rows that a proposal rests on; a longer file is judged by its first so many, and the proposal says so."""
_DISTINCT = 2000


@dataclass(slots=True)
class ColumnProfile:
    """What a column holds so far."""

    name: str
    filled: int = 0
    numbers: int = 0
    repeats: bool = False
    values: Counter[str] = field(default_factory=Counter)
    nulls: dict[str, None] = field(default_factory=dict)
    dates: StyleEvidence = field(default_factory=StyleEvidence)

    def add(self, cell: str, row: int) -> None:
        """Take one cell into account, and the row in which it stands."""
        value = cell.strip()
        if value in NULLS:
            if value:
                self.nulls[value] = None
            return
        self.filled += 1
        self.dates.add(value, row)
        if len(value) <= 40:
            self.numbers += value.replace(".", "", 1).removeprefix("-").isdigit()
        if value in self.values or len(self.values) < _DISTINCT:
            self.values[value[:200]] += 1

    @property
    def verdict(self) -> Verdict | None:
        """How its dates are written; ``None`` when it holds none."""
        return self.dates.verdict()

    @property
    def likely(self) -> Verdict | None:
        """How its dates are written, if its name says that it holds dates: some cells may be none."""
        return self.dates.verdict(LIKELY)

    @property
    def strangers(self) -> str:
        """Which cells are no dates though most are, in words; empty when all are, or most are none."""
        likely = self.likely
        return self.dates.strangers(likely.style) if likely else ""

    def finding(self) -> ColumnFinding:
        """For the proposal."""
        verdict = self.verdict
        kind = (
            "empty"
            if not self.filled
            else "dates"
            if verdict
            else "numbers"
            if self.numbers == self.filled
            else "text"
        )
        examples = tuple(value[:80] for value, _ in self.values.most_common(3))
        return ColumnFinding(
            self.name,
            kind,
            self.filled,
            len(self.values),
            tuple(self.nulls),
            examples,
            verdict.reason if verdict else "",
        )


@dataclass(frozen=True, slots=True)
class Profile:
    """A file's columns, and how many rows were looked at."""

    columns: dict[str, ColumnProfile]
    rows: int
    is_whole_file: bool


def profile_rows(columns: tuple[str, ...], rows: Iterator[Row]) -> Profile:
    """Look at a file's rows, at most :data:`PROFILE_ROWS` of them."""
    profiles = {name: ColumnProfile(name) for name in columns}
    count = 0
    for row in islice(rows, PROFILE_ROWS):
        count += 1
        for name, cells in row.cells.items():
            if not name:
                continue  # a column without a header cannot be named in a mapping
            column = profiles.get(name)
            if column is None:
                # JSON objects need not all have the same keys.
                column = profiles.setdefault(name, ColumnProfile(name))
            for cell in cells:
                column.add(cell, row.number)
            column.repeats = column.repeats or len(cells) > 1
    return Profile(profiles, count, next(rows, None) is None)
