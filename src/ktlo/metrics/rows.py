"""Rows behind a number, as the arrays that estimators want.

A thin, read-only face over an Arrow table: instants become seconds since 1970 (NaN where null), text
becomes object arrays, each converted once.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ktlo.metrics.question import Window

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Rows:
    """Rows of one question or of one group of it.

    Args:
        table: what the metric's SQL answered.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self._arrays: dict[str, npt.NDArray[np.generic]] = {}

    def __len__(self) -> int:
        return self.table.num_rows

    def numbers(self, name: str) -> Floats:
        """A numeric column as float64, NaN where null."""
        if name not in self._arrays:
            column = self.table.column(name).cast(pa.float64())
            self._arrays[name] = column.to_numpy(zero_copy_only=False).astype(np.float64)
        return self._arrays[name]  # type: ignore[return-value]

    def seconds(self, name: str) -> Floats:
        """An instant column as seconds since 1970, NaN where null."""
        if name not in self._arrays:
            column = self.table.column(name).cast(pa.int64())
            values = column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
            self._arrays[name] = values / 1e6
        return self._arrays[name]  # type: ignore[return-value]

    def text(self, name: str) -> npt.NDArray[np.object_]:
        """A text column as an object array."""
        if name not in self._arrays:
            self._arrays[name] = self.table.column(name).to_numpy(zero_copy_only=False)
        return self._arrays[name]  # type: ignore[return-value]

    def has(self, name: str) -> bool:
        """True when the rows carry the column."""
        return name in self.table.column_names

    def where(self, mask: Mask) -> Rows:
        """The rows for which the mask is true."""
        return Rows(self.table.filter(pa.array(mask)))

    def within(self, window: Window, name: str = "at") -> Rows:
        """The rows whose instant lies in the window."""
        moments = self.seconds(name)
        return self.where((moments >= stamp(window.start)) & (moments < stamp(window.end)))

    def groups(self, name: str) -> dict[str, Rows]:
        """The rows by the values of a text column, largest group first."""
        values = self.text(name)
        present, place, counts = np.unique(
            np.array([value or "" for value in values], dtype=object), return_inverse=True, return_counts=True
        )
        order = sorted(range(present.size), key=lambda index: (-int(counts[index]), str(present[index])))
        return {str(present[index]): self.where(place == index) for index in order}


def stamp(moment: dt.datetime) -> float:
    """Seconds since 1970."""
    return moment.timestamp()
