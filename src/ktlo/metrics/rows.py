"""Rows behind a number, as the arrays that estimators want.

A thin, read-only face over an Arrow table: instants become seconds since 1970 (NaN where null), text
becomes object arrays, each converted once. A part of the rows (a bucket, a group) shares what its whole
has converted, so that a series of a hundred buckets costs one conversion and a hundred masks.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ktlo.metrics.question import Window

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_Array = npt.NDArray[np.generic]


class Rows:
    """Rows of one question or of one group of it.

    Args:
        table: what the metric's SQL answered.
    """

    def __init__(self, table: pa.Table) -> None:
        self._whole: Rows | None = None
        self._places: Places = np.zeros(0, dtype=np.int64)
        self._table: pa.Table | None = table
        self._arrays: dict[tuple[str, str], _Array] = {}

    @classmethod
    def _part(cls, whole: Rows, places: Places) -> Rows:
        part = cls.__new__(cls)
        part._whole, part._places, part._table, part._arrays = whole, places, None, {}
        return part

    @property
    def table(self) -> pa.Table:
        """The rows as an Arrow table."""
        if self._table is None:
            whole = self._whole
            assert whole is not None  # noqa: S101 - a part has its whole
            self._table = whole.table.take(pa.array(self._places, pa.int64()))
        return self._table

    def __len__(self) -> int:
        return int(self._places.size) if self._whole is not None else self.table.num_rows

    def _array(self, kind: str, name: str, read: Callable[[], _Array]) -> _Array:
        key = (kind, name)
        if key not in self._arrays:
            if self._whole is None:
                self._arrays[key] = read()
            else:
                self._arrays[key] = self._whole._array(kind, name, read)[self._places]
        return self._arrays[key]

    def _root(self) -> Rows:
        return self if self._whole is None else self._whole._root()

    def _column(self, name: str) -> Any:
        return self._root().table.column(name)

    def numbers(self, name: str) -> Floats:
        """A numeric column as float64, NaN where null."""

        def read() -> Floats:
            column = self._column(name).cast(pa.float64())
            return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)

        return self._array("number", name, read)  # type: ignore[return-value]

    def seconds(self, name: str) -> Floats:
        """An instant column as seconds since 1970, NaN where null."""

        def read() -> Floats:
            column = self._column(name).cast(pa.int64()).cast(pa.float64())
            return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64) / 1e6

        return self._array("instant", name, read)  # type: ignore[return-value]

    def text(self, name: str) -> npt.NDArray[np.object_]:
        """A text column as an object array."""

        def read() -> npt.NDArray[np.object_]:
            return np.asarray(self._column(name).to_numpy(zero_copy_only=False), dtype=np.object_)

        return self._array("text", name, read)  # type: ignore[return-value]

    def coded(self, name: str) -> tuple[Places, list[str]]:
        """A text column as places in the list of its distinct values, in order of first appearance."""
        column: Any = self.table.column(name)
        encoded = column.cast(pa.string()).fill_null("").combine_chunks().dictionary_encode()
        places: Places = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        return places, encoded.dictionary.to_pylist()

    def placed(self, name: str, values: tuple[str, ...], otherwise: int) -> Places:
        """For each row, where its text stands among ``values``; ``otherwise`` where it is none of them."""

        def read() -> Places:
            place, present = self._root().coded(name)
            known = {value: index for index, value in enumerate(values)}
            return np.array([known.get(value, otherwise) for value in present], dtype=np.int64)[place]

        return self._array(f"place in {values} or {otherwise}", name, read)  # type: ignore[return-value]

    def where(self, mask: Mask) -> Rows:
        """The rows for which the mask is true."""
        return Rows._part(self, np.flatnonzero(mask))

    def within(self, window: Window, name: str = "at") -> Rows:
        """The rows whose instant lies in the window, start included and end not."""
        moments = self.seconds(name)
        return self.where((moments >= stamp(window.start)) & (moments < stamp(window.end)))

    def groups(self, name: str) -> dict[str, Rows]:
        """The rows by the values of a text column, largest group first."""
        place, values = self.coded(name)
        counts = np.bincount(place, minlength=len(values))
        sorted_places = np.argsort(place, kind="stable")
        ends = np.cumsum(counts)
        order = sorted(range(len(values)), key=lambda index: (-int(counts[index]), values[index]))
        return {
            values[index]: Rows._part(self, sorted_places[ends[index] - counts[index] : ends[index]])
            for index in order
        }


def stamp(moment: dt.datetime) -> float:
    """Seconds since 1970."""
    return moment.timestamp()
