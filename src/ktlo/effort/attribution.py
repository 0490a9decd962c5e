"""Activities turned into parts of days: hours by what was done, at most one person-day per person and day.

Hours are weights: they say how a day was split, and how much of it left traces. A day that adds up to less
than ``hours_per_day`` counts as that part of a person-day; one that adds up to more is one person-day, split
in proportion. Constants and their reasons are in docs/effort.md. Vectorised; nothing here knows the store.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ktlo.effort.activity import Activity
from ktlo.effort.coding import codes, encoded, joined, ranks
from ktlo.records.arrow import schema
from ktlo.records.effort import EffortShare
from ktlo.records.schema import table_of
from ktlo.settings import EffortSettings

DAY_OFF = "on a day off"
"""Stands among the activities of work that was done while the person was away."""

_KINDS = tuple(Activity)
_CODE = {kind.value: code for code, kind in enumerate(_KINDS)}
_SAME_WORK = {Activity.CO_AUTHOR: Activity.COMMIT, Activity.RESPONDED: Activity.INCIDENT}
"""Two words for one piece of work: who is both author and co-author of a commit wrote it once."""
_REPEATS = frozenset({Activity.COMMENT, Activity.INCIDENT})
"""Counted each time, an incident's steps once per kind of step. Everything else counts once per person, day and
item: three labels are one triage."""


@dataclass(frozen=True, slots=True)
class Absence:
    """A day on which a person was away."""

    person: str
    day: dt.date


def activity_hours(
    kinds: npt.NDArray[np.int64], lines: npt.NDArray[np.int64], settings: EffortSettings
) -> npt.NDArray[np.float64]:
    """Hours of each activity, before the day's limit.

    Args:
        kinds: index into :class:`Activity`, shape (n,).
        lines: lines written by hand, shape (n,); counted for code only.
        settings: hours by activity.

    Returns:
        Hours, shape (n,). Code takes ``commit_hours + commit_hours_per_doubling * log2(1 + lines)``: a
        renaming of ten thousand lines is not a thousand times the work of a fix of ten.
    """
    flat = {
        Activity.COMMIT: settings.commit_hours,
        Activity.CO_AUTHOR: settings.commit_hours,
        Activity.AUTHORED: settings.commit_hours,
        Activity.MERGE: settings.triage_hours,
        Activity.OPENED: settings.change_hours,
        Activity.REVIEW: settings.review_hours,
        Activity.COMMENT: settings.comment_hours,
        Activity.TRIAGE: settings.triage_hours,
        Activity.INCIDENT: settings.incident_hours,
        Activity.RESPONDED: settings.incident_hours,
    }
    base = np.array([flat[kind] for kind in _KINDS])
    is_code = np.array([kind in (Activity.COMMIT, Activity.CO_AUTHOR, Activity.AUTHORED) for kind in _KINDS])
    size = np.log2(1.0 + np.maximum(lines, 0))
    hours: npt.NDArray[np.float64] = base[kinds] + np.where(
        is_code[kinds], settings.commit_hours_per_doubling * size, 0.0
    )
    return hours


def _starts(*keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where a new group begins in sorted keys."""
    changed = np.zeros(len(keys[0]), dtype=bool)
    changed[0] = True
    for key in keys:
        changed[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(changed).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Split:
    """A table of activities split into parts of days.

    Attributes:
        first: row of each part's first activity, shape (parts,).
        hours: hours of each part before the day's limit.
        day_hours: hours of the person's whole day.
        person_days: the part of the day that counts.
        done: bits of the activities in each part, by position in :class:`Activity`.
    """

    first: npt.NDArray[np.int64]
    hours: npt.NDArray[np.float64]
    day_hours: npt.NDArray[np.float64]
    person_days: npt.NDArray[np.float64]
    done: npt.NDArray[np.int64]


def split_days(work: pa.Table, settings: EffortSettings) -> Split:
    """Split each person's days over the work items of the day.

    Args:
        work: activities with the columns ``person``, ``day``, ``item_kind``, ``source``, ``item_id``,
            ``activity``, ``lines``; in any order, at least one row.
        settings: hours by activity, and hours that make a day.

    Returns:
        One part per person, day and item, sorted by these. The parts of a person's day add up to
        ``min(1, hours of the day / hours_per_day)``.
    """
    person, day = ranks(work["person"]), ranks(work["day"])
    item = ranks(joined(work, ("item_kind", "source", "item_id")))
    names = encoded(work["activity"])
    code = np.array([_CODE[name] for name in names.dictionary.to_pylist()], dtype=np.int64)
    kind = code[codes(names)]
    lines = work["lines"].to_numpy().astype(np.int64)
    hours = activity_hours(kind, lines, settings)
    once = np.array([_CODE[_SAME_WORK.get(one, one).value] for one in _KINDS], dtype=np.int64)[kind]
    order = np.lexsort((-hours, kind, once, item, day, person))
    unique = np.zeros(len(order), dtype=bool)
    unique[_starts(person[order], day[order], item[order], once[order])] = True
    repeats = np.array([one in _REPEATS for one in _KINDS])
    kept = order[unique | repeats[kind[order]]]
    parts = _starts(person[kept], day[kept], item[kept])
    part_hours = np.add.reduceat(hours[kept], parts)
    first = kept[parts]
    days = _starts(person[first], day[first])
    day_hours = np.repeat(np.add.reduceat(part_hours, days), np.diff(np.append(days, len(first))))
    return Split(
        first=first,
        hours=part_hours,
        day_hours=day_hours,
        person_days=part_hours / np.maximum(day_hours, settings.hours_per_day),
        done=np.bitwise_or.reduceat(np.left_shift(1, kind[kept]), parts),
    )


def activity_names(bits: int, *, day_off: bool = False) -> tuple[str, ...]:
    """Activities of one part of a day in words; ends with DAY_OFF on a day off."""
    names = tuple(kind.value for code, kind in enumerate(_KINDS) if bits >> code & 1)
    return (*names, DAY_OFF) if day_off else names


def attribute(work: pa.Table, settings: EffortSettings, away: Collection[Absence] = ()) -> pa.RecordBatch:
    """Turn activities into rows of ``effort``.

    Args:
        work: as for :func:`split_days`, with ``team``, ``repository``, ``service``, ``category``, ``layer``.
        settings: hours by activity.
        away: days off; work on them counts and is marked with DAY_OFF.

    Returns:
        A batch of the schema of :class:`~ktlo.records.effort.EffortShare`; parts of no length are left out.
    """
    target = schema(table_of(EffortShare))
    if work.num_rows == 0:
        return pa.RecordBatch.from_pylist([], schema=target)
    split = split_days(work, settings)
    has_length = np.flatnonzero(split.person_days > 0)
    rows = work.take(split.first[has_length]).combine_chunks()
    done = split.done[has_length]
    absent = {(one.person, one.day) for one in away}
    words = {int(bits): activity_names(int(bits)) for bits in np.unique(done)}
    names = [words[int(bits)] for bits in done]
    if absent:
        people, days = rows["person"].to_pylist(), rows["day"].to_pylist()
        names = [
            (*said, DAY_OFF) if (who, day) in absent else said
            for said, who, day in zip(names, people, days, strict=True)
        ]
    columns: dict[str, Any] = {
        name: rows[name].combine_chunks()
        for name in target.names
        if name not in ("activities", "person_days")
    }
    columns["activities"] = pa.array(names, pa.list_(pa.string()))
    columns["person_days"] = pa.array(split.person_days[has_length])
    return pa.RecordBatch.from_arrays(
        [_flat(columns[name]).cast(target.field(name).type) for name in target.names], schema=target
    )


def _flat(column: Any) -> Any:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array
