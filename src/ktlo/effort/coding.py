"""Columns as integers: text of millions of rows is worked on as codes into its few distinct values.

Arrow's dictionary encoding for the joins and groupings of :mod:`ktlo.effort.attribution`,
:mod:`ktlo.effort.people` and :mod:`ktlo.effort.derive`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

SEPARATOR = "\0"
"""Stands between the parts of joined columns; no identifier holds it."""


def encoded(column: Any) -> Any:
    """The column as one dictionary array (``dictionary``, ``indices``)."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return array if isinstance(array, pa.DictionaryArray) else pc.dictionary_encode(array)


def joined(table: pa.Table, names: tuple[str, ...]) -> Any:
    """Several text columns as one dictionary array, their values joined by SEPARATOR."""
    columns: list[Any] = [table[name].cast(pa.string()) for name in names]
    return encoded(pc.binary_join_element_wise(*columns, SEPARATOR))


def key_sql(*columns: str) -> str:
    """The same in the engine's SQL: several columns as one text.

    A join by one text of half a million items takes a third to half of what a join by several columns takes
    (benchmarks/tracker_collection.py).

    Args:
        columns: expressions of type String or LowCardinality(String).
    """
    between = ", '\\0', "
    return f"concat({between.join(columns)})"


def codes(column: Any) -> npt.NDArray[np.int64]:
    """Indices of a dictionary array, shape (rows,)."""
    indices: npt.NDArray[np.int64] = column.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return indices


def ranks(column: Any) -> npt.NDArray[np.int64]:
    """Integers in the order of the values, so that an outcome does not depend on the order of rows.

    Args:
        column: any column or dictionary array without nulls.
    """
    coded = encoded(column)
    # A dictionary made by a join may hold a value twice (two accounts of one person): equal values rank equal.
    _, rank = np.unique(coded.dictionary.to_numpy(zero_copy_only=False), return_inverse=True)
    ranked: npt.NDArray[np.int64] = rank.astype(np.int64)[codes(coded)]
    return ranked
