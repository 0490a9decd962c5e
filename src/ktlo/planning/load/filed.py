"""What was filed in a tracker, and hours of work on it, as columns: a row costs bytes, not a Python object.

Read by :mod:`ktlo.planning.load.reading` and put together by :mod:`ktlo.planning.load.assembling`. A tracker may hold
half a million issues; the few rows that need a closer look are taken out as :class:`Tracked` and :class:`Part`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ktlo.effort.coding import SEPARATOR, codes, encoded
from ktlo.effort.items import ItemKey
from ktlo.planning.demand import WorkClass
from ktlo.planning.load.classes import ORDER
from ktlo.records.effort import ItemKind

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Tracked:
    """An issue or incident; ``work_class`` is ``None`` for what a team chose to do."""

    key: ItemKey
    repository: str
    service: str
    group: str
    work_class: WorkClass | None
    arrived: float
    ended: float
    known_until: float
    is_over: bool
    is_duplicate: bool = False
    is_down: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Hours of one day that went to one record of a class."""

    key: ItemKey
    day: int
    work_class: WorkClass
    repository: str
    service: str
    group: str
    hours: float


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """A column of texts: its different ones, and the place of each row's among them."""

    names: tuple[str, ...]
    place: Ints

    @classmethod
    def of(cls, column: Any) -> Named:
        """A column of Arrow, without nulls."""
        coded = encoded(column.cast(pa.string()))
        return cls(tuple(coded.dictionary.to_pylist()), codes(coded))

    @classmethod
    def same(cls, rows: int) -> Named:
        """So many rows of no name."""
        return cls(("",), np.zeros(rows, dtype=np.int64))

    def __getitem__(self, row: int) -> str:
        return self.names[int(self.place[row])]

    def taken(self, rows: Ints) -> Named:
        """Some of the rows."""
        return Named(self.names, self.place[rows])

    def among(self, places: dict[str, int]) -> Ints:
        """The place of each row's name in another order."""
        return np.array([places[name] for name in self.names], dtype=np.int64)[self.place]


@dataclass(frozen=True, slots=True, eq=False)
class Filed:
    """Issues and incidents; every column has one entry each.

    Attributes:
        keys: as :func:`key_text`.
        repository: owner/name; empty when none.
        service: of the catalogue; empty when none.
        group: by which a load is grouped.
        work_class: place in ``classes.ORDER``; -1 for what a team chose to do.
        arrived: seconds since 1970.
        ended: seconds since 1970; NaN while it is open.
        known_until: until when its source knew it.
        is_over: it has ended, whether or not it is told when.
        is_duplicate: its tracker calls it a duplicate.
        is_down: its severity means that something was down.
    """

    keys: Any
    repository: Named
    service: Named
    group: Named
    work_class: Ints
    arrived: Floats
    ended: Floats
    known_until: Floats
    is_over: Flags
    is_duplicate: Flags
    is_down: Flags

    def __len__(self) -> int:
        return int(self.arrived.size)

    def taken(self, rows: Ints) -> Filed:
        """Some of the rows."""
        return Filed(
            self.keys.take(pa.array(rows)),
            self.repository.taken(rows),
            self.service.taken(rows),
            self.group.taken(rows),
            self.work_class[rows],
            self.arrived[rows],
            self.ended[rows],
            self.known_until[rows],
            self.is_over[rows],
            self.is_duplicate[rows],
            self.is_down[rows],
        )

    def one(self, row: int) -> Tracked:
        """A row as an object."""
        place = int(self.work_class[row])
        return Tracked(
            key=key_of(self.keys[row].as_py()),
            repository=self.repository[row],
            service=self.service[row],
            group=self.group[row],
            work_class=None if place < 0 else ORDER[place],
            arrived=float(self.arrived[row]),
            ended=float(self.ended[row]),
            known_until=float(self.known_until[row]),
            is_over=bool(self.is_over[row]),
            is_duplicate=bool(self.is_duplicate[row]),
            is_down=bool(self.is_down[row]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Hours of single days that went to single records; every column has one entry each.

    Attributes:
        keys: of the record, as :func:`key_text`.
        day: days since 1970.
        work_class: place in ``classes.ORDER``.
        repository: owner/name; empty when none.
        service: of the catalogue; empty when none.
        group: by which a load is grouped.
        hours: hours.
    """

    keys: Any
    day: Ints
    work_class: Ints
    repository: Named
    service: Named
    group: Named
    hours: Floats

    def one(self, row: int) -> Part:
        """A row as an object."""
        return Part(
            key=key_of(self.keys[row].as_py()),
            day=int(self.day[row]),
            work_class=ORDER[self.work_class[row]],
            repository=self.repository[row],
            service=self.service[row],
            group=self.group[row],
            hours=float(self.hours[row]),
        )


def key_text(key: ItemKey) -> str:
    """A key as text, by which columns of keys are compared."""
    return SEPARATOR.join((key.item_kind.value, key.source, key.item_id))


def key_of(text: str) -> ItemKey:
    """The key of :func:`key_text`."""
    kind, source, item_id = text.split(SEPARATOR, 2)
    return ItemKey(ItemKind(kind), source, item_id)


def keys_column(table: pa.Table, names: Sequence[str]) -> Any:
    """The keys of a table's rows as text, from the columns of kind, source and identifier."""
    columns: list[Any] = [table[name].cast(pa.string()) for name in names]
    return pc.binary_join_element_wise(*columns, SEPARATOR).combine_chunks()
